"""The failed store of both kinds, as the embedded store is told and asked of it, each function blocking."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from attrs import asdict

from trioworq.core.failures import FailureFilter, FailureName, Obstacle, Requeued
from trioworq.core.jobs import DEFAULT_PRIORITY, FailedJob, Kind
from trioworq.stores.paging import cut_failures, fitting
from trioworq.stores.rows import FAILURE, UNKNOWN_ATTEMPT, failure_of
from trioworq.stores.sqlite.connection import only
from trioworq.stores.sqlite.reads import read_queue

NEWEST = "SELECT coalesce(max(id), 0) FROM failure"
OUTDATED = "SELECT id FROM failure WHERE failed_at < ? ORDER BY failed_at LIMIT ?"
FIND_NAME = "SELECT kind, job_id, queue, pull_key FROM failure WHERE id = ?"
IS_TAKEN = "SELECT 1 FROM job WHERE queue = ? AND pull_key = ?"
# The attempt goes on from the last one, so that what comes late of that is not taken for this one's (I3).
# What older releases have not kept is what makes the job run as often, and at once.
REQUEUE = (
    "INSERT INTO job (id, kind, queue, category, url, pull_key, pull_state, payload, payload_form, state, "
    "priority, next_try, created_at, timeout, retry_delay, max_retries, retries_left, fail_count, attempt) "
    "SELECT job_id, kind, queue, category, url, pull_key, pull_state, payload, payload_form, 0, "
    f"coalesce(priority, {DEFAULT_PRIORITY:d}), ?, created_at, coalesce(timeout, 0), "
    "coalesce(retry_delay, 0), CASE kind WHEN 1 THEN coalesce(max_retries, max(fail_count - 1, 0)) END, "
    "max(coalesce(max_retries, fail_count - 1), 0), 0, "
    f"coalesce(attempt, {UNKNOWN_ATTEMPT:d}) "
    "FROM failure WHERE id = ?"
)
FORGET = "DELETE FROM failure WHERE id = ? RETURNING job_id, queue, pull_key"

# How many bytes running a failed job again moves.
_CONTENTS = "length(payload) + coalesce(length(pull_state), 0)"

_CONDITIONS = {
    "job_id": "job_id = :job_id",
    "queue": "queue = :queue",
    "category": "kind = 0 AND category = :category",
    "failed_after_ms": "failed_at >= :failed_after_ms",
    "failed_before_ms": "failed_at < :failed_before_ms",
}


def _wanted(what: str, wanted: FailureFilter, *more: str) -> str:
    """Select `what` of failures; its parameters are the filter's fields and those of `more` conditions."""
    conditions = [condition for name, condition in _CONDITIONS.items() if getattr(wanted, name) is not None]
    where = " AND ".join([*conditions, *more]) or "true"
    if wanted.job_id is not None:
        return f"SELECT {what} FROM failure WHERE {where}"
    if wanted.queue is None:
        return f"SELECT {what} FROM failure INDEXED BY failure_all WHERE {where}"
    # Two ranges of the index, which are merged by id; with IN they would be sorted.
    return " UNION ALL ".join(
        f"SELECT {what} FROM failure WHERE kind = {kind:d} AND {where}" for kind in Kind
    )


def _values(wanted: FailureFilter, **more: int) -> dict[str, Any]:
    return asdict(wanted) | more


def read_failed(
    connection: sqlite3.Connection, wanted: FailureFilter, offset: int, limit: int
) -> Sequence[FailedJob]:
    """Return failures, the oldest first."""
    # Of what is passed over the ids alone are read.
    ids = f"{_wanted('id', wanted)} ORDER BY id LIMIT :limit OFFSET :offset"
    statement = f"SELECT {FAILURE} FROM failure WHERE id IN ({ids}) ORDER BY id"
    with closing(connection.execute(statement, _values(wanted, offset=offset, limit=limit))) as rows:
        return cut_failures(map(failure_of, rows), limit).items


def count_failures(connection: sqlite3.Connection, wanted: FailureFilter) -> int:
    """Count failures."""
    statement = f"SELECT count(*) FROM ({_wanted('id', wanted)})"
    count: int = connection.execute(statement, _values(wanted)).fetchone()[0]
    return count


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


def retry(connection: sqlite3.Connection, failure_id: int, now_ms: int) -> Requeued | None:
    """Have a failed job wait again, unless something is in its way."""
    row = only(connection, FIND_NAME, (failure_id,))
    if row is None:
        return None
    kind, *names = row
    name = FailureName(*names)
    obstacle = _obstacle(connection, kind, name)
    if obstacle is None:
        connection.execute(REQUEUE, (now_ms, failure_id))
        only(connection, FORGET, (failure_id,))
    return Requeued(name, obstacle)


def _obstacle(connection: sqlite3.Connection, kind: int, name: FailureName) -> Obstacle | None:
    if kind == Kind.PUSH:
        return None if read_queue(connection, name.queue) else Obstacle.QUEUE_IS_GONE
    is_taken = only(connection, IS_TAKEN, (name.queue, name.key)) is not None
    return Obstacle.KEY_IS_TAKEN if is_taken else None


def forget(connection: sqlite3.Connection, failure_id: int) -> FailureName | None:
    """Remove a failure."""
    row = only(connection, FORGET, (failure_id,))
    return FailureName(*row) if row else None
