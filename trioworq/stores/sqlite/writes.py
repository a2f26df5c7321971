"""What the embedded store is told: steps of one transaction, each of them blocking."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import assert_never

from attrs import evolve

from trioworq.core.failures import error_of
from trioworq.core.jobs import Job, JobState, Kind, NewJob
from trioworq.core.leases import Hold
from trioworq.core.pull import Completion, Heartbeat, PullJob, Rescheduling, Return
from trioworq.core.results import write_last_error
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.stores.claims import Claim, Take
from trioworq.stores.operations import (
    AddLoad,
    DeleteFailure,
    DeleteJob,
    DeleteQueue,
    DeleteRouting,
    EnqueueJobs,
    ExpireLeases,
    ForgetFailures,
    ForgetFinished,
    ForgetLoad,
    GiveBack,
    Hasten,
    NameTypes,
    Operation,
    PushJobs,
    PutQueue,
    PutRouting,
    Report,
    RetryFailures,
    SetPaused,
    TakeTurn,
)
from trioworq.stores.paging import fill, job_size
from trioworq.stores.rows import FAILURE, JOB, failure_of, job_of
from trioworq.stores.sqlite import definitions, failures, history, leases, load, pull
from trioworq.stores.sqlite.connection import only
from trioworq.stores.sqlite.due import find_due
from trioworq.stores.sqlite.reads import find_present
from trioworq.stores.starts import Head, may_start, with_starts

# The attempt that a settlement belongs to, if it is still the running one (I3); 1 is JobState.RUNNING.
_THE_RUN = "id = ? AND attempt = ? AND state = 1 AND kind = 0"

PUSH = (
    "INSERT INTO job (kind, queue, category, url, payload, payload_form, state, priority, next_try, "
    "created_at, timeout, retry_delay, retries_left, fail_count, attempt, started_at) "
    "VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)"
)
FIND_EPOCH = "SELECT epoch FROM queue_owner WHERE queue = ?"
FIND_HEAD = (
    "SELECT epoch, (SELECT next_try FROM job WHERE kind = 0 AND queue = queue_owner.queue AND state = 0 "
    "ORDER BY next_try LIMIT 1) FROM queue_owner WHERE queue = ?"
)
START = "UPDATE job SET state = 1, attempt = attempt + 1, started_at = ? WHERE id = ?"
COMPLETE = f"DELETE FROM job WHERE {_THE_RUN}"
RELEASE = f"UPDATE job SET state = 0 WHERE {_THE_RUN}"
RETRY = (
    "UPDATE job SET state = 0, next_try = ?, retries_left = ?, fail_count = ?, last_error = ? "
    f"WHERE {_THE_RUN}"
)
# A failure keeps what running the job again needs.
FAIL = (
    "INSERT INTO failure (kind, job_id, queue, category, url, payload, payload_form, "
    "result_status, result_code, result_message, error, fail_count, failed_at, created_at, "
    "max_retries, priority, timeout, retry_delay, attempt, started_at) "
    "SELECT kind, id, queue, category, url, payload, payload_form, ?, ?, ?, ?, ?, ?, created_at, "
    "fail_count + retries_left, priority, timeout, retry_delay, attempt, started_at "
    f"FROM job WHERE {_THE_RUN}"
)
HASTEN = "UPDATE job SET next_try = min(next_try, ?) WHERE id = ? AND state = 0"
DELETE_JOB = f"DELETE FROM job WHERE id = ? AND queue = ? AND kind = 0 RETURNING {JOB}"
DELETE_FAILURE = f"DELETE FROM failure WHERE id = ? AND queue = ? AND kind = 0 RETURNING {FAILURE}"

# What people and chores do, not every job.
_Rare = (
    DeleteJob
    | DeleteFailure
    | Hasten
    | Report
    | RetryFailures
    | ForgetFailures
    | ForgetFinished
    | NameTypes
    | AddLoad
    | ForgetLoad
    | TakeTurn
    | SetPaused
    | PutQueue
    | DeleteQueue
    | PutRouting
    | DeleteRouting
    | Hold
    | GiveBack
)


def apply(connection: sqlite3.Connection, operations: Sequence[Operation]) -> list[object]:
    """Carry out writes inside a transaction, in order; return their outcomes."""
    # Pushes stand behind what the writes before them have made due.
    before = list(takewhile(lambda operation: not isinstance(operation, PushJobs), operations))
    outcomes = [_apply_one(connection, operation, {}) for operation in before]
    pushes = [push for each in operations if isinstance(each, PushJobs) for push in with_starts(each)]
    heads = _find_heads(connection, {job.queue for job, start in pushes if start is not None})
    return outcomes + [_apply_one(connection, operation, heads) for operation in operations[len(before) :]]


def _apply_one(connection: sqlite3.Connection, operation: Operation, heads: Mapping[str, Head]) -> object:
    match operation:
        case PushJobs():
            return [
                _push(connection, job, is_running=may_start(job, start, heads))
                for job, start in with_starts(operation)
            ]
        case Completed() | Retried() | Failed() | Released():
            return _settle(connection, operation)
        case Claim():
            return _claim(connection, operation)
        case EnqueueJobs():
            return [pull.enqueue(connection, job) for job in operation.jobs]
        case Take():
            return pull.take(connection, operation)
        case Heartbeat() | Completion() | Rescheduling() | Return():
            return pull.change(connection, operation)
        case ExpireLeases():
            return pull.expire_leases(connection, operation.now_ms, operation.limit)
        case _:
            return _apply_rare(connection, operation)


def _apply_rare(connection: sqlite3.Connection, operation: _Rare) -> object:
    match operation:
        case DeleteJob():
            return _delete_job(connection, operation)
        case DeleteFailure():
            row = only(connection, DELETE_FAILURE, (operation.failure_id, operation.queue))
            return failure_of(row) if row else None
        case Hasten():
            return _hasten(connection, operation)
        case Report():
            leases.report(connection, operation)
            return None
        case RetryFailures():
            return [failures.retry(connection, each, operation.now_ms) for each in operation.failure_ids]
        case ForgetFailures():
            return [failures.forget(connection, each) for each in operation.failure_ids]
        case ForgetFinished():
            history.forget(connection, operation.job_ids)
            return None
        case NameTypes():
            return load.name_types(connection, operation.types)
        case AddLoad():
            load.add(connection, operation.sample)
            return None
        case ForgetLoad():
            return load.forget(connection, operation.before_ms, operation.limit)
        case TakeTurn():
            return leases.take_turn(connection, operation)
        case PutQueue():
            return definitions.put_queue(connection, operation)
        case DeleteQueue():
            return definitions.delete_queue(connection, operation.name)
        case PutRouting():
            return definitions.put_routing(connection, operation.routing)
        case DeleteRouting():
            return definitions.delete_routing(connection, operation.category)
        case SetPaused():
            return definitions.set_paused(connection, operation)
        case Hold():
            return leases.hold(connection, operation)
        case GiveBack():
            leases.give_back(connection, operation.node_id, operation.now_ms, operation.queues)
            return None
        case _:
            assert_never(operation)


def _find_heads(connection: sqlite3.Connection, queues: Iterable[str]) -> dict[str, Head]:
    found = {queue: only(connection, FIND_HEAD, (queue,)) for queue in queues}
    return {queue: Head(*row) for queue, row in found.items() if row is not None}


def _push(connection: sqlite3.Connection, job: NewJob, *, is_running: bool) -> Job:
    row = connection.execute(
        PUSH,
        (
            job.queue,
            job.category,
            job.url,
            job.payload.body,
            job.payload.form,
            JobState.RUNNING if is_running else JobState.WAITING,
            job.priority,
            job.next_try_ms,
            job.created_at_ms,
            job.timeout_s,
            job.retry_delay_s,
            job.max_retries,
            int(is_running),
            job.created_at_ms if is_running else None,
        ),
    ).lastrowid
    assert row is not None  # noqa: S101  # an INSERT that raised nothing has made a row
    return job.stored(row, is_running=is_running)


def _settle(connection: sqlite3.Connection, settlement: Settlement) -> bool:
    run = (settlement.job_id, settlement.attempt)
    match settlement:
        case Completed():
            was_running = connection.execute(COMPLETE, run).rowcount == 1
            if was_running and settlement.finished is not None:
                history.remember(connection, settlement.finished)
            return was_running
        case Released():
            return connection.execute(RELEASE, run).rowcount == 1
        case Retried():
            change = (
                settlement.next_try_ms,
                settlement.retries_left,
                settlement.fail_count,
                write_last_error(settlement.result),
            )
            return connection.execute(RETRY, (*change, *run)).rowcount == 1
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
            connection.execute(FAIL, (*entry, *run))
            return connection.execute(COMPLETE, run).rowcount == 1
        case _:
            assert_never(settlement)


def _claim(connection: sqlite3.Connection, claim: Claim) -> list[Job]:
    epoch = only(connection, FIND_EPOCH, (claim.queue,))
    if epoch != (claim.epoch,):
        return []
    rows = find_due(connection, Kind.PUSH, claim.queue, claim.now_ms, claim.limit)
    jobs = fill(map(job_of, rows), job_size)
    connection.executemany(START, [(claim.now_ms, job.id) for job in jobs])
    return [
        evolve(job, state=JobState.RUNNING, attempt=job.attempt + 1, started_at_ms=claim.now_ms)
        for job in jobs
    ]


def _hasten(connection: sqlite3.Connection, hastening: Hasten) -> Job | PullJob | None:
    is_waiting = connection.execute(HASTEN, (hastening.now_ms, hastening.job_id)).rowcount == 1
    return find_present(connection, hastening.job_id) if is_waiting else None


def _delete_job(connection: sqlite3.Connection, deletion: DeleteJob) -> Job | None:
    row = only(connection, DELETE_JOB, (deletion.job_id, deletion.queue))
    if row is None:
        return None
    job = job_of(row)
    if job.state is JobState.RUNNING:
        definitions.count_change(connection, "deletion")
    return job
