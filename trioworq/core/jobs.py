"""What a job is. Times are UTC milliseconds since the epoch."""

from enum import IntEnum

from attrs import frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.results import Result

DEFAULT_PRIORITY = 100
UINT32_MAX = 2**32 - 1
INT64_MAX = 2**63 - 1
NAME_MAX_BYTES = 255
URL_MAX_BYTES = 65_535


class JobState(IntEnum):
    """The stored state; a waiting job whose next_try is ahead is called deferred."""

    WAITING = 0
    RUNNING = 1


class Kind(IntEnum):
    """Which of the two sides a job belongs to; each has queues of its own."""

    PUSH = 0
    PULL = 1


class PayloadForm(IntEnum):
    """How the payload was written in the push, so that it can be given back as it came."""

    ABSENT = 0
    TEXT = 1
    JSON = 2


@frozen
class Payload:
    """The bytes that the worker is sent, and the form in which they came.

    `TEXT`: a JSON string, kept decoded as UTF-8. `JSON`: any other value, kept as its source text.
    """

    form: PayloadForm
    body: bytes


NO_PAYLOAD = Payload(PayloadForm.ABSENT, b"")


@frozen
class Order:
    """What a client asks for in a push; every number is one that can be stored."""

    category: str
    url: str
    payload: Payload
    run_after_s: int = 0
    timeout_s: int = 0
    retry_delay_s: int = 0
    max_retries: int = 0

    def accepted(self, queue: str, now_ms: int) -> "NewJob":
        """Return the job that this becomes in `queue`.

        Raises InvalidRequest for a delay that leads beyond the times that can be stored.
        """
        next_try_ms = now_ms + self.run_after_s * 1000
        if next_try_ms > INT64_MAX:
            raise InvalidRequest("run_after is out of range")
        return NewJob(
            queue=queue,
            category=self.category,
            url=self.url,
            payload=self.payload,
            created_at_ms=now_ms,
            next_try_ms=next_try_ms,
            timeout_s=self.timeout_s,
            retry_delay_s=self.retry_delay_s,
            max_retries=self.max_retries,
        )


@frozen
class NewJob:
    """A push job that has been accepted but not stored."""

    queue: str
    category: str
    url: str
    payload: Payload
    created_at_ms: int
    next_try_ms: int
    timeout_s: int = 0
    retry_delay_s: int = 0
    max_retries: int = 0
    priority: int = DEFAULT_PRIORITY

    def stored(self, job_id: int, *, is_running: bool = False) -> "Job":
        """Return the job as it is once it has been stored under `job_id`, to wait or as started at once."""
        return Job(
            id=job_id,
            queue=self.queue,
            category=self.category,
            url=self.url,
            payload=self.payload,
            state=JobState.RUNNING if is_running else JobState.WAITING,
            priority=self.priority,
            created_at_ms=self.created_at_ms,
            next_try_ms=self.next_try_ms,
            timeout_s=self.timeout_s,
            retry_delay_s=self.retry_delay_s,
            retries_left=self.max_retries,
            fail_count=0,
            attempt=int(is_running),
        )


@frozen
class Job:
    """A stored push job.

    `attempt` grows with every claim and is the fencing token of a run: a settlement that names an older
    attempt changes nothing (I3). It has no part in counting failures; `fail_count` and `retries_left` do.
    """

    id: int
    queue: str
    category: str
    url: str
    payload: Payload
    state: JobState
    priority: int
    created_at_ms: int
    next_try_ms: int
    timeout_s: int
    retry_delay_s: int
    retries_left: int
    fail_count: int
    attempt: int

    @property
    def max_retries(self) -> int:
        """The number given when the job was pushed."""
        return self.fail_count + self.retries_left


@frozen
class FailedJob:
    """An entry of the failed store: a job that ended in failure.

    A pull job has the `key` that its client gave it, and neither category nor URL.
    """

    id: int
    job_id: int
    queue: str
    category: str
    url: str
    payload: Payload
    result: Result
    fail_count: int
    failed_at_ms: int
    created_at_ms: int
    key: str | None = None

    @property
    def kind(self) -> Kind:
        """Which side the job belonged to."""
        return Kind.PUSH if self.key is None else Kind.PULL
