"""Jobs as a MySQL or MariaDB database is told of them: pushed, claimed, settled, deleted.

Each function is a step of a transaction that the caller commits.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import assert_never

from attrs import evolve

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import FailedJob, Job, JobState, NewJob
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.stores.interface import CLAIM_BYTES, Claim
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.reads import FIND_FAILURE, FIND_JOB, failure_of, job_of
from trioworq.stores.operations import DeleteFailure, DeleteJob
from trioworq.stores.rows import JOB, Row
from trioworq.stores.starts import Head

PUSH = (
    "INSERT INTO job (kind, queue, category, url, payload, payload_form, state, priority, next_try, "
    "created_at, timeout, retry_delay, retries_left, fail_count, attempt, started_at) VALUES "
)
PUSH_ROW = "(0, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s, %s)"

# The attempt that a settlement belongs to, if it is still the running one (I3); 1 is JobState.RUNNING.
_THE_RUN = "id = %s AND attempt = %s AND state = 1"

COMPLETE = f"DELETE FROM job WHERE {_THE_RUN}"
RELEASE = f"UPDATE job SET state = 0, started_at = NULL WHERE {_THE_RUN}"
RETRY = (
    "UPDATE job SET state = 0, started_at = NULL, next_try = %s, retries_left = %s, fail_count = %s "
    f"WHERE {_THE_RUN}"
)
# Locks the row that it reads, so that the deletion that follows finds what was copied.
FAIL = (
    "INSERT INTO failure (job_id, queue, category, url, payload, payload_form, "
    "result_status, result_code, result_message, fail_count, failed_at, created_at) "
    "SELECT id, queue, category, url, payload, payload_form, %s, %s, %s, %s, %s, created_at "
    f"FROM job WHERE {_THE_RUN} FOR UPDATE"
)
NEXT_PRIORITY = (
    "SELECT priority FROM job FORCE INDEX (job_claim) WHERE kind = 0 AND queue = %s AND state = 0 "
    "AND priority > %s ORDER BY priority LIMIT 1"
)
DUE = (
    f"SELECT {JOB} FROM job FORCE INDEX (job_claim) WHERE kind = 0 AND queue = %s AND state = 0 "
    "AND priority = %s AND next_try <= %s ORDER BY next_try, id LIMIT %s"
)
# Who stores jobs as running locks the queue's row like who claims them, and reads who waits without a lock.
FIND_HEADS = (
    b"SELECT queue, epoch, (SELECT next_try FROM job FORCE INDEX (job_list) WHERE kind = 0 "
    b"AND job.queue = queue_owner.queue AND state = 0 ORDER BY next_try LIMIT 1) "
    b"FROM queue_owner WHERE queue IN (%s) FOR UPDATE"
)
FIND_EPOCH = "SELECT epoch FROM queue_owner WHERE queue = %s FOR UPDATE"
# A row says how large it is only when it has been read: this many may prove to be large ones.
_STARTED_AT_ONCE = 16

# Below every priority.
_LOWEST = -(2**31)

# What a statement needs beside the rows it carries.
_FRAME_BYTES = 1024


class Mismatch(Exception):
    """Some completion of a batch was late, and one statement for all cannot tell which."""


async def find_heads(connection: Connection, queues: Collection[str]) -> dict[str, Head]:
    """Read the heads of queues, and keep others from claiming or taking them over until the commit (I7)."""
    if not queues:
        return {}
    found = await connection.send(FIND_HEADS % b",".join(fill("%s", (queue,)) for queue in sorted(queues)))
    return {queue.decode(): Head(*head) for queue, *head in found.rows}


async def push(connection: Connection, jobs: Sequence[tuple[NewJob, bool]]) -> list[Job | InvalidRequest]:
    """Store jobs, to wait or as running; return them, or for one that fits no statement what to say of it."""
    outcomes: list[Job | InvalidRequest] = []
    for group in _groups(connection, [_push_row(job, is_running) for job, is_running in jobs]):
        if isinstance(group, InvalidRequest):
            outcomes.append(group)
            continue
        # An INSERT of several rows numbers them in order, `id_step` apart.
        first_id = (await connection.send(PUSH.encode() + b",".join(group))).insert_id
        for place in range(len(group)):
            job, is_running = jobs[len(outcomes)]
            outcomes.append(job.stored(first_id + place * connection.id_step, is_running=is_running))
    return outcomes


def _groups(connection: Connection, rows: Sequence[bytes]) -> Iterator[list[bytes] | InvalidRequest]:
    """Split rows, in order, into groups that fit a statement; a row that fits none is refused."""
    room = connection.max_packet_bytes - _FRAME_BYTES
    group: list[bytes] = []
    size = 0
    for row in rows:
        if group and size + len(row) > room:
            yield group
            group, size = [], 0
        if len(row) > room:
            yield InvalidRequest(
                f"The job takes {len(row)} bytes, and the database allows {connection.max_packet_bytes} in a "
                "statement (max_allowed_packet)"
            )
            continue
        group.append(row)
        size += len(row) + 1
    if group:
        yield group


def _push_row(job: NewJob, is_running: bool) -> bytes:
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


async def complete(connection: Connection, completions: Sequence[Completed]) -> list[bool]:
    """Remove the jobs of several runs at once. Raises Mismatch when only some of them were running."""
    if not completions:
        return []
    ended = (await connection.send(complete_many(completions))).affected
    if ended == len(completions):
        return [True] * ended
    if len(completions) == 1:
        return [False]
    raise Mismatch


def complete_many(completions: Sequence[Completed]) -> bytes:
    """Return the statement that removes the jobs of these runs, as far as they are the running ones."""
    ids = _numbers(done.job_id for done in completions)
    runs = b",".join(b"(%d,%d)" % (done.job_id, done.attempt) for done in completions)
    # The ids alone give the ranges of the primary key, the pairs the fencing.
    return b"DELETE FROM job WHERE id IN (%s) AND (id, attempt) IN (%s) AND state = 1" % (ids, runs)


async def settle(connection: Connection, settlement: Settlement) -> bool:
    """End an attempt; False, with nothing changed, when it is not the running one."""
    run = (settlement.job_id, settlement.attempt)
    match settlement:
        case Completed():
            return (await connection.execute(COMPLETE, run)).affected == 1
        case Released():
            return (await connection.execute(RELEASE, run)).affected == 1
        case Retried():
            change = (settlement.next_try_ms, settlement.retries_left, settlement.fail_count)
            return (await connection.execute(RETRY, (*change, *run))).affected == 1
        case Failed():
            result = settlement.result
            entry = (
                result.status.value,
                result.code,
                result.message,
                settlement.fail_count,
                settlement.failed_at_ms,
            )
            copied = await connection.execute(FAIL, (*entry, *run))
            return copied.affected == 1 and (await connection.execute(COMPLETE, run)).affected == 1
        case _:
            assert_never(settlement)


async def claim(connection: Connection, claim: Claim) -> list[Job]:
    """Start due jobs, if the claim names the queue's epoch."""
    # Whoever claims from a queue or takes it over locks its row of queue_owner first, so between here and
    # the commit no job of the queue is started by anyone else (I3, I7).
    found = await connection.execute(FIND_EPOCH, (claim.queue,))
    if found.rows != ((claim.epoch,),):
        return []
    claimed: list[Job] = []
    room = CLAIM_BYTES
    while room > 0 and len(claimed) < claim.limit:
        count = min(_STARTED_AT_ONCE, claim.limit - len(claimed))
        some = await _start_due(connection, evolve(claim, limit=count))
        claimed += some
        room -= sum(len(job.payload.body) for job in some)
        if len(some) < count:
            break
    return claimed


async def _start_due(connection: Connection, claim: Claim) -> list[Job]:
    due = [job_of(row) for row in await _due(connection, claim)]
    if not due:
        return []
    ids = [job.id for job in due]
    started = (await connection.send(start_many(ids, claim.now_ms))).affected
    jobs = [evolve(job, state=JobState.RUNNING, attempt=job.attempt + 1) for job in due]
    if started == len(jobs):
        return jobs
    present = await _running(connection, ids)
    return [job for job in jobs if (job.id, job.attempt) in present]


async def _due(connection: Connection, claim: Claim) -> list[Row]:
    """Read due jobs, one priority after the other: each is one range of the index, whatever is deferred."""
    due: list[Row] = []
    priority = _LOWEST
    while len(due) < claim.limit:
        found = await connection.execute(NEXT_PRIORITY, (claim.queue, priority))
        if not found.rows:
            break
        ((priority,),) = found.rows
        values = (claim.queue, priority, claim.now_ms, claim.limit - len(due))
        due += (await connection.execute(DUE, values)).rows
    return due


def start_many(ids: Sequence[int], now_ms: int) -> bytes:
    """Return the statement that starts these jobs, as far as they are waiting."""
    start = b"UPDATE job SET state = 1, attempt = attempt + 1, started_at = %d WHERE id IN (%s) AND state = 0"
    return start % (now_ms, _numbers(ids))


async def _running(connection: Connection, ids: Sequence[int]) -> set[tuple[int, int]]:
    select = b"SELECT id, attempt FROM job WHERE id IN (%s) AND state = 1" % _numbers(ids)
    return set((await connection.send(select)).rows)


def _numbers(ids: Iterable[int]) -> bytes:
    return b",".join(b"%d" % job_id for job_id in ids)


async def delete_job(connection: Connection, deletion: DeleteJob) -> Job | None:
    """Remove a job and return it as it was."""
    found = await connection.execute(f"{FIND_JOB} FOR UPDATE", (deletion.job_id, deletion.queue))
    if not found.rows:
        return None
    await connection.execute("DELETE FROM job WHERE id = %s", (deletion.job_id,))
    return job_of(found.rows[0])


async def delete_failure(connection: Connection, deletion: DeleteFailure) -> FailedJob | None:
    """Remove an entry of the failure log and return it."""
    found = await connection.execute(f"{FIND_FAILURE} FOR UPDATE", (deletion.failure_id, deletion.queue))
    if not found.rows:
        return None
    await connection.execute("DELETE FROM failure WHERE id = %s", (deletion.failure_id,))
    return failure_of(found.rows[0])
