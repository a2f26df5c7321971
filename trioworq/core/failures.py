"""Which failures are meant, and what comes of running them again (contract jobs §3.3, README 20)."""

import re
from enum import Enum

from attrs import frozen

from trioworq.core.errors import Conflict, NotFound
from trioworq.core.jobs import NAME_MAX_BYTES, Kind, kind_of
from trioworq.core.results import Result

# What differs between failures of the same cause: ids, numbers, addresses.
_ODD = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?<![0-9A-Za-z])(?:0x)?(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{8,}(?![0-9A-Za-z])|[0-9]+"
)
_BLANKS = re.compile(r"[\x00-\x20\x7f-\x9f]+")
# How much of a message is looked at: more than can be kept of it.
_READ_CHARACTERS = 1024


@frozen(kw_only=True)
class FailureFilter:
    """A part of the failed store; what is None does not count.

    `queue` is the name of queues of either kind, `category` that of push jobs alone. Times are when a job
    failed, the first inclusive, the second exclusive. `error` is what `error_of` says; `text` is part of the
    message, the URL or the key, whatever the case of its ASCII letters. A failure with an id above
    `newest_id` does not count.
    """

    job_id: int | None = None
    job_ids: frozenset[int] | None = None
    kind: Kind | None = None
    queue: str | None = None
    category: str | None = None
    failed_after_ms: int | None = None
    failed_before_ms: int | None = None
    error: str | None = None
    text: str | None = None
    newest_id: int | None = None


EVERY_FAILURE = FailureFilter()


def error_of(result: Result) -> str:
    """Say what failed in a line that is the same for failures of the same cause; 255 bytes at most.

    It is the beginning of the message, with `#` for what is likely to be an id or a number in it.
    """
    message = _BLANKS.sub(" ", result.message[:_READ_CHARACTERS]).strip()
    line = _ODD.sub("#", message) or result.status.value
    if result.code not in (0, 200):
        line = f"HTTP {result.code}: {line}"
    return line.encode("utf-8", "replace")[:NAME_MAX_BYTES].decode("utf-8", "ignore")


@frozen(kw_only=True)
class FailureGroup:
    """Failures of one queue and category with the same error; it is empty of those from before version 5.

    `newest_id` is the id of the newest failure.
    """

    kind: Kind
    queue: str
    category: str
    error: str
    count: int
    first_failed_at_ms: int
    last_failed_at_ms: int
    newest_id: int


@frozen
class FailureName:
    """A failure by the names of its job; `key` is that of a pull job."""

    job_id: int
    queue: str
    key: str | None = None

    @property
    def kind(self) -> Kind:
        """Which side the job belongs to."""
        return kind_of(self.key)


class Obstacle(Enum):
    """What keeps a failed job from being run again."""

    QUEUE_IS_GONE = "queue is gone"
    KEY_IS_TAKEN = "key is taken"


@frozen
class Requeued:
    """A failed job waits again; or it does not, as there is an `obstacle`, and is left where it was."""

    name: FailureName
    obstacle: Obstacle | None = None


def explain(requeued: Requeued) -> str:
    """Say what is in the way, for who asked for it."""
    name = requeued.name
    if requeued.obstacle is Obstacle.QUEUE_IS_GONE:
        return f"Job {name.job_id} cannot be requeued: its queue {name.queue} is not defined any more"
    return f"Job {name.job_id} cannot be requeued: queue {name.queue} has another job with the id {name.key}"


class NotFailed(NotFound):
    """No failed job has this id (contract jobs §3.1)."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} not found in failed jobs registry")


class CannotRequeue(Conflict):
    """A failed job cannot be run again as things are; it stays in the failed store."""

    def __init__(self, requeued: Requeued) -> None:
        super().__init__(explain(requeued))
