"""Jobs of a queue as people look for them in the embedded store, each function blocking.

A search that passes over jobs goes through so many rows at most; where it has to stop an index tells.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from trioworq.core.cursors import Cursor
from trioworq.core.jobs import FinishedJob, Job, Kind
from trioworq.core.pull import PullJob
from trioworq.stores.browsing import SEARCHED_JOBS, FinishedSearch, JobSearch
from trioworq.stores.interface import Page
from trioworq.stores.paging import LAST, cut
from trioworq.stores.rows import FINISHED, JOB, PULL_JOB, Row, finished_of, job_of, pull_job_of
from trioworq.stores.searching import (
    finished_place,
    finished_size,
    folded,
    is_selective,
    place_of,
    search_bounds,
    size_of,
    until,
)
from trioworq.stores.sqlite.connection import snapshot

_JOBS = (
    "FROM job INDEXED BY job_list WHERE kind = :kind AND queue = :queue AND state = :state "
    "AND next_try BETWEEN :lowest AND :highest AND (next_try <> :first_time OR id >= :first_id)"
)
FIND_STOP = f"SELECT next_try, id {_JOBS} ORDER BY next_try, id LIMIT 1 OFFSET {SEARCHED_JOBS:d}"
_UNTIL_STOP = "next_try <= :stop_time AND (next_try <> :stop_time OR id < :stop_id)"
_ROWS: Mapping[Kind, tuple[str, Callable[[Row], Job | PullJob]]] = {
    Kind.PUSH: (JOB, job_of),
    Kind.PULL: (PULL_JOB, pull_job_of),
}

_FINISHED = (
    "FROM finished INDEXED BY finished_ended WHERE kind = :kind AND queue = :queue "
    "AND ended_at <= :first_time AND (ended_at <> :first_time OR job_id <= :first_id)"
)
FIND_FINISHED_STOP = (
    f"SELECT ended_at, job_id {_FINISHED} ORDER BY ended_at DESC, job_id DESC "
    f"LIMIT 1 OFFSET {SEARCHED_JOBS:d}"
)
_DOWN_TO_STOP = "ended_at >= :stop_time AND (ended_at <> :stop_time OR job_id > :stop_id)"

_CATEGORY = "category = :category"
# The case of ASCII letters alone is lost.
_TEXT = "(instr(lower(url), :text) OR instr(lower(pull_key), :text))"


def search_jobs(connection: sqlite3.Connection, search: JobSearch) -> Page[Job | PullJob]:
    """Return one page of jobs that have not ended."""
    rows = search_bounds(search)
    values = _values(search) | {
        "state": rows.state,
        "lowest": rows.lowest_ms,
        "highest": rows.highest_ms,
        "first_time": rows.edge.time_ms,
        "first_id": rows.edge.id,
    }
    columns, read = _ROWS[search.kind]
    with snapshot(connection):
        stop = _find_stop(connection, FIND_STOP, search, values)
        where = _conditions(search, _UNTIL_STOP if stop else None)
        statement = f"SELECT {columns} {_JOBS}{where} ORDER BY next_try, id LIMIT :limit"
        with closing(connection.execute(statement, values | _stop_values(stop))) as found:
            page: Page[Job | PullJob] = cut(map(read, found), search.limit, place_of, size_of)
    return until(page, stop)


def search_finished(connection: sqlite3.Connection, search: FinishedSearch) -> Page[FinishedJob]:
    """Return one page of the history."""
    first = search.cursor or LAST
    values = _values(search) | {"first_time": first.time_ms, "first_id": first.id}
    with snapshot(connection):
        stop = _find_stop(connection, FIND_FINISHED_STOP, search, values)
        where = _conditions(search, _DOWN_TO_STOP if stop else None)
        statement = f"SELECT {FINISHED} {_FINISHED}{where} ORDER BY ended_at DESC, job_id DESC LIMIT :limit"
        with closing(connection.execute(statement, values | _stop_values(stop))) as found:
            page = cut(map(finished_of, found), search.limit, finished_place, finished_size)
    return until(page, stop)


def _find_stop(
    connection: sqlite3.Connection, statement: str, search: JobSearch | FinishedSearch, values: dict[str, Any]
) -> Cursor | None:
    """Return the place of the first row that is not gone through; None if all are."""
    if not is_selective(search):
        return None
    rows = connection.execute(statement, values).fetchall()
    return Cursor(*rows[0]) if rows else None


def _conditions(search: JobSearch | FinishedSearch, until_stop: str | None) -> str:
    wanted = [
        until_stop,
        _CATEGORY if search.category is not None else None,
        _TEXT if search.text is not None else None,
    ]
    return "".join(f" AND {condition}" for condition in wanted if condition)


def _values(search: JobSearch | FinishedSearch) -> dict[str, Any]:
    return {
        "kind": search.kind,
        "queue": search.queue,
        "category": search.category,
        "text": None if search.text is None else folded(search.text),
        "limit": search.limit + 1,
    }


def _stop_values(stop: Cursor | None) -> dict[str, int]:
    return {"stop_time": stop.time_ms, "stop_id": stop.id} if stop else {}
