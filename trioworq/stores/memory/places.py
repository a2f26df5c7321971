"""Where the in-memory store's jobs stand, each queue's in order."""

from collections.abc import Iterator
from heapq import merge
from typing import Any

from attrs import define, field
from sortedcontainers import SortedDict, SortedList  # type: ignore[import-untyped]

from trioworq.core.jobs import INT64_MAX, Job, JobState

# A job's place in its queue: (when it is due, in ms; id).
Place = tuple[int, int]


@define(eq=False)
class Waiting:
    """Where the waiting jobs of one queue stand: a claim costs about the same however many wait."""

    by_priority: Any = field(factory=SortedDict)  # priority → SortedList of places

    def __bool__(self) -> bool:
        return bool(self.by_priority)

    def add(self, priority: int, place: Place) -> None:
        if priority not in self.by_priority:
            self.by_priority[priority] = SortedList()
        self.by_priority[priority].add(place)

    def remove(self, priority: int, place: Place) -> None:
        self.by_priority[priority].remove(place)
        if not self.by_priority[priority]:
            del self.by_priority[priority]

    def due(self, now_ms: int) -> Iterator[int]:
        """Walk the ids of due jobs in order."""
        for places in self.by_priority.values():
            for _, job_id in places.irange(None, (now_ms, INT64_MAX)):
                yield job_id

    def between(self, lowest: Place, highest: Place, *, ascending: bool = True) -> Iterator[Place]:
        """Walk places in one direction, both ends included."""
        walks = [
            places.irange(lowest, highest, reverse=not ascending) for places in self.by_priority.values()
        ]
        return merge(*walks, reverse=not ascending)

    def first_try_ms(self) -> int:
        """Return when the first job is due; there must be one."""
        first_ms: int = min(places[0][0] for places in self.by_priority.values())
        return first_ms


@define(eq=False)
class Places:
    """Where the push jobs of one queue stand, waiting or running."""

    waiting: Waiting = field(factory=Waiting)
    running: Any = field(factory=SortedList)

    def add(self, job: Job) -> None:
        if job.state is JobState.RUNNING:
            self.running.add(_place_of(job))
        else:
            self.waiting.add(job.priority, _place_of(job))

    def remove(self, job: Job) -> None:
        if job.state is JobState.RUNNING:
            self.running.remove(_place_of(job))
        else:
            self.waiting.remove(job.priority, _place_of(job))

    def first_try_ms(self) -> int | None:
        """Return when the first waiting job is due."""
        return self.waiting.first_try_ms() if self.waiting else None

    def is_due(self, now_ms: int) -> bool:
        """Whether there is a job to claim."""
        first_ms = self.first_try_ms()
        return first_ms is not None and first_ms <= now_ms

    def between(self, state: JobState, lowest: Place, highest: Place, *, ascending: bool) -> Iterator[Place]:
        """Walk the places of one state in one direction, both ends included."""
        if state is JobState.WAITING:
            return self.waiting.between(lowest, highest, ascending=ascending)
        running: Iterator[Place] = self.running.irange(lowest, highest, reverse=not ascending)
        return running


def _place_of(job: Job) -> Place:
    return job.next_try_ms, job.id
