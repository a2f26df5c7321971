"""The life of a job, and what follows an attempt.

    state      event               state
    ---------  ------------------  --------------------------------------
    waiting    claimed             running
    running    success             gone (completed)
    running    failure             waiting, later: while retries are left
    running    failure             failed: none left, or a permanent failure
    running    released            waiting, as if never claimed
    any        deleted             gone, and a running attempt's outcome is dropped

A job is "deferred" while it is waiting with next_try ahead.
"""

from attrs import frozen

from trioworq.core.jobs import FinishedJob, Job
from trioworq.core.results import Result, ResultStatus


@frozen
class Completed:
    """The worker said success: the job is gone, and remembered as `finished`, if that is wanted."""

    job_id: int
    attempt: int
    finished: FinishedJob | None = None


@frozen
class Retried:
    """The attempt failed with a `result`, and another follows at `next_try_ms`."""

    job_id: int
    attempt: int
    next_try_ms: int
    retries_left: int
    fail_count: int
    result: Result


@frozen
class Failed:
    """The attempt failed and was the last: the job moves to the failure log (I11)."""

    job_id: int
    attempt: int
    result: Result
    fail_count: int
    failed_at_ms: int


@frozen
class Released:
    """The attempt was cut off by us, so it does not count (I4)."""

    job_id: int
    attempt: int


Settlement = Completed | Retried | Failed | Released


def settle(
    job: Job, result: Result, now_ms: int, *, is_remembered: bool = True
) -> Completed | Retried | Failed:
    """Say what follows `result` of the current attempt at `job` (contract §1.13).

    `is_remembered` is whether there is a history of finished jobs.
    """
    if result.status is ResultStatus.SUCCESS:
        finished = job.finished(result, now_ms) if is_remembered else None
        return Completed(job.id, job.attempt, finished)
    fail_count = job.fail_count + 1
    if result.status is ResultStatus.PERMANENT_FAILURE or job.retries_left <= 0:
        return Failed(job.id, job.attempt, result, fail_count, now_ms)
    return Retried(
        job_id=job.id,
        attempt=job.attempt,
        next_try_ms=now_ms + job.retry_delay_s * 1000,
        retries_left=job.retries_left - 1,
        fail_count=fail_count,
        result=result,
    )
