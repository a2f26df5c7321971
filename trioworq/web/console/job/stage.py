"""How a job stands: all that changes of it while it is looked at."""

from collections.abc import Sequence
from hashlib import sha256

from attrs import evolve, field, frozen

from trioworq.core.jobs import FailedJob, FinishedJob, Job, Payload, PayloadForm
from trioworq.core.pull import PullJob
from trioworq.core.results import Result, ResultStatus
from trioworq.web.console.job.life import Step, life_of
from trioworq.web.console.job.payloads import Reading, read_payload
from trioworq.web.manage.views import JobView, Status, view_of

_REPLY = "\nOriginal response body:\n"
_MARK_DIGITS = 16


@frozen
class Outcome:
    """What the last attempt of a job came to; `reply` is its worker's where that made no sense."""

    status: str
    code: int
    message: str
    reply: str

    @property
    def is_error(self) -> bool:
        """Whether it is a reason to try again."""
        return self.status != ResultStatus.SUCCESS.value


@frozen(kw_only=True)
class Stage:
    """A job at the time `now_ms`, in words and figures; `view` has what all have, without the payload.

    `retries` and `timeout` are empty where they are not known any more.
    """

    now_ms: int = field(repr=False)
    view: JobView
    life: Sequence[Step]
    is_paused: bool
    retries: str
    timeout_s: int | None
    saved_state: Reading | None
    outcome: Outcome | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.view.status in (Status.FAILED, Status.FINISHED)

    @property
    def can_run_now(self) -> bool:
        """Whether it waits for its time."""
        return self.view.status is Status.SCHEDULED

    @property
    def can_retry(self) -> bool:
        """Whether it can wait again."""
        return self.view.status is Status.FAILED

    @property
    def next_ms(self) -> int | None:
        """When something is to happen, as far as that is known."""
        return next((step.at_ms for step in self.life if step.is_ahead), None)

    @property
    def word(self) -> str:
        """How it stands, in a word."""
        if self.view.status is Status.SCHEDULED:
            return "retrying" if self.view.fail_count else "deferred"
        return _WORDS[self.view.status]

    @property
    def mark(self) -> str:
        """What tells this stage from others of the same job."""
        return sha256(repr(self).encode("utf-8", "replace")).hexdigest()[:_MARK_DIGITS]


_WORDS = {
    Status.QUEUED: "waiting",
    Status.STARTED: "running",
    Status.FINISHED: "finished",
    Status.FAILED: "failed",
}


def stage_of(
    job: Job | PullJob | FailedJob | FinishedJob,
    now_ms: int,
    *,
    is_paused: bool,
    last_error: Result | None = None,
) -> Stage:
    """Return how a job stands at a time; its queue may be paused.

    `last_error` is what the last attempt at one that is tried again came to.
    """
    view = view_of(job, now_ms)
    result = job.result if isinstance(job, FailedJob | FinishedJob) else last_error
    return Stage(
        now_ms=now_ms,
        view=evolve(view, payload=None),
        life=life_of(job, now_ms, is_paused=is_paused),
        is_paused=is_paused,
        retries=_retries_of(job),
        timeout_s=job.timeout_s if isinstance(job, Job | PullJob) else None,
        saved_state=_saved_state_of(job),
        outcome=None if result is None else _outcome_of(result),
    )


def _retries_of(job: Job | PullJob | FailedJob | FinishedJob) -> str:
    if not isinstance(job, Job | PullJob):
        return ""
    if job.max_retries < 0:
        return "without end"
    return f"{job.retries_left} of {job.max_retries} left"


def _saved_state_of(job: Job | PullJob | FailedJob | FinishedJob) -> Reading | None:
    state = job.saved_state if isinstance(job, PullJob) else None
    return None if state is None else read_payload(Payload(PayloadForm.JSON, state))


def _outcome_of(result: Result) -> Outcome:
    message, _, reply = result.message.partition(_REPLY)
    return Outcome(result.status.value, result.code, message, reply)
