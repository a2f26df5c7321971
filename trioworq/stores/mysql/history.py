"""Finished jobs as a MySQL or MariaDB database is told of them: remembered for a while, and forgotten.

They are written in the transaction that ends them, as many as there are jobs that end well.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Iterable, Iterator, Mapping

from trioworq.core.jobs import KEPT_PAYLOAD_BYTES, FinishedJob
from trioworq.core.pull import Completion
from trioworq.core.retry import Completed
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.conversations import Conversation
from trioworq.stores.mysql.literals import fill, numbers
from trioworq.stores.mysql.packets import grouped, misfit
from trioworq.stores.mysql.wire import Result
from trioworq.stores.operations import ForgetFinished

_COLUMNS = (
    "job_id, kind, queue, category, url, pull_key, payload, payload_form, priority, message, code, "
    "fail_count, created_at, started_at, ended_at"
)
# Not INSERT: where a server has lost count of its ids, an old job must not keep a new one from ending.
REMEMBER = f"REPLACE INTO finished ({_COLUMNS}) "
_VALUES = "%s, 0, %s, %s, %s, NULL, %s, %s, %s, %s, %s, %s, %s, %s, %s"
_ROW = f"({_VALUES})"
# Locks the row of the job, so that the deletion that follows finds what this has found.
REMEMBER_RUN = (
    f"{REMEMBER} SELECT {_VALUES} FROM job WHERE id = %s AND attempt = %s AND kind = 0 AND state = 1 "
    "FOR UPDATE"
)
REMEMBER_PULLED = (
    f"{REMEMBER} SELECT id, kind, queue, category, url, pull_key, "
    f"IF(LENGTH(payload) <= {KEPT_PAYLOAD_BYTES}, payload, NULL), payload_form, priority, '', 0, "
    "fail_count, created_at, started_at, "
).encode()

QUEUES = "SELECT kind, queue, MIN(ended_at) FROM finished FORCE INDEX (finished_ended) GROUP BY kind, queue"
_OF_QUEUE = "SELECT job_id FROM finished FORCE INDEX (finished_ended) WHERE kind = %s AND queue = %s "
OLDEST = f"{_OF_QUEUE} AND ended_at < %s ORDER BY ended_at, job_id LIMIT %s"
SURPLUS = f"{_OF_QUEUE} ORDER BY ended_at DESC, job_id DESC LIMIT %s OFFSET %s"
# Without a limit servers go through the whole of a small table, and wait for rows that others have locked.
FORGET = b"DELETE FROM finished WHERE job_id IN (%s) ORDER BY job_id LIMIT %d"

# How many queues are asked about in one step.
_QUEUES_AT_ONCE = 50


def remember(connection: Connection, completions: Iterable[Completed]) -> list[bytes]:
    """Return the statements that remember push jobs, as far as that is wanted.

    What fits no statement is not remembered: that is no reason to run a job again.
    """
    rows = [fill(_ROW, _values(done.finished)) for done in completions if done.finished is not None]
    fitting = [row for row in rows if misfit(connection, row) is None]
    return [REMEMBER.encode() + b"VALUES " + b",".join(group) for group in grouped(connection, fitting)]


def remember_run(connection: Connection, completion: Completed) -> list[bytes]:
    """Return the statement that remembers a push job, if that is wanted and this is the running attempt."""
    if completion.finished is None:
        return []
    values = (*_values(completion.finished), completion.job_id, completion.attempt)
    statement = fill(REMEMBER_RUN, values)
    return [statement] if misfit(connection, statement) is None else []


def remember_pulled(completions: Mapping[int, Completion]) -> Iterator[bytes]:
    """Return the statement that remembers pull jobs, by their ids, as far as that is wanted.

    It reads the jobs, so it goes before what removes them.
    """
    times: dict[int, list[int]] = {}
    for job_id, done in completions.items():
        if done.finished_at_ms is not None:
            times.setdefault(done.finished_at_ms, []).append(job_id)
    if times:
        cases = b" ".join(b"WHEN id IN (%s) THEN %d" % (numbers(ids), at) for at, ids in times.items())
        every = numbers(job_id for ids in times.values() for job_id in ids)
        yield REMEMBER_PULLED + b"CASE %s END FROM job WHERE id IN (%s) FOR UPDATE" % (cases, every)


def _values(finished: FinishedJob) -> tuple[str | bytes | int | None, ...]:
    payload = finished.payload
    return (
        finished.job_id,
        finished.queue,
        finished.category,
        finished.url,
        payload.body if payload else None,
        payload.form.value if payload else 0,
        finished.priority,
        finished.result.message,
        finished.result.code,
        finished.fail_count,
        finished.created_at_ms,
        finished.started_at_ms,
        finished.ended_at_ms,
    )


def forget(operation: ForgetFinished) -> Conversation[None]:
    """Remove jobs from the history."""
    if operation.job_ids:
        yield [FORGET % (numbers(operation.job_ids), len(operation.job_ids))]


async def read_outdated_finished(connection: Connection, before_ms: int, most: int, limit: int) -> list[int]:
    """Return ids of those that ended before a time, and of those beyond the newest `most` of a queue."""
    queues = (await connection.execute(QUEUES)).rows
    asked = []
    for kind, queue, first_ms in queues:
        if first_ms < before_ms:
            asked.append(fill(OLDEST, (kind, queue, before_ms, limit)))
        asked.append(fill(SURPLUS, (kind, queue, limit, most)))
    found: dict[int, None] = {}
    for first in range(0, len(asked), _QUEUES_AT_ONCE):
        if len(found) < limit:
            found.update(_ids(await connection.send_all(asked[first : first + _QUEUES_AT_ONCE])))
    return list(found)[:limit]


def _ids(results: Iterable[Result]) -> dict[int, None]:
    return {job_id: None for result in results for (job_id,) in result.rows}
