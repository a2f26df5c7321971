"""Direct start (design §4): which jobs may be stored as running, alike in every store."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from trioworq.core.jobs import NewJob
from trioworq.stores.claims import Start
from trioworq.stores.operations import PushJobs


@frozen
class Head:
    """The head of a queue as its store has it: the owner's epoch, and when the first waiting job is due."""

    epoch: int
    first_try_ms: int | None


def with_starts(operation: PushJobs) -> Iterator[tuple[NewJob, Start | None]]:
    """Return each job with the slot that is kept for it, if any."""
    return ((push.job, start) for push, start in zip(operation.pushes, operation.starts, strict=True))


def may_start(job: NewJob, start: Start | None, heads: Mapping[str, Head]) -> bool:
    """Whether a slot is kept by the present owner (I7), and the job overtakes none that is due (I9).

    A queue that nobody has ever owned has no head.
    """
    head = heads.get(job.queue)
    if start is None or head is None or head.epoch != start.epoch:
        return False
    return head.first_try_ms is None or head.first_try_ms > job.next_try_ms
