"""Which failures are meant, and what comes of running them again (contract jobs §3.3, README 20)."""

from enum import Enum

from attrs import frozen

from trioworq.core.errors import Conflict, NotFound
from trioworq.core.jobs import Kind, kind_of


@frozen(kw_only=True)
class FailureFilter:
    """A part of the failed store; what is None does not count.

    `queue` is the name of queues of either kind, `category` that of push jobs. Times are when a job failed,
    the first inclusive, the second exclusive.
    """

    job_id: int | None = None
    queue: str | None = None
    category: str | None = None
    failed_after_ms: int | None = None
    failed_before_ms: int | None = None


EVERY_FAILURE = FailureFilter()


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
