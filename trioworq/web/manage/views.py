"""Jobs of either kind, at any stage of their life, in the words of this API (contract jobs §3.3)."""

from enum import Enum
from typing import assert_never

from attrs import frozen

from trioworq.core.jobs import FailedJob, FinishedJob, Job, JobState, Kind, Payload, PayloadForm
from trioworq.core.pull import PullJob
from trioworq.core.results import Result


class Status(Enum):
    """What a job does."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"


@frozen(kw_only=True)
class JobView:
    """A job; `category` and `url` are those of a push job, `key` is that of a pull job.

    `payload` is None when it has not been kept. `error` is why the job failed, `outcome` what its worker said
    of a success.
    """

    job_id: int
    kind: Kind
    queue: str
    category: str
    url: str
    key: str
    payload: Payload | None
    status: Status
    created_at_ms: int
    started_at_ms: int | None
    ended_at_ms: int | None = None
    error: str | None = None
    outcome: str | None = None
    fail_count: int
    priority: int

    @property
    def function(self) -> str:
        """What a worker is to do."""
        return self.category if self.kind is Kind.PUSH else self.queue


def view_of(job: Job | PullJob | FailedJob | FinishedJob, now_ms: int) -> JobView:
    """Return a job as it is to be shown at a time."""
    match job:
        case Job():
            return _view_of_push(job, now_ms)
        case PullJob():
            return _view_of_pull(job, now_ms)
        case FailedJob():
            return view_of_failed(job)
        case FinishedJob():
            return _view_of_finished(job)
        case _:
            assert_never(job)


def view_of_failed(job: FailedJob) -> JobView:
    """Return a job that ended in failure."""
    return _view_of_ended(job, Status.FAILED, job.failed_at_ms, error=_error_of(job.result))


def _view_of_finished(job: FinishedJob) -> JobView:
    return _view_of_ended(job, Status.FINISHED, job.ended_at_ms, outcome=job.result.message or None)


def _view_of_ended(
    job: FailedJob | FinishedJob,
    status: Status,
    ended_at_ms: int,
    *,
    error: str | None = None,
    outcome: str | None = None,
) -> JobView:
    return JobView(
        job_id=job.job_id,
        kind=job.kind,
        queue=job.queue,
        category=job.category,
        url=job.url,
        key=job.key or "",
        payload=job.payload,
        status=status,
        created_at_ms=job.created_at_ms,
        started_at_ms=job.started_at_ms,
        ended_at_ms=ended_at_ms,
        error=error,
        outcome=outcome,
        fail_count=job.fail_count,
        priority=job.priority,
    )


def _view_of_push(job: Job, now_ms: int) -> JobView:
    return JobView(
        job_id=job.id,
        kind=Kind.PUSH,
        queue=job.queue,
        category=job.category,
        url=job.url,
        key="",
        payload=job.payload,
        status=_status_of(job.state, job.next_try_ms, now_ms),
        created_at_ms=job.created_at_ms,
        started_at_ms=job.started_at_ms,
        fail_count=job.fail_count,
        priority=job.priority,
    )


def _view_of_pull(job: PullJob, now_ms: int) -> JobView:
    return JobView(
        job_id=job.id,
        kind=Kind.PULL,
        queue=job.queue,
        category="",
        url="",
        key=job.key,
        payload=Payload(PayloadForm.JSON, job.payload),
        status=_status_of(job.state, job.run_at_ms, now_ms),
        created_at_ms=job.created_at_ms,
        started_at_ms=job.started_at_ms,
        fail_count=job.fail_count,
        priority=job.priority,
    )


def _status_of(state: JobState, due_ms: int, now_ms: int) -> Status:
    if state is JobState.RUNNING:
        return Status.STARTED
    return Status.SCHEDULED if due_ms > now_ms else Status.QUEUED


def _error_of(result: Result) -> str:
    """Say why a job failed: in its worker's words, or else by the verdict and the HTTP status (README 21)."""
    if result.message:
        return result.message
    return f"{result.status.value} (HTTP {result.code})" if result.code else result.status.value
