"""Jobs as a MySQL or MariaDB database is told of them: pushed, claimed, settled, deleted.

Each function is a part of a transaction that the caller commits, most of them as a conversation.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import assert_never

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import DEFAULT_PRIORITY, FailedJob, Job, JobState, NewJob
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.stores.interface import CLAIM_BYTES, Claim, Start
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.conversations import Conversation
from trioworq.stores.mysql.definitions import count_change
from trioworq.stores.mysql.literals import fill, rows
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
FIND_DUE = (
    "SELECT id, LENGTH(payload) FROM job FORCE INDEX (job_claim) WHERE kind = 0 AND queue = %s AND state = 0 "
    "AND priority = %s AND next_try <= %s ORDER BY next_try, id LIMIT %s"
)
READ_RUNNING = f"SELECT {JOB} FROM job WHERE id IN (%s) AND state = 1".encode()
FIND_HEADS = (
    b"SELECT queue, epoch, (SELECT next_try FROM job FORCE INDEX (job_list) WHERE kind = 0 "
    b"AND job.queue = queue_owner.queue AND state = 0 ORDER BY next_try LIMIT 1) "
    b"FROM queue_owner WHERE queue IN (%s) FOR UPDATE"
)
FIND_EPOCH = "SELECT epoch FROM queue_owner WHERE queue = %s FOR UPDATE"
# Below every priority.
_LOWEST = -(2**31)

# What a statement needs beside the rows it carries.
_FRAME_BYTES = 1024


class Mismatch(Exception):
    """Something was not as it nearly always is; the transaction has to be done again, carefully."""


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
    groups = list(
        _groups(connection, [_push_row(job, is_running=start is not None) for job, start in pushes])
    )
    inserts = [PUSH.encode() + b",".join(group) for group in groups if not isinstance(group, InvalidRequest)]
    if queues:
        found, *inserted = yield [find_heads(queues), *inserts]
        heads = _read_heads(found)
        if not all(may_start(job, start, heads) for job, start in pushes if start is not None):
            raise Mismatch
    else:
        inserted = yield inserts
    return _number(connection, pushes, groups, inserted)


def find_heads(queues: Collection[str]) -> bytes:
    """Return the statement that reads the heads of queues.

    Like a claim it locks the owners' rows, so that until the commit nobody else claims from these queues
    or takes them over (I7). Jobs it reads without a lock.
    """
    return FIND_HEADS % rows("%s", [(queue,) for queue in sorted(queues)])


def _read_heads(found: Result) -> dict[str, Head]:
    return {queue.decode(): Head(*head) for queue, *head in found.rows}


def _number(
    connection: Connection,
    pushes: Sequence[tuple[NewJob, Start | None]],
    groups: Sequence[list[bytes] | InvalidRequest],
    inserted: Sequence[Result],
) -> list[Job | InvalidRequest]:
    """Give the stored jobs their ids: an INSERT of several rows numbers them in order, `id_step` apart."""
    outcomes: list[Job | InvalidRequest] = []
    results = iter(inserted)
    for group in groups:
        if isinstance(group, InvalidRequest):
            outcomes.append(group)
            continue
        first_id = next(results).insert_id
        for place in range(len(group)):
            job, start = pushes[len(outcomes)]
            outcomes.append(job.stored(first_id + place * connection.id_step, is_running=start is not None))
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


def complete(completions: Sequence[Completed]) -> Conversation[list[bool]]:
    """Remove the jobs of several runs at once. Raises Mismatch when only some of them were running."""
    if not completions:
        return []
    (deleted,) = yield [complete_many(completions)]
    if deleted.affected == len(completions):
        return [True] * len(completions)
    if len(completions) == 1:
        return [False]
    raise Mismatch


def complete_many(completions: Sequence[Completed]) -> bytes:
    """Return the statement that removes the jobs of these runs, as far as they are the running ones."""
    ids = _numbers(done.job_id for done in completions)
    runs = b",".join(b"(%d,%d)" % (done.job_id, done.attempt) for done in completions)
    # The ids alone give the ranges of the primary key, the pairs the fencing.
    return b"DELETE FROM job WHERE id IN (%s) AND (id, attempt) IN (%s) AND state = 1" % (ids, runs)


def settle(settlement: Settlement) -> Conversation[bool]:
    """End an attempt; False, with nothing changed, when it is not the running one."""
    # Of the steps of a failure, the second changes something only where the first did.
    *_, last = yield _steps(settlement)
    return last.affected == 1


def _steps(settlement: Settlement) -> list[bytes]:
    run = (settlement.job_id, settlement.attempt)
    match settlement:
        case Completed():
            return [fill(COMPLETE, run)]
        case Released():
            return [fill(RELEASE, run)]
        case Retried():
            change = (settlement.next_try_ms, settlement.retries_left, settlement.fail_count)
            return [fill(RETRY, (*change, *run))]
        case Failed():
            result = settlement.result
            entry = (
                result.status.value,
                result.code,
                result.message,
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
    owner, priorities, found, others = yield [
        fill(FIND_EPOCH, (claim.queue,)),
        _next_priority(claim, _LOWEST),
        # Nearly all jobs have this priority, so they are asked for without waiting for the first answers.
        _find_due(claim, DEFAULT_PRIORITY, claim.limit),
        _next_priority(claim, DEFAULT_PRIORITY),
    ]
    if owner.rows != ((claim.epoch,),):
        return []
    due: list[tuple[int, int]] = []
    if priorities.rows == ((DEFAULT_PRIORITY,),):
        due, priorities = list(found.rows), others
    # One priority after the other: each is one range of the index, whatever is deferred.
    while priorities.rows and len(due) < claim.limit:
        ((priority,),) = priorities.rows
        found, priorities = yield [
            _find_due(claim, priority, claim.limit - len(due)),
            _next_priority(claim, priority),
        ]
        due += found.rows
    ids = _first(due, CLAIM_BYTES)
    if not ids:
        return []
    _, started = yield [start_many(ids, claim.now_ms), read_many(ids)]
    if len(started.rows) < len(ids):
        # Somebody has deleted one meanwhile: another may be due in its place.
        raise Mismatch
    jobs = {job.id: job for job in map(job_of, started.rows)}
    return [jobs[job_id] for job_id in ids]


def _next_priority(claim: Claim, priority: int) -> bytes:
    return fill(NEXT_PRIORITY, (claim.queue, priority))


def _find_due(claim: Claim, priority: int, limit: int) -> bytes:
    return fill(FIND_DUE, (claim.queue, priority, claim.now_ms, limit))


def _first(due: Sequence[tuple[int, int]], room: int) -> list[int]:
    """Return the ids of the first of (id, bytes), up to the one that fills the room."""
    ids: list[int] = []
    for job_id, size in due:
        ids.append(job_id)
        room -= size
        if room <= 0:
            break
    return ids


def start_many(ids: Sequence[int], now_ms: int) -> bytes:
    """Return the statement that starts these jobs, as far as they are waiting."""
    start = b"UPDATE job SET state = 1, attempt = attempt + 1, started_at = %d WHERE id IN (%s) AND state = 0"
    return start % (now_ms, _numbers(ids))


def read_many(ids: Sequence[int]) -> bytes:
    """Return the statement that reads these jobs, as far as they are running."""
    return READ_RUNNING % _numbers(ids)


def _numbers(ids: Iterable[int]) -> bytes:
    return b",".join(b"%d" % job_id for job_id in ids)


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
