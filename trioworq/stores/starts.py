"""Direct start (design §4): which jobs may be stored as running, alike in every store."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from trioworq.core.jobs import NewJob
from trioworq.stores.interface import Start
from trioworq.stores.operations import Operation, PushJobs


@frozen
class Head:
    """The head of a queue as its store has it: the owner's epoch, and when the first waiting job is due."""

    epoch: int
    first_try_ms: int | None

    def is_clear_for(self, job: NewJob, start: Start) -> bool:
        """Whether the start is made by the present owner (I7) and overtakes nobody (I9)."""
        return self.epoch == start.epoch and (
            self.first_try_ms is None or self.first_try_ms > job.next_try_ms
        )


def queues_with_starts(operations: Iterable[Operation]) -> set[str]:
    """Name the queues whose heads have to be known."""
    return {push.queue for operation in operations for push, start in _pairs(operation) if start is not None}


def with_starts(operation: PushJobs, heads: Mapping[str, Head]) -> Iterator[tuple[NewJob, bool]]:
    """Say of each job whether it is stored as running; a queue without an owner has no head."""
    for job, start in _pairs(operation):
        head = heads.get(job.queue)
        yield job, start is not None and head is not None and head.is_clear_for(job, start)


def _pairs(operation: Operation) -> Iterator[tuple[NewJob, Start | None]]:
    if isinstance(operation, PushJobs):
        for push, start in zip(operation.pushes, operation.starts, strict=True):
            yield push.job, start
