"""What a job is. Times are UTC milliseconds since the epoch."""

import re
from enum import IntEnum

from attrs import frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.results import Result

# Lower goes first (contract README 9, 17).
DEFAULT_PRIORITY = 100
MAX_PRIORITY = 1_000_000
UINT32_MAX = 2**32 - 1
INT64_MAX = 2**63 - 1
NAME_MAX_BYTES = 255
URL_MAX_BYTES = 65_535

# What is remembered of a finished job leaves out a payload with more bytes than this.
KEPT_PAYLOAD_BYTES = 64 * 1024


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
    """What a client asks for in a push; every number is one that can be stored.

    `priority` None is that of the queue.
    """

    category: str
    url: str
    payload: Payload
    run_after_s: int = 0
    timeout_s: int = 0
    retry_delay_s: int = 0
    max_retries: int = 0
    priority: int | None = None

    def accepted(self, queue: str, now_ms: int, priority: int = DEFAULT_PRIORITY) -> "NewJob":
        """Return the job that this becomes in `queue`, whose jobs have `priority` if they ask for none.

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
            priority=priority if self.priority is None else self.priority,
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
            started_at_ms=self.created_at_ms if is_running else None,
        )


@frozen
class Job:
    """A stored push job.

    `attempt` grows with every claim and is the fencing token of a run: a settlement that names an older
    attempt changes nothing (I3). It has no part in counting failures; `fail_count` and `retries_left` do.
    `started_at_ms` is when its last attempt began, None before the first.
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
    started_at_ms: int | None = None

    @property
    def max_retries(self) -> int:
        """The number given when the job was pushed."""
        return self.fail_count + self.retries_left

    def finished(self, result: Result, now_ms: int) -> "FinishedJob":
        """Return what is to be remembered of the job when its worker has said success."""
        return FinishedJob(
            job_id=self.id,
            queue=self.queue,
            category=self.category,
            url=self.url,
            payload=self.payload if len(self.payload.body) <= KEPT_PAYLOAD_BYTES else None,
            priority=self.priority,
            result=result,
            fail_count=self.fail_count,
            created_at_ms=self.created_at_ms,
            started_at_ms=self.started_at_ms,
            ended_at_ms=now_ms,
        )


@frozen
class FailedJob:
    """An entry of the failed store: a job that ended in failure.

    A pull job has the `key` that its client gave it, and neither category nor URL. `started_at_ms`, when its
    last attempt began, is unknown of failures from before version 4 of the schema.
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
    priority: int = DEFAULT_PRIORITY
    started_at_ms: int | None = None

    @property
    def kind(self) -> Kind:
        """Which side the job belonged to."""
        return kind_of(self.key)


@frozen(kw_only=True)
class FinishedJob:
    """What is remembered, for a while, of a job that ended well (contract jobs §3.3).

    `payload` is None when it was larger than KEPT_PAYLOAD_BYTES; `started_at_ms` is when its last attempt
    began, None if it never did. A pull job has its `key`, and neither category nor URL.
    """

    job_id: int
    queue: str
    category: str
    url: str
    payload: Payload | None
    priority: int
    result: Result
    fail_count: int
    created_at_ms: int
    started_at_ms: int | None
    ended_at_ms: int
    key: str | None = None

    @property
    def kind(self) -> Kind:
        """Which side the job belonged to."""
        return kind_of(self.key)


_JOB_ID = re.compile("[1-9][0-9]{0,18}")


def read_job_id(text: str) -> int | None:
    """Read a job's id as it is written for clients, in decimal; None for what is no job's id."""
    number = int(text) if _JOB_ID.fullmatch(text) else 0
    return number if 0 < number <= INT64_MAX else None


def kind_of(key: str | None) -> Kind:
    """Say which side a job belongs to, by the key that clients give to pull jobs alone."""
    return Kind.PUSH if key is None else Kind.PULL
