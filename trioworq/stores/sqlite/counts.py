"""How many jobs there are, as the embedded store is asked: indexes are gone through, no row is read."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import sqlite3

from trioworq.core.jobs import Kind
from trioworq.core.load import EndedCount, JobCount, QueueEnded
from trioworq.stores.sqlite.connection import snapshot

_DUE = "FILTER (WHERE state = 0 AND next_try <= :now)"
_COUNTS = (
    f"count(*) FILTER (WHERE state = 0 AND next_try > :now), count(*) {_DUE}, "
    f"count(*) FILTER (WHERE state = 1), min(next_try) {_DUE}, min(priority) {_DUE}"
)
# By queue no sort is needed, which would take several times as long; most queues have one category.
_BY_QUEUE = f"SELECT kind, queue, min(category), max(category), {_COUNTS} FROM job INDEXED BY job_list"
COUNT_ALL = f"{_BY_QUEUE} GROUP BY kind, queue"
COUNT_NAMED = f"{_BY_QUEUE} WHERE kind IN (0, 1) AND queue = :queue GROUP BY kind, queue"
COUNT_CATEGORIES = (
    f"SELECT category, {_COUNTS} FROM job INDEXED BY job_list WHERE kind = :kind AND queue = :queue "
    "GROUP BY category"
)
COUNT_ENDED = "SELECT (SELECT count(*) FROM failure), (SELECT count(*) FROM finished)"
_OF_QUEUE = "WHERE kind IN (0, 1) AND queue = :queue"
COUNT_ENDED_NAMED = (
    f"SELECT (SELECT count(*) FROM failure {_OF_QUEUE}), (SELECT count(*) FROM finished {_OF_QUEUE})"
)
COUNT_ENDED_BY_QUEUE = (
    "SELECT kind, queue, count(*), 0 FROM failure INDEXED BY failure_failed GROUP BY kind, queue UNION ALL "
    "SELECT kind, queue, 0, count(*) FROM finished INDEXED BY finished_ended GROUP BY kind, queue"
)


def count_jobs(connection: sqlite3.Connection, now_ms: int, queue: str | None) -> list[JobCount]:
    """Count the jobs that have not ended."""
    statement = COUNT_ALL if queue is None else COUNT_NAMED
    counts: list[JobCount] = []
    with snapshot(connection):
        for kind, name, first, last, *numbers in connection.execute(
            statement, {"now": now_ms, "queue": queue}
        ).fetchall():
            if first == last:
                counts.append(_count_of(kind, name, first, numbers))
            else:
                counts += _by_category(connection, now_ms, kind, name)
    return counts


def _by_category(connection: sqlite3.Connection, now_ms: int, kind: int, queue: str) -> list[JobCount]:
    rows = connection.execute(COUNT_CATEGORIES, {"now": now_ms, "kind": kind, "queue": queue})
    return [_count_of(kind, queue, category, numbers) for category, *numbers in rows]


def _count_of(kind: int, queue: str, category: str, numbers: list[int | None]) -> JobCount:
    deferred, waiting, running, oldest_due_ms, priority = numbers
    return JobCount(
        kind=Kind(kind),
        queue=queue,
        category=category,
        deferred=deferred or 0,
        waiting=waiting or 0,
        running=running or 0,
        oldest_due_ms=oldest_due_ms,
        priority=priority,
    )


def count_ended(connection: sqlite3.Connection, queue: str | None) -> EndedCount:
    """Count the failures and the history."""
    statement = COUNT_ENDED if queue is None else COUNT_ENDED_NAMED
    (row,) = connection.execute(statement, {"queue": queue}).fetchall()
    return EndedCount(*row)


def count_ended_by_queue(connection: sqlite3.Connection) -> list[QueueEnded]:
    """Count the failures and the history of each queue."""
    counts: dict[tuple[int, str], list[int]] = {}
    for kind, queue, failed, finished in connection.execute(COUNT_ENDED_BY_QUEUE):
        count = counts.setdefault((kind, queue), [0, 0])
        count[0] += failed
        count[1] += finished
    return [
        QueueEnded(kind=Kind(kind), queue=queue, failed=failed, finished=finished)
        for (kind, queue), (failed, finished) in counts.items()
    ]
