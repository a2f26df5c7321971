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
DUE = {
    kind: f"SELECT {columns} FROM job WHERE kind = {kind:d} AND queue = ? AND state = 0 "
    "AND priority = ? AND next_try <= ? ORDER BY next_try, id LIMIT ?"
    for kind, columns in ((Kind.PUSH, JOB), (Kind.PULL, PULL_JOB))
}

# Below every priority.
_LOWEST = -(2**63)


def find_due(
    connection: sqlite3.Connection, kind: Kind, queue: str, now_ms: int, limit: int
) -> Iterator[Row]:
    """Read due jobs, one priority after the other: each is one range of the index, whatever is deferred."""
    left = limit
    priority = _LOWEST
    while left > 0 and (found := only(connection, NEXT_PRIORITY, (kind, queue, priority))):
        (priority,) = found
        for row in connection.execute(DUE[kind], (queue, priority, now_ms, left)):
            left -= 1
            yield row
