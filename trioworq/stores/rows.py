"""Rows of the tables that every SQL schema has: which columns are read, and what a row of them is."""

from typing import Any

from trioworq.core.jobs import DEFAULT_PRIORITY, FailedJob, FinishedJob, Job, JobState, Payload, PayloadForm
from trioworq.core.pull import PullJob
from trioworq.core.results import Result, ResultStatus

JOB = (
    "id, queue, category, url, payload, payload_form, state, priority, created_at, next_try, "
    "timeout, retry_delay, retries_left, fail_count, attempt, started_at"
)
PULL_JOB = (
    "id, queue, pull_key, payload, pull_state, state, priority, created_at, next_try, "
    "timeout, max_retries, retries_left, fail_count, attempt, lease_end, started_at"
)
FAILURE = (
    "id, job_id, queue, category, url, payload, payload_form, "
    "result_status, result_code, result_message, fail_count, failed_at, created_at, pull_key, "
    "priority, started_at"
)
FINISHED = (
    "job_id, queue, category, url, payload, payload_form, priority, code, message, "
    "fail_count, created_at, started_at, ended_at, pull_key"
)
QUEUE = "name, polling_interval, max_workers, max_dispatches_per_second, max_burst_size, priority"

# Failures from before version 4 of the schema do not tell their job's last attempt. Its next one is numbered
# from here on, above any that it can have had (I3).
UNKNOWN_ATTEMPT = 1_000_000

Row = tuple[Any, ...]


def job_of(row: Row) -> Job:
    """Read a row of the columns `JOB`."""
    job_id, queue, category, url, body, form, state, priority, created_at, next_try, *rest = row
    timeout, retry_delay, retries_left, fail_count, attempt, started_at = rest
    return Job(
        id=job_id,
        queue=queue,
        category=category,
        url=url,
        payload=Payload(PayloadForm(form), body),
        state=JobState(state),
        priority=priority,
        created_at_ms=created_at,
        next_try_ms=next_try,
        timeout_s=timeout,
        retry_delay_s=retry_delay,
        retries_left=retries_left,
        fail_count=fail_count,
        attempt=attempt,
        started_at_ms=started_at,
    )


def pull_job_of(row: Row) -> PullJob:
    """Read a row of the columns `PULL_JOB`."""
    job_id, queue, key, payload, saved_state, state, priority, created_at, next_try, *rest = row
    timeout, max_retries, retries_left, fail_count, attempt, lease_end, started_at = rest
    return PullJob(
        id=job_id,
        queue=queue,
        key=key,
        payload=payload,
        saved_state=saved_state,
        state=JobState(state),
        priority=priority,
        created_at_ms=created_at,
        run_at_ms=next_try,
        timeout_s=timeout,
        max_retries=max_retries,
        retries_left=retries_left,
        fail_count=fail_count,
        attempt=attempt,
        lease_ends_at_ms=lease_end,
        started_at_ms=started_at,
    )


def failure_of(row: Row) -> FailedJob:
    """Read a row of the columns `FAILURE`."""
    failure_id, job_id, queue, category, url, body, form, status, code, message, *rest = row
    fail_count, failed_at, created_at, key, priority, started_at = rest
    return FailedJob(
        id=failure_id,
        job_id=job_id,
        queue=queue,
        category=category,
        url=url,
        payload=Payload(PayloadForm(form), body),
        result=Result(ResultStatus(status), code, message),
        fail_count=fail_count,
        failed_at_ms=failed_at,
        created_at_ms=created_at,
        key=key,
        # Not known of failures from before version 3 of the schema.
        priority=DEFAULT_PRIORITY if priority is None else priority,
        started_at_ms=started_at,
    )


def finished_of(row: Row) -> FinishedJob:
    """Read a row of the columns `FINISHED`."""
    job_id, queue, category, url, body, form, priority, code, message, *rest = row
    fail_count, created_at, started_at, ended_at, key = rest
    return FinishedJob(
        job_id=job_id,
        queue=queue,
        category=category,
        url=url,
        payload=None if body is None else Payload(PayloadForm(form), body),
        priority=priority,
        result=Result(ResultStatus.SUCCESS, code, message),
        fail_count=fail_count,
        created_at_ms=created_at,
        started_at_ms=started_at,
        ended_at_ms=ended_at,
        key=key,
    )
