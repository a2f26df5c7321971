"""The failed store of both kinds, as the embedded store is asked of it, each function blocking."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from attrs import asdict

from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter, FailureGroup
from trioworq.core.jobs import FailedJob, Kind
from trioworq.stores.browsing import SEARCHED_JOBS
from trioworq.stores.interface import Page
from trioworq.stores.paging import LAST, cut_failures, fitting
from trioworq.stores.rows import FAILURE, Row, failure_of
from trioworq.stores.searching import folded, until
from trioworq.stores.sqlite.connection import snapshot

NEWEST = "SELECT coalesce(max(id), 0) FROM failure"
OUTDATED = "SELECT id FROM failure WHERE failed_at < ? ORDER BY failed_at LIMIT ?"

# How many bytes running a failed job again moves.
_CONTENTS = "length(payload) + coalesce(length(pull_state), 0)"

_GROUP = "kind, queue, category, error, count(*), min(failed_at), max(failed_at), max(id)"

_CONDITIONS = {
    "job_id": "job_id = :job_id",
    "job_ids": "job_id IN (SELECT value FROM json_each(:job_ids))",
    "kind": "kind = :kind",
    "queue": "queue = :queue",
    "category": "kind = 0 AND category = :category",
    "failed_after_ms": "failed_at >= :failed_after_ms",
    "failed_before_ms": "failed_at < :failed_before_ms",
    "error": "error = :error",
    "newest_id": "id <= :newest_id",
    # The case of ASCII letters alone is lost.
    "text": "(instr(lower(result_message), :text) OR instr(lower(url), :text) "
    "OR instr(lower(pull_key), :text))",
}


def _where(wanted: FailureFilter, *more: str) -> str:
    conditions = [condition for name, condition in _CONDITIONS.items() if getattr(wanted, name) is not None]
    return " AND ".join([*conditions, *more]) or "true"


def _has_ids(wanted: FailureFilter) -> bool:
    return wanted.job_id is not None or wanted.job_ids is not None


def _wanted(what: str, wanted: FailureFilter, *more: str) -> str:
    """Select `what` of failures, by indexes that have them by id.

    Its parameters are the filter's fields and those of `more` conditions.
    """
    where = _where(wanted, *more)
    if _has_ids(wanted):
        return f"SELECT {what} FROM failure INDEXED BY failure_job WHERE {where}"
    if wanted.queue is None:
        return f"SELECT {what} FROM failure INDEXED BY failure_all WHERE {where}"
    # Two ranges of the index, which are merged by id; with IN they would be sorted.
    return " UNION ALL ".join(
        f"SELECT {what} FROM failure INDEXED BY failure_failed WHERE kind = {kind:d} AND {where}"
        for kind in Kind
    )


def _grouped(what: str, wanted: FailureFilter) -> str:
    """Select `what` of failures, by the index that has those of each error."""
    index = "failure_job" if _has_ids(wanted) else "failure_group"
    both = ["kind IN (0, 1)"] if wanted.kind is None and wanted.category is None else []
    return f"SELECT {what} FROM failure INDEXED BY {index} WHERE {_where(wanted, *both)}"


def _values(wanted: FailureFilter, **more: int) -> dict[str, Any]:
    values = asdict(wanted) | more
    if wanted.job_ids is not None:
        values["job_ids"] = json.dumps(list(wanted.job_ids))
    if wanted.text is not None:
        values["text"] = folded(wanted.text)
    return values


def read_failed(
    connection: sqlite3.Connection, wanted: FailureFilter, offset: int, limit: int
) -> Sequence[FailedJob]:
    """Return failures, the oldest first."""
    # Of what is passed over the ids alone are read.
    ids = f"{_wanted('id', wanted)} ORDER BY id LIMIT :limit OFFSET :offset"
    statement = f"SELECT {FAILURE} FROM failure WHERE id IN ({ids}) ORDER BY id"
    with closing(connection.execute(statement, _values(wanted, offset=offset, limit=limit))) as rows:
        return cut_failures(map(failure_of, rows), limit).items


def read_newest_failures(
    connection: sqlite3.Connection, wanted: FailureFilter, cursor: Cursor | None, limit: int
) -> Page[FailedJob]:
    """Return one page of failures, the newest first."""
    first_id = (cursor or LAST).id
    with snapshot(connection):
        stop_id = _find_stop(connection, wanted, first_id)
        values = _values(wanted, first_id=first_id, stop_id=stop_id, limit=limit + 1)
        found = _wanted(FAILURE, wanted, "id <= :first_id", "id > :stop_id")
        with closing(connection.execute(f"{found} ORDER BY id DESC LIMIT :limit", values)) as rows:
            page = cut_failures(map(failure_of, rows), limit)
    return until(page, Cursor(0, stop_id) if stop_id else None)


def _find_stop(connection: sqlite3.Connection, wanted: FailureFilter, first_id: int) -> int:
    """Return the id of the first failure that is not gone through; 0 if all are, or none is passed over."""
    listed = FailureFilter(queue=wanted.queue, kind=wanted.kind if wanted.queue is not None else None)
    if _has_ids(wanted) or wanted == listed:
        return 0
    statement = f"{_wanted('id', listed, 'id <= :first_id')} ORDER BY id DESC LIMIT 1 OFFSET :searched"
    values = _values(listed, first_id=first_id, searched=SEARCHED_JOBS)
    rows = connection.execute(statement, values).fetchall()
    return rows[0][0] if rows else 0


def count_failures(connection: sqlite3.Connection, wanted: FailureFilter) -> int:
    """Count failures."""
    # What tells errors apart is the largest index; the others are gone through faster.
    found = _wanted("1", wanted) if wanted.error is None else _grouped("1", wanted)
    count: int = connection.execute(f"SELECT count(*) FROM ({found})", _values(wanted)).fetchone()[0]
    return count


def read_groups(connection: sqlite3.Connection, wanted: FailureFilter, limit: int) -> list[FailureGroup]:
    """Return the groups of failures, those with the most first."""
    found = _grouped(_GROUP, wanted)
    statement = (
        f"{found} GROUP BY kind, queue, category, error ORDER BY count(*) DESC, max(id) DESC LIMIT :limit"
    )
    return [_group_of(row) for row in connection.execute(statement, _values(wanted, limit=limit))]


def _group_of(row: Row) -> FailureGroup:
    kind, queue, category, error, count, first_failed_at, last_failed_at, newest_id = row
    return FailureGroup(
        kind=Kind(kind),
        queue=queue,
        category=category,
        error=error,
        count=count,
        first_failed_at_ms=first_failed_at,
        last_failed_at_ms=last_failed_at,
        newest_id=newest_id,
    )


def read_failure_ids(
    connection: sqlite3.Connection, wanted: FailureFilter, after_id: int, until_id: int, limit: int
) -> list[int]:
    """Return the first ids within a range of them."""
    found = _wanted(f"id, {_CONTENTS}", wanted, "id > :after_id", "id <= :until_id")
    values = _values(wanted, after_id=after_id, until_id=until_id, limit=limit)
    with closing(connection.execute(f"{found} ORDER BY id LIMIT :limit", values)) as rows:
        return [failure_id for failure_id, _ in fitting(rows, lambda row: row[1])]


def read_newest(connection: sqlite3.Connection) -> int:
    """Return the greatest id."""
    newest: int = connection.execute(NEWEST).fetchone()[0]
    return newest


def read_outdated_failures(connection: sqlite3.Connection, before_ms: int, limit: int) -> list[int]:
    """Return ids of failures from before a time."""
    return [failure_id for (failure_id,) in connection.execute(OUTDATED, (before_ms, limit))]
