"""What a MySQL or MariaDB database is told: the steps of one transaction.

The operations of a batch wait at the same time, so any order of them is a right one. Pushes go first and
share a statement, then completions, which share another; the rest follows one by one as submitted.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Collection, Iterator, Sequence
from typing import assert_never

from attrs import astuple, evolve

from trioworq.core.errors import InvalidRequest, NoSuchQueue
from trioworq.core.jobs import FailedJob, Job, JobState, NewJob
from trioworq.core.queues import QueueDefinition
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.core.routing import Routing
from trioworq.stores import leases
from trioworq.stores.interface import Claim, Hold
from trioworq.stores.mysql_connection import Connection
from trioworq.stores.mysql_errors import Conflict, Duplicate
from trioworq.stores.mysql_literals import fill, rows
from trioworq.stores.mysql_reads import (
    FIND_FAILURE,
    FIND_JOB,
    FIND_QUEUE,
    JOB,
    QUEUE,
    Row,
    failure_of,
    job_of,
    owner_of,
    queue_of,
)
from trioworq.stores.operations import (
    DeleteFailure,
    DeleteJob,
    DeleteQueue,
    DeleteRouting,
    GiveBack,
    Operation,
    PutQueue,
    PutRouting,
)

PUSH = (
    "INSERT INTO job (kind, queue, category, url, payload, payload_form, state, priority, next_try, "
    "created_at, timeout, retry_delay, retries_left, fail_count, attempt) VALUES "
)
PUSH_ROW = "(0, %s, %s, %s, %s, %s, 0, %s, %s, %s, %s, %s, %s, 0, 0)"

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
FIND_EPOCH = "SELECT epoch FROM queue_owner WHERE queue = %s FOR UPDATE"
RELEASE_QUEUE = (
    "UPDATE job FORCE INDEX (job_list) SET state = 0, started_at = NULL "
    "WHERE kind = 0 AND queue = %s AND state = 1"
)

_Single = (
    Settlement
    | Claim
    | DeleteJob
    | DeleteFailure
    | PutQueue
    | DeleteQueue
    | PutRouting
    | DeleteRouting
    | Hold
    | GiveBack
)

# Below every priority.
_LOWEST = -(2**31)

# What a statement needs beside the rows it carries.
_FRAME_BYTES = 1024


class Mismatch(Exception):
    """Some completion of a batch was late, and one statement for all cannot tell which."""


async def apply(
    connection: Connection, operations: Sequence[Operation], *, one_by_one: bool = False
) -> list[object]:
    """Carry out writes inside a transaction; return their outcomes in the order of the writes.

    Raises Mismatch when the transaction has to be rolled back and done again `one_by_one`.
    """
    pushes = [push for push in operations if isinstance(push, NewJob)]
    completions = [done for done in operations if isinstance(done, Completed)]
    ids = iter(await _push(connection, pushes))
    ends = iter([] if one_by_one else await _complete(connection, completions))
    outcomes: list[object] = []
    for operation in operations:
        match operation:
            case NewJob():
                outcomes.append(next(ids))
            case Completed() if not one_by_one:
                outcomes.append(next(ends))
            case _:
                outcomes.append(await _apply_one(connection, operation))
    return outcomes


async def _apply_one(connection: Connection, operation: _Single) -> object:
    match operation:
        case Completed() | Retried() | Failed() | Released():
            return await _settle(connection, operation)
        case Claim():
            return await _claim(connection, operation)
        case DeleteJob():
            return await _delete_job(connection, operation)
        case DeleteFailure():
            return await _delete_failure(connection, operation)
        case PutQueue():
            return await _put_queue(connection, operation.definition)
        case DeleteQueue():
            return await _delete_queue(connection, operation.name)
        case PutRouting():
            return await _put_routing(connection, operation.routing)
        case DeleteRouting():
            return await _delete_routing(connection, operation.category)
        case Hold():
            return await _hold(connection, operation)
        case GiveBack():
            # The rows stay, so that the next epoch is a new one.
            give_back = "UPDATE queue_owner SET expires_at = 0 WHERE node_id = %s"
            await connection.execute(give_back, (operation.node_id,))
            return None
        case _:
            assert_never(operation)


async def _push(connection: Connection, jobs: Sequence[NewJob]) -> list[int | InvalidRequest]:
    """Store jobs; a multi-row INSERT numbers its rows in order, `id_step` apart."""
    outcomes: list[int | InvalidRequest] = []
    for group in _groups(connection, [_push_row(job) for job in jobs]):
        if isinstance(group, InvalidRequest):
            outcomes.append(group)
            continue
        first_id = (await connection.send(PUSH.encode() + b",".join(group))).insert_id
        outcomes += [first_id + place * connection.id_step for place in range(len(group))]
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


def _push_row(job: NewJob) -> bytes:
    return fill(
        PUSH_ROW,
        (
            job.queue,
            job.category,
            job.url,
            job.payload.body,
            job.payload.form.value,
            job.priority,
            job.next_try_ms,
            job.created_at_ms,
            job.timeout_s,
            job.retry_delay_s,
            job.max_retries,
        ),
    )


async def _complete(connection: Connection, completions: Sequence[Completed]) -> list[bool]:
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
    ids = b",".join(b"%d" % done.job_id for done in completions)
    runs = b",".join(b"(%d,%d)" % (done.job_id, done.attempt) for done in completions)
    # The ids alone give the ranges of the primary key, the pairs the fencing.
    return b"DELETE FROM job WHERE id IN (%s) AND (id, attempt) IN (%s) AND state = 1" % (ids, runs)


async def _settle(connection: Connection, settlement: Settlement) -> bool:
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


async def _claim(connection: Connection, claim: Claim) -> list[Job]:
    # Whoever claims from a queue or takes it over locks its row of queue_owner first, so between here and
    # the commit no job of the queue is started by anyone else (I3, I7).
    found = await connection.execute(FIND_EPOCH, (claim.queue,))
    if found.rows != ((claim.epoch,),):
        return []
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
    places = b",".join(b"%d" % job_id for job_id in ids)
    return (
        b"UPDATE job SET state = 1, attempt = attempt + 1, started_at = %d WHERE id IN (%s) AND state = 0"
        % (
            now_ms,
            places,
        )
    )


async def _running(connection: Connection, ids: Sequence[int]) -> set[tuple[int, int]]:
    places = b",".join(b"%d" % job_id for job_id in ids)
    found = await connection.send(b"SELECT id, attempt FROM job WHERE id IN (%s) AND state = 1" % places)
    return set(found.rows)


async def _delete_job(connection: Connection, deletion: DeleteJob) -> Job | None:
    found = await connection.execute(f"{FIND_JOB} FOR UPDATE", (deletion.job_id, deletion.queue))
    if not found.rows:
        return None
    await connection.execute("DELETE FROM job WHERE id = %s", (deletion.job_id,))
    return job_of(found.rows[0])


async def _delete_failure(connection: Connection, deletion: DeleteFailure) -> FailedJob | None:
    found = await connection.execute(f"{FIND_FAILURE} FOR UPDATE", (deletion.failure_id, deletion.queue))
    if not found.rows:
        return None
    await connection.execute("DELETE FROM failure WHERE id = %s", (deletion.failure_id,))
    return failure_of(found.rows[0])


async def _put_queue(connection: Connection, definition: QueueDefinition) -> bool:
    if await _lock_queue(connection, definition.name) == definition:
        return False
    replace = f"REPLACE INTO queue ({QUEUE}) VALUES (%s, %s, %s, %s, %s)"
    await connection.execute(replace, astuple(definition))
    await _count_change(connection, "queue")
    return True


async def _lock_queue(connection: Connection, name: str) -> QueueDefinition | None:
    found = await connection.execute(f"{FIND_QUEUE} FOR UPDATE", (name,))
    return queue_of(found.rows[0]) if found.rows else None


async def _delete_queue(connection: Connection, name: str) -> QueueDefinition | None:
    definition = await _lock_queue(connection, name)
    if definition is not None:
        await connection.execute("DELETE FROM queue WHERE name = %s", (name,))
        await _count_change(connection, "queue")
    return definition


async def _put_routing(connection: Connection, routing: Routing) -> bool | NoSuchQueue:
    if await _lock_queue(connection, routing.queue) is None:
        return NoSuchQueue(routing.queue)
    if await _lock_routing(connection, routing.category) == routing:
        return False
    await connection.execute("REPLACE INTO routing (category, queue) VALUES (%s, %s)", astuple(routing))
    await _count_change(connection, "routing")
    return True


async def _lock_routing(connection: Connection, category: str) -> Routing | None:
    found = await connection.execute("SELECT queue FROM routing WHERE category = %s FOR UPDATE", (category,))
    return Routing(category, found.rows[0][0].decode()) if found.rows else None


async def _delete_routing(connection: Connection, category: str) -> Routing | None:
    routing = await _lock_routing(connection, category)
    if routing is not None:
        await connection.execute("DELETE FROM routing WHERE category = %s", (category,))
        await _count_change(connection, "routing")
    return routing


async def _count_change(connection: Connection, name: str) -> None:
    await connection.execute("UPDATE config_revision SET revision = revision + 1 WHERE name = %s", (name,))


async def _hold(connection: Connection, hold: Hold) -> dict[str, int]:
    if not hold.queues:
        return {}
    names = sorted(hold.queues)
    places = rows("%s", [(name,) for name in names])
    # In the order of the key, as every node does, so that two of them do not wait for each other.
    found = await connection.send(
        b"SELECT queue, node_id, host, epoch, expires_at FROM queue_owner WHERE queue IN (%s) "
        b"ORDER BY queue FOR UPDATE" % places
    )
    present = {row[0].decode(): owner_of(row[1:]) for row in found.rows}
    planned = leases.plan(hold, present)
    await _renew(connection, hold, planned.renewed)
    for queue, epoch in planned.taken.items():
        await _take_over(connection, hold, queue, epoch, is_new=queue not in present)
    return planned.held


async def _renew(connection: Connection, hold: Hold, queues: Collection[str]) -> None:
    if queues:
        places = rows("%s", [(queue,) for queue in queues])
        lease = fill("host = %s, expires_at = %s", (hold.host, hold.now_ms + hold.lease_ms))
        await connection.send(b"UPDATE queue_owner SET %s WHERE queue IN (%s)" % (lease, places))


async def _take_over(connection: Connection, hold: Hold, queue: str, epoch: int, *, is_new: bool) -> None:
    expires_at = hold.now_ms + hold.lease_ms
    if is_new:
        # Not REPLACE: when another node makes the row at the same moment, one of the two must lose.
        insert = (
            "INSERT INTO queue_owner (node_id, host, epoch, expires_at, queue) VALUES (%s, %s, %s, %s, %s)"
        )
    else:
        insert = (
            "UPDATE queue_owner SET node_id = %s, host = %s, epoch = %s, expires_at = %s WHERE queue = %s"
        )
    try:
        await connection.execute(insert, (hold.node_id, hold.host, epoch, expires_at, queue))
    except Duplicate as error:
        raise Conflict("MySQL: another node has just taken the queue") from error
    await connection.execute(RELEASE_QUEUE, (queue,))
