"""Jobs as a MySQL or MariaDB database is told of them: pushed, claimed, settled, deleted.

Each function is a part of a transaction that the caller commits, most of them as a conversation.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Collection, Sequence
from typing import assert_never

from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import error_of
from trioworq.core.jobs import FailedJob, Job, JobState, Kind, NewJob
from trioworq.core.results import write_last_error
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.stores.claims import Claim, Start
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.conversations import Conversation, Mismatch, in_turn
from trioworq.stores.mysql.definitions import count_change
from trioworq.stores.mysql.due import Search
from trioworq.stores.mysql.history import remember, remember_run
from trioworq.stores.mysql.literals import fill, numbers
from trioworq.stores.mysql.literals import rows as rows_of
from trioworq.stores.mysql.packets import grouped, misfit, numbered
from trioworq.stores.mysql.reads import FIND_FAILURE, FIND_JOB, failure_of, job_of
from trioworq.stores.mysql.wire import Result
from trioworq.stores.operations import DeleteFailure, DeleteJob
from trioworq.stores.rows import JOB
from trioworq.stores.starts import Head, may_start

PUSH = (
    "INSERT INTO job (kind, queue, category, url, payload, payload_form, state, priority, next_try, "
    "created_at, timeout, retry_delay, retries_left, fail_count, attempt, started_at) VALUES "
)
PUSH_ROW = "(0, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s, %s)"

# The attempt that a settlement belongs to, if it is still the running one (I3); 1 is JobState.RUNNING.
_THE_RUN = "id = %s AND attempt = %s AND kind = 0 AND state = 1"

COMPLETE = f"DELETE FROM job WHERE {_THE_RUN}"
# Without a limit servers go through the whole of a small table, and wait for rows that others have locked.
COMPLETE_MANY = (
    b"DELETE FROM job WHERE id IN (%s) AND (id, attempt) IN (%s) AND kind = 0 AND state = 1 "
    b"ORDER BY id LIMIT %d"
)
RELEASE = f"UPDATE job SET state = 0 WHERE {_THE_RUN}"
RETRY = (
    "UPDATE job SET state = 0, next_try = %s, retries_left = %s, fail_count = %s, last_error = %s "
    f"WHERE {_THE_RUN}"
)
# Locks the row that it reads, so that the deletion that follows finds what was copied.
FAIL = (
    "INSERT INTO failure (job_id, queue, category, url, payload, payload_form, priority, timeout, "
    "retry_delay, max_retries, attempt, started_at, result_status, result_code, result_message, error, "
    "fail_count, failed_at, created_at) "
    "SELECT id, queue, category, url, payload, payload_form, priority, timeout, retry_delay, "
    "fail_count + retries_left, attempt, started_at, %s, %s, %s, %s, %s, %s, created_at "
    f"FROM job WHERE {_THE_RUN} FOR UPDATE"
)
START = b"UPDATE job SET state = 1, attempt = attempt + 1, started_at = %d WHERE id IN (%s) AND state = 0"
READ_RUNNING = f"SELECT {JOB} FROM job WHERE id IN (%s) AND state = 1".encode()
FIND_HEADS = (
    b"SELECT queue, epoch, (SELECT next_try FROM job FORCE INDEX (job_list) WHERE kind = 0 "
    b"AND job.queue = queue_owner.queue AND state = 0 ORDER BY next_try LIMIT 1) "
    b"FROM queue_owner WHERE queue IN (%s) FOR UPDATE"
)
FIND_EPOCH = "SELECT epoch FROM queue_owner WHERE queue = %s FOR UPDATE"


def push(
    connection: Connection, pushes: Sequence[tuple[NewJob, Start | None]], *, is_careful: bool
) -> Conversation[list[Job | InvalidRequest]]:
    """Store jobs; return them, or for one that fits no statement what its client is told.

    Jobs with a start are stored as running. Careful, it looks first whether each may be; else it looks in
    the same step, and raises Mismatch when one may not.
    """
    queues = {job.queue for job, start in pushes if start is not None}
    heads: dict[str, Head] | None = None
    if is_careful and queues:
        heads = _read_heads((yield [find_heads(queues)])[0])
        pushes = [(job, start if may_start(job, start, heads) else None) for job, start in pushes]
        queues = set()
    rows = [_push_row(job, is_running=start is not None) for job, start in pushes]
    refusals = [misfit(connection, row) for row in rows]
    groups = list(
        grouped(connection, [row for row, refusal in zip(rows, refusals, strict=True) if not refusal])
    )
    inserts = [PUSH.encode() + b",".join(group) for group in groups]
    if queues:
        found, *inserted = yield [find_heads(queues), *inserts]
        heads = _read_heads(found)
        if not all(may_start(job, start, heads) for job, start in pushes if start is not None):
            raise Mismatch
    else:
        inserted = yield inserts
    ids = numbered(connection, groups, inserted)
    return [
        refusal or job.stored(next(ids), is_running=start is not None)
        for (job, start), refusal in zip(pushes, refusals, strict=True)
    ]


def find_heads(queues: Collection[str]) -> bytes:
    """Return the statement that reads the heads of queues.

    Like a claim it locks the owners' rows, so that until the commit nobody else claims from these queues
    or takes them over (I7). Jobs it reads without a lock.
    """
    return FIND_HEADS % rows_of("%s", [(queue,) for queue in sorted(queues)])


def _read_heads(found: Result) -> dict[str, Head]:
    return {queue.decode(): Head(*head) for queue, *head in found.rows}


def _push_row(job: NewJob, *, is_running: bool) -> bytes:
    return fill(
        PUSH_ROW,
        (
            job.queue,
            job.category,
            job.url,
            job.payload.body,
            job.payload.form.value,
            int(is_running),
            job.priority,
            job.next_try_ms,
            job.created_at_ms,
            job.timeout_s,
            job.retry_delay_s,
            job.max_retries,
            int(is_running),
            job.created_at_ms if is_running else None,
        ),
    )


def complete(connection: Connection, completions: Sequence[Completed]) -> Conversation[list[bool]]:
    """Remove the jobs of several runs at once. Raises Mismatch when one of them was not running."""
    if len(completions) <= 1:
        return (yield from in_turn(settle(connection, done) for done in completions))
    *_, deleted = yield [*remember(connection, completions), complete_many(completions)]
    if deleted.affected != len(completions):
        raise Mismatch
    return [True] * len(completions)


def complete_many(completions: Sequence[Completed]) -> bytes:
    """Return the statement that removes the jobs of these runs, as far as they are the running ones."""
    ids = numbers(done.job_id for done in completions)
    runs = b",".join(b"(%d,%d)" % (done.job_id, done.attempt) for done in completions)
    # The ids alone give the ranges of the primary key, the pairs the fencing.
    return COMPLETE_MANY % (ids, runs, len(completions))


def settle(connection: Connection, settlement: Settlement) -> Conversation[bool]:
    """End an attempt; False, with nothing changed, when it is not the running one."""
    # Where there are two steps, the second changes something only if the first did.
    *_, last = yield _steps(connection, settlement)
    return last.affected == 1


def _steps(connection: Connection, settlement: Settlement) -> list[bytes]:
    run = (settlement.job_id, settlement.attempt)
    match settlement:
        case Completed():
            return [*remember_run(connection, settlement), fill(COMPLETE, run)]
        case Released():
            return [fill(RELEASE, run)]
        case Retried():
            change = (
                settlement.next_try_ms,
                settlement.retries_left,
                settlement.fail_count,
                write_last_error(settlement.result),
            )
            return [fill(RETRY, (*change, *run))]
        case Failed():
            result = settlement.result
            entry = (
                result.status.value,
                result.code,
                result.message,
                error_of(result),
                settlement.fail_count,
                settlement.failed_at_ms,
            )
            return [fill(FAIL, (*entry, *run)), fill(COMPLETE, run)]
        case _:
            assert_never(settlement)


def claim(claim: Claim) -> Conversation[list[Job]]:
    """Start due jobs, if the claim names the queue's epoch; raises Mismatch if one has just been deleted."""
    if claim.limit <= 0:
        return []
    # Whoever claims from a queue or takes it over locks its row of queue_owner first, so between here and
    # the commit no job of the queue is started by anyone else (I3, I7).
    search = Search(Kind.PUSH, claim.queue, claim.limit, claim.now_ms, claim.priority)
    owner, *found = yield [fill(FIND_EPOCH, (claim.queue,)), *search.begin()]
    if owner.rows != ((claim.epoch,),):
        return []
    ids = [job_id for job_id, _ in (yield from search.finish(found))]
    if not ids:
        return []
    _, started = yield [start_many(ids, claim.now_ms), read_many(ids)]
    if len(started.rows) < len(ids):
        # Somebody has deleted one meanwhile: another may be due in its place.
        raise Mismatch
    jobs = {job.id: job for job in map(job_of, started.rows)}
    return [jobs[job_id] for job_id in ids]


def start_many(ids: Sequence[int], now_ms: int) -> bytes:
    """Return the statement that starts these jobs, as far as they are waiting."""
    return START % (now_ms, numbers(ids))


def read_many(ids: Sequence[int]) -> bytes:
    """Return the statement that reads these jobs, as far as they are running."""
    return READ_RUNNING % numbers(ids)


async def delete_job(connection: Connection, deletion: DeleteJob) -> Job | None:
    """Remove a job and return it as it was."""
    found = await connection.execute(f"{FIND_JOB} FOR UPDATE", (deletion.job_id, deletion.queue))
    if not found.rows:
        return None
    await connection.execute("DELETE FROM job WHERE id = %s", (deletion.job_id,))
    job = job_of(found.rows[0])
    if job.state is JobState.RUNNING:
        await count_change(connection, "deletion")
    return job


async def delete_failure(connection: Connection, deletion: DeleteFailure) -> FailedJob | None:
    """Remove an entry of the failure log and return it."""
    found = await connection.execute(f"{FIND_FAILURE} FOR UPDATE", (deletion.failure_id, deletion.queue))
    if not found.rows:
        return None
    await connection.execute("DELETE FROM failure WHERE id = %s", (deletion.failure_id,))
    return failure_of(found.rows[0])
