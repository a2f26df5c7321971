"""What the embedded store is told of pull jobs: steps of one transaction, each of them blocking."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import sqlite3
from typing import assert_never

from trioworq.core.failures import error_of
from trioworq.core.jobs import JobState, Kind, PayloadForm
from trioworq.core.pull import (
    Completion,
    Heartbeat,
    NewPullJob,
    PullChange,
    PullJob,
    Rescheduling,
    Return,
    Standing,
    TimedOut,
    Verdict,
    is_exhausted,
    judge,
    lease_end_ms,
    retries_at_first,
    timeout_message,
)
from trioworq.core.results import Result, ResultStatus
from trioworq.stores.claims import Take
from trioworq.stores.paging import fill, pull_job_size
from trioworq.stores.rows import Row, pull_job_of
from trioworq.stores.sqlite import history
from trioworq.stores.sqlite.connection import only
from trioworq.stores.sqlite.due import find_due

ENQUEUE = (
    "INSERT INTO job (kind, queue, category, url, pull_key, payload, payload_form, state, priority, "
    "next_try, created_at, timeout, retry_delay, max_retries, retries_left, fail_count, attempt) "
    f"VALUES (1, ?, '', '', ?, ?, {PayloadForm.JSON:d}, 0, ?, ?, ?, ?, 0, ?, ?, 0, 0) "
    "ON CONFLICT (queue, pull_key) WHERE pull_key IS NOT NULL DO NOTHING"
)
START = "UPDATE job SET state = 1, attempt = attempt + 1, started_at = ?, lease_end = ? WHERE id = ?"
FIND_STANDING = "SELECT id, state, attempt, timeout FROM job WHERE queue = ? AND pull_key = ?"
KEEP = "UPDATE job SET lease_end = ?, pull_state = coalesce(?, pull_state) WHERE id = ?"
COMPLETE = "DELETE FROM job WHERE id = ?"
RETURN = "UPDATE job SET state = 0, lease_end = NULL WHERE id = ?"
RESCHEDULE = (
    "UPDATE job SET state = 0, started_at = NULL, lease_end = NULL, payload = ?, pull_state = ?, "
    "next_try = ?, timeout = ?, max_retries = ?, retries_left = ?, fail_count = 0, "
    "priority = coalesce(?, priority) WHERE id = ?"
)
ENDED = (
    "SELECT id, queue, pull_key, max_retries, retries_left, fail_count FROM job "
    "WHERE lease_end < ? ORDER BY lease_end, id LIMIT ?"
)
RETRY = (
    "UPDATE job SET state = 0, lease_end = NULL, fail_count = fail_count + 1, "
    "retries_left = retries_left - (max_retries >= 0) WHERE id = ?"
)
FAIL = (
    "INSERT INTO failure (kind, job_id, queue, category, url, pull_key, payload, payload_form, pull_state, "
    "result_status, result_code, result_message, error, fail_count, failed_at, created_at, "
    "max_retries, priority, timeout, retry_delay, attempt, started_at) "
    "SELECT kind, id, queue, category, url, pull_key, payload, payload_form, pull_state, "
    "?, ?, ?, ?, fail_count + 1, ?, created_at, "
    "max_retries, priority, timeout, retry_delay, attempt, started_at FROM job WHERE id = ?"
)


def enqueue(connection: sqlite3.Connection, job: NewPullJob) -> int | None:
    """Store a job and return its id; None if its queue has one of its key."""
    inserted = connection.execute(
        ENQUEUE,
        (
            job.queue,
            job.key,
            job.payload,
            job.priority,
            job.run_at_ms,
            job.created_at_ms,
            job.timeout_s,
            job.max_retries,
            retries_at_first(job.max_retries),
        ),
    )
    return inserted.lastrowid if inserted.rowcount == 1 else None


def take(connection: sqlite3.Connection, take: Take) -> list[PullJob]:
    """Hand out due jobs."""
    rows = find_due(connection, Kind.PULL, take.queue, take.now_ms, take.limit)
    jobs = [job.handed_out(take.now_ms) for job in fill(map(pull_job_of, rows), pull_job_size)]
    connection.executemany(START, [(take.now_ms, job.lease_ends_at_ms, job.id) for job in jobs])
    return jobs


def change(connection: sqlite3.Connection, change: PullChange) -> Verdict:
    """Carry out a change if it may be."""
    row = only(connection, FIND_STANDING, (change.queue, change.key))
    if row is None:
        return judge(change, None)
    job_id, state, attempt, timeout_s = row
    verdict = judge(change, Standing(job_id, JobState(state), attempt))
    if verdict is Verdict.DONE:
        _carry_out(connection, change, job_id, timeout_s)
    return verdict


def _carry_out(connection: sqlite3.Connection, change: PullChange, job_id: int, timeout_s: int) -> None:
    match change:
        case Heartbeat():
            lease_end = lease_end_ms(change.now_ms, timeout_s)
            connection.execute(KEEP, (lease_end, change.saved_state, job_id))
        case Completion():
            if change.finished_at_ms is not None:
                history.remember_pull(connection, job_id, change.finished_at_ms)
            connection.execute(COMPLETE, (job_id,))
        case Return():
            connection.execute(RETURN, (job_id,))
        case Rescheduling():
            _reschedule(connection, change, job_id)
        case _:
            assert_never(change)


def _reschedule(connection: sqlite3.Connection, change: Rescheduling, job_id: int) -> None:
    connection.execute(
        RESCHEDULE,
        (
            change.payload,
            change.saved_state,
            change.run_at_ms,
            change.timeout_s,
            change.max_retries,
            retries_at_first(change.max_retries),
            change.priority,
            job_id,
        ),
    )


def expire_leases(connection: sqlite3.Connection, now_ms: int, limit: int) -> list[TimedOut]:
    """End leases that ended before `now_ms`."""
    ended = connection.execute(ENDED, (now_ms, limit)).fetchall()
    return [_expire(connection, row, now_ms) for row in ended]


def _expire(connection: sqlite3.Connection, row: Row, now_ms: int) -> TimedOut:
    job_id, queue, key, max_retries, retries_left, fail_count = row
    is_failed = is_exhausted(max_retries, retries_left)
    if is_failed:
        result = Result(ResultStatus.FAILURE, 0, timeout_message(fail_count + 1))
        entry = (result.status.value, result.code, result.message, error_of(result))
        connection.execute(FAIL, (*entry, now_ms, job_id))
        connection.execute(COMPLETE, (job_id,))
    else:
        connection.execute(RETRY, (job_id,))
    return TimedOut(id=job_id, queue=queue, key=key, fail_count=fail_count + 1, is_failed=is_failed)
