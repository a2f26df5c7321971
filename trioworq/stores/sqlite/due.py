"""Due jobs of either kind, in the order in which they are handed out."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import sqlite3
from collections.abc import Iterator

from trioworq.core.jobs import Kind
from trioworq.stores.rows import JOB, PULL_JOB, Row
from trioworq.stores.sqlite.connection import only

NEXT_PRIORITY = (
    "SELECT priority FROM job WHERE kind = ? AND queue = ? AND state = 0 AND priority > ? "
    "ORDER BY priority LIMIT 1"
)
DUE_PRIORITIES = (
    "SELECT DISTINCT priority FROM job INDEXED BY job_list WHERE kind = ? AND queue = ? AND state = 0 "
    "AND next_try <= ? AND priority > ? ORDER BY priority LIMIT ?"
)
DUE = {
    kind: f"SELECT {columns} FROM job WHERE kind = {kind:d} AND queue = ? AND state = 0 "
    "AND priority = ? AND next_try <= ? ORDER BY next_try, id LIMIT ?"
    for kind, columns in ((Kind.PUSH, JOB), (Kind.PULL, PULL_JOB))
}

# How many priorities are gone through before it is asked which of the others have jobs that are due: that
# reads all of these, but there may be any number of priorities with nothing but deferred jobs.
PRIORITIES = 1000

# Below every priority.
_LOWEST = -(2**63)


def find_due(
    connection: sqlite3.Connection, kind: Kind, queue: str, now_ms: int, limit: int
) -> Iterator[Row]:
    """Read due jobs, one priority after the other: each is one range of the index, whatever is deferred."""
    left = limit
    for priority in _priorities(connection, kind, queue, now_ms, limit):
        if left <= 0:
            return
        for row in connection.execute(DUE[kind], (queue, priority, now_ms, left)):
            left -= 1
            yield row


def _priorities(
    connection: sqlite3.Connection, kind: Kind, queue: str, now_ms: int, limit: int
) -> Iterator[int]:
    """Walk priorities, in order, whose jobs may be due."""
    priority = _LOWEST
    for _ in range(PRIORITIES):
        found = only(connection, NEXT_PRIORITY, (kind, queue, priority))
        if found is None:
            return
        (priority,) = found
        yield priority
    arguments = (kind, queue, now_ms, priority, limit)
    yield from (due for (due,) in connection.execute(DUE_PRIORITIES, arguments).fetchall())
