"""How queues stand, and which of them need somebody to look."""

from collections.abc import Sequence
from enum import IntEnum

from attrs import frozen

from trioworq.core.jobs import Kind
from trioworq.core.nodes import NO_ACTIVITY, Activity, QueueName

# A job that has been due for this long, in a queue where nothing ends, is held up by something.
STUCK_MS = 10_000
# A backlog grows if it is larger by so many jobs than it was so many looks ago, and by this share than it was
# then, or at the first look that is known of: of a large one a few looks are too short a time to tell.
GROWTH_LOOKS = 10
GROWTH_SHARE = 1.05
GROWTH_JOBS = 10


class Trouble(IntEnum):
    """What is the matter with a queue; the greater, the sooner somebody should look."""

    NONE = 0
    PAUSED = 1
    GROWING = 2
    FAILING = 3
    STUCK = 4
    NO_NODE = 5


@frozen(kw_only=True)
class QueueStatus:
    """A queue at one instant.

    `node` is the host of the node that dispatches it, None for a pull queue and for one that has none.
    `is_defined` is False for a push queue whose definition is gone but for its jobs; it says nothing of pull
    queues. `oldest_due_ms` is since when the first job that waits has been due.
    """

    queue: QueueName
    is_defined: bool = True
    is_paused: bool = False
    node: str | None = None
    waiting: int = 0
    deferred: int = 0
    running: int = 0
    failed: int = 0
    finished: int = 0
    oldest_due_ms: int | None = None
    activity: Activity = NO_ACTIVITY

    @property
    def is_push(self) -> bool:
        """Whether its jobs are pushed to workers."""
        return self.queue.kind is Kind.PUSH


def is_growing(backlog: Sequence[int]) -> bool:
    """Whether a backlog grows, by how many jobs waited at the last looks, the newest last."""
    if len(backlog) < GROWTH_LOOKS:
        return False
    first, before, now = backlog[0], backlog[-GROWTH_LOOKS], backlog[-1]
    return now >= before + GROWTH_JOBS and now >= min(first, before) * GROWTH_SHARE


def trouble_of(status: QueueStatus, *, growing: bool, now_ms: int) -> Trouble:
    """Say what is the matter with a queue, the worst of it."""
    has_work = bool(status.waiting)
    if (
        status.is_push
        and has_work
        and not status.is_paused
        and (status.node is None or not status.is_defined)
    ):
        return Trouble.NO_NODE
    is_late = status.oldest_due_ms is not None and now_ms - status.oldest_due_ms >= STUCK_MS
    is_idle = not status.activity.completed and not status.activity.failed
    if is_late and is_idle and not status.is_paused:
        return Trouble.STUCK
    if status.activity.failed:
        return Trouble.FAILING
    if growing:
        return Trouble.GROWING
    return Trouble.PAUSED if status.is_paused else Trouble.NONE
