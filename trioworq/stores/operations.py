"""Writes as values: what is handed to a store's service task (design §4).

A settlement is one of `core.retry`, a change one of `core.pull`, a hold one of `core.leases`; a claim and a
take one of `claims`; the rest is here. The comment beside each kind names the outcome it is
answered with.
"""

from collections.abc import Collection, Sequence

from attrs import define, frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import (
    INT64_MAX,
    NAME_MAX_BYTES,
    UINT32_MAX,
    URL_MAX_BYTES,
    FinishedJob,
    Job,
    JobState,
    Kind,
    NewJob,
)
from trioworq.core.leases import Hold
from trioworq.core.load import LoadSample, TypeName
from trioworq.core.pull import (
    INT32_MAX,
    INT32_MIN,
    Completion,
    Heartbeat,
    NewPullJob,
    PullChange,
    Rescheduling,
    Return,
)
from trioworq.core.queues import QueueDefinition
from trioworq.core.results import LAST_ERROR_CHARACTERS
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.core.routing import Routing
from trioworq.stores.claims import Claim, Push, Start, Take
from trioworq.stores.managing import Chore

# What a row takes beside its payload, url and names: enough for bounding a batch.
_ROW_BYTES = 256


@define(eq=False)
class PushJobs:
    """Store jobs that fit; those with a start as running, if they may."""

    pushes: Sequence[Push]
    starts: Sequence[Start | None] = ()

    def begin(self) -> None:
        """Ask the offers: the transaction begins."""
        self.starts = [push.offer and push.offer() for push in self.pushes]

    def end(self, outcomes: Sequence[object] | None) -> None:
        """Let start what was stored as running; `outcomes` are None when nothing was stored."""
        starts, self.starts = self.starts, ()
        for start, outcome in zip(starts, outcomes or [None] * len(starts), strict=True):
            if start is None:
                continue
            if isinstance(outcome, Job) and outcome.state is JobState.RUNNING:
                start.begin(outcome)
            else:
                start.withdraw()


@frozen
class EnqueueJobs:
    """Store those pull jobs whose keys are free."""

    jobs: Sequence[NewPullJob]


@frozen
class ExpireLeases:
    """End leases of pull jobs that ended before `now_ms`, at most `limit` of them."""

    now_ms: int
    limit: int


@frozen
class DeleteJob:
    """Remove a job, running or not."""

    queue: str
    job_id: int


@frozen
class DeleteFailure:
    """Remove an entry of the failure log."""

    queue: str
    failure_id: int


@frozen
class Hasten:
    """Have a job of either kind that waits be due now."""

    job_id: int
    now_ms: int


@frozen
class Report:
    """Keep what a live node says of itself."""

    node_id: str
    host: str
    report: bytes


@frozen
class RetryFailures:
    """Have failed jobs wait again."""

    failure_ids: Sequence[int]
    now_ms: int


@frozen
class ForgetFailures:
    """Remove failures of either kind."""

    failure_ids: Sequence[int]


@frozen
class ForgetFinished:
    """Remove jobs from the history."""

    job_ids: Sequence[int]


@frozen
class NameTypes:
    """Give numbers to job types that have none."""

    types: Collection[TypeName]


@frozen
class AddLoad:
    """Store a sample of the load."""

    sample: LoadSample


@frozen
class ForgetLoad:
    """Remove the oldest samples of the load from before a time."""

    before_ms: int
    limit: int


@frozen
class TakeTurn:
    """Take a chore that nobody has had within the period."""

    chore: Chore
    now_ms: int
    period_ms: int


@frozen
class SetPaused:
    """Pause or resume a queue."""

    kind: Kind
    queue: str
    is_paused: bool


@frozen
class PutQueue:
    """Define a queue, or redefine it if that `replaces` what is there."""

    definition: QueueDefinition
    replaces: bool = True


@frozen
class DeleteQueue:
    """Remove a queue's definition."""

    name: str


@frozen
class PutRouting:
    """Route or re-route a category."""

    routing: Routing


@frozen
class DeleteRouting:
    """Remove a routing."""

    category: str


@frozen
class GiveBack:
    """End leases of a node; all of them, and its place among the live ones, when no queues are named."""

    node_id: str
    now_ms: int
    queues: Sequence[str] | None = None


Operation = (
    PushJobs  # list[Job | InvalidRequest]
    | Claim  # list[Job]
    | Settlement  # whether it was the running attempt
    | EnqueueJobs  # list[int | None], or InvalidRequest
    | Take  # list[PullJob]
    | PullChange  # Verdict, or InvalidRequest
    | ExpireLeases  # list[TimedOut]
    | DeleteJob  # Job | None
    | DeleteFailure  # FailedJob | None
    | Hasten  # Job | PullJob | None
    | Report  # None
    | RetryFailures  # list[Requeued | None]
    | ForgetFailures  # list[FailureName | None]
    | ForgetFinished  # None
    | NameTypes  # list[JobType]
    | AddLoad  # None
    | ForgetLoad  # how many
    | TakeTurn  # whether it is ours
    | SetPaused  # whether anything changed, or NoSuchQueue
    | PutQueue  # whether anything changed
    | DeleteQueue  # QueueDefinition | None
    | PutRouting  # whether anything changed, or NoSuchQueue
    | DeleteRouting  # Routing | None
    | Hold  # Held
    | GiveBack  # None
)


def weight(operation: Operation) -> int:
    """Return about how many bytes an operation adds to its transaction."""
    match operation:
        case PushJobs():
            return sum(_job_weight(push.job) for push in operation.pushes)
        case Failed():
            return _ROW_BYTES + utf8_size(operation.result.message)
        case Retried():
            return _ROW_BYTES + min(len(operation.result.message), LAST_ERROR_CHARACTERS)
        case Completed(finished=FinishedJob() as finished):
            size = len(finished.payload.body) if finished.payload else 0
            return _ROW_BYTES + size + utf8_size(finished.url) + utf8_size(finished.result.message)
        case EnqueueJobs():
            return sum(_pull_job_weight(job) for job in operation.jobs)
        case Heartbeat():
            return _ROW_BYTES + len(operation.saved_state or b"")
        case Rescheduling():
            return _ROW_BYTES + len(operation.payload) + len(operation.saved_state or b"")
        case Hold():
            return _ROW_BYTES + sum(map(utf8_size, operation.queues))
        case Report():
            return _ROW_BYTES + len(operation.report)
        case _:
            return _ROW_BYTES


def _job_weight(job: NewJob) -> int:
    names = utf8_size(job.queue) + utf8_size(job.category)
    return _ROW_BYTES + names + utf8_size(job.url) + len(job.payload.body)


def _pull_job_weight(job: NewPullJob) -> int:
    return _ROW_BYTES + utf8_size(job.queue) + utf8_size(job.key) + len(job.payload)


def rows(operation: Operation) -> int:
    """Return about how many rows an operation adds to its transaction."""
    match operation:
        case PushJobs():
            return len(operation.pushes)
        case EnqueueJobs():
            return len(operation.jobs)
        case RetryFailures() | ForgetFailures():
            return len(operation.failure_ids)
        case ForgetFinished():
            return len(operation.job_ids)
        case AddLoad():
            return len(operation.sample.by_type)
        case _:
            return 1


def turn(operation: Operation) -> int:
    """Return when an operation has its turn among those of its transaction; those with the same keep order.

    A worker that keeps its job or ends it has said so before its lease was ended. A retry that is due is as
    much ahead of a push as a claim is behind it (I9).
    """
    match operation:
        case Heartbeat() | Completion() | Rescheduling():
            return 0
        case Retried() | Released() | Return() | ExpireLeases() | RetryFailures() | Hasten():
            return 1
        case PushJobs() | EnqueueJobs():
            return 2
        case _:
            return 3


def misfit(job: NewJob) -> InvalidRequest | None:
    """Return what is wrong with a job that does not fit the columns, alike in every store."""
    try:
        _check_storable(job)
    except InvalidRequest as error:
        return error
    return None


def _check_storable(job: NewJob) -> None:
    _check_text("queue name", job.queue, NAME_MAX_BYTES)
    _check_text("job category", job.category, NAME_MAX_BYTES)
    _check_text("url", job.url, URL_MAX_BYTES)
    _check_number("timeout", job.timeout_s, UINT32_MAX)
    _check_number("retry_delay", job.retry_delay_s, UINT32_MAX)
    _check_number("max_retries", job.max_retries, UINT32_MAX)
    _check_number("time of creation", job.created_at_ms, INT64_MAX)
    _check_number("time of the first try", job.next_try_ms, INT64_MAX)


def check_pull_job(job: NewPullJob | Rescheduling) -> None:
    """Raise InvalidRequest for what does not fit the columns, alike in every store."""
    _check_text("queue name", job.queue, NAME_MAX_BYTES)
    _check_text("job id", job.key, NAME_MAX_BYTES)
    _check_number("timeout", job.timeout_s, INT32_MAX, INT32_MIN)
    _check_number("max_retries", job.max_retries, INT32_MAX, INT32_MIN)
    _check_number("run_at", job.run_at_ms, INT64_MAX, -INT64_MAX)


def utf8_size(text: str) -> int:
    """Return the length of `text` in UTF-8; what cannot be encoded counts too, it is refused elsewhere."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _check_text(what: str, text: str, most: int) -> None:
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise InvalidRequest(f"The {what} is not valid UTF-8") from None
    if size > most:
        raise InvalidRequest(f"The {what} should have at most {most} bytes, not {size}")


def _check_number(what: str, number: int, most: int, least: int = 0) -> None:
    if not least <= number <= most:
        raise InvalidRequest(f"The {what} should be between {least} and {most}")
