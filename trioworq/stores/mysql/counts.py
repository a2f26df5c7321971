"""How many jobs there are, as a MySQL or MariaDB database is asked for it: from indexes alone."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from trioworq.core.jobs import Kind
from trioworq.core.load import EndedCount, JobCount, QueueEnded
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.literals import fill
from trioworq.stores.rows import Row

_IS_DUE = "state = 0 AND next_try <= %s"
COUNT_JOBS = (
    "SELECT kind, queue, category, COUNT(IF(state = 0 AND next_try > %s, 1, NULL)), "
    f"COUNT(IF({_IS_DUE}, 1, NULL)), COUNT(IF(state = 1, 1, NULL)), "
    f"MIN(IF({_IS_DUE}, next_try, NULL)), MIN(IF({_IS_DUE}, priority, NULL)) "
    "FROM job FORCE INDEX (job_claim) "
)
_FAILED = "FROM failure FORCE INDEX (failure_failed) "
_FINISHED = "FROM finished FORCE INDEX (finished_ended) "
COUNT_FAILED = f"SELECT COUNT(*) {_FAILED}"
COUNT_FINISHED = f"SELECT COUNT(*) {_FINISHED}"
# With the kind it is two ranges of the index; without, servers would go through the whole of it.
OF_QUEUE = "WHERE kind IN (0, 1) AND queue = %s "
BY_QUEUE = "GROUP BY kind, queue ORDER BY NULL"
BY_CATEGORY = "GROUP BY kind, queue, category ORDER BY NULL"


async def count_jobs(connection: Connection, now_ms: int, queue: str | None) -> list[JobCount]:
    """Count the jobs that have not ended, by kind, queue and category."""
    times = (now_ms,) * 4
    if queue is None:
        found = await connection.execute(COUNT_JOBS + BY_CATEGORY, times)
    else:
        found = await connection.execute(COUNT_JOBS + OF_QUEUE + BY_CATEGORY, (*times, queue))
    return [_count_of(row) for row in found.rows]


async def count_ended(connection: Connection, queue: str | None) -> EndedCount:
    """Count the jobs in the failed store and in the history."""
    of_queue = b"" if queue is None else fill(OF_QUEUE, (queue,))
    failed, finished = await connection.send_all(
        [COUNT_FAILED.encode() + of_queue, COUNT_FINISHED.encode() + of_queue]
    )
    return EndedCount(failed.rows[0][0], finished.rows[0][0])


async def count_ended_by_queue(connection: Connection) -> list[QueueEnded]:
    """Count the jobs in the failed store and in the history, by kind and queue."""
    counts = [f"SELECT kind, queue, COUNT(*) {ended}{BY_QUEUE}".encode() for ended in (_FAILED, _FINISHED)]
    failed, finished = ({row[:2]: row[2] for row in each.rows} for each in await connection.send_all(counts))
    return [
        QueueEnded(
            kind=Kind(place[0]),
            queue=place[1].decode(),
            failed=failed.get(place, 0),
            finished=finished.get(place, 0),
        )
        for place in failed | finished
    ]


def _count_of(row: Row) -> JobCount:
    kind, queue, category, deferred, waiting, running, oldest_due_ms, priority = row
    return JobCount(
        kind=Kind(kind),
        queue=queue.decode(),
        category=category.decode(),
        deferred=deferred,
        waiting=waiting,
        running=running,
        oldest_due_ms=oldest_due_ms,
        priority=priority,
    )
