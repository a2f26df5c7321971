"""Where the in-memory store's jobs and failures stand, each queue's in order."""

from collections.abc import Iterator
from heapq import merge
from typing import Any

from attrs import define, field
from sortedcontainers import SortedDict, SortedList  # type: ignore[import-untyped]

from trioworq.core.jobs import INT64_MAX, FailedJob, Job, JobState
from trioworq.stores.interface import FailureOrder, FailureQuery, Page
from trioworq.stores.paging import cut_failures

# A job's place in its queue: (next_try_ms, id).
Place = tuple[int, int]


@define
class Places:
    """Where the jobs of one queue stand: sorted, so that a claim costs about the same however many wait."""

    waiting: Any = field(factory=SortedDict)  # priority → SortedList of places
    running: Any = field(factory=SortedList)

    def add(self, job: Job) -> None:
        self._list(job).add(place_of(job))

    def remove(self, job: Job) -> None:
        places = self._list(job)
        places.remove(place_of(job))
        self._forget_if_empty(job.priority)

    def take_due(self, now_ms: int, limit: int) -> list[int]:
        """Remove up to `limit` due jobs from the waiting ones and return their ids in order."""
        taken: list[int] = []
        for priority in list(self.waiting):
            places = self.waiting[priority]
            due = min(places.bisect_right((now_ms, INT64_MAX)), limit - len(taken))
            taken += [job_id for _, job_id in places[:due]]
            del places[:due]
            self._forget_if_empty(priority)
            if len(taken) == limit:
                break
        return taken

    def first_try_ms(self) -> int | None:
        """Return when the first waiting job is due."""
        return min((places[0][0] for places in self.waiting.values()), default=None)

    def is_due(self, now_ms: int) -> bool:
        """Whether there is a job to claim."""
        first_ms = self.first_try_ms()
        return first_ms is not None and first_ms <= now_ms

    def between(self, state: JobState, lowest: Place, highest: Place, *, ascending: bool) -> Iterator[Place]:
        """Walk the places of one state in one direction, both ends included."""
        lists = [self.running] if state is JobState.RUNNING else self.waiting.values()
        walks = [places.irange(lowest, highest, reverse=not ascending) for places in lists]
        return merge(*walks, reverse=not ascending)

    def _list(self, job: Job) -> Any:
        if job.state is JobState.RUNNING:
            return self.running
        if job.priority not in self.waiting:
            self.waiting[job.priority] = SortedList()
        return self.waiting[job.priority]

    def _forget_if_empty(self, priority: int) -> None:
        if priority in self.waiting and not self.waiting[priority]:
            del self.waiting[priority]


@define
class Failures:
    """The failure log of one queue, in both of its orders."""

    by_id: Any = field(factory=SortedDict)
    by_creation: Any = field(factory=SortedList)  # (created_at_ms, id)

    def add(self, failed: FailedJob) -> None:
        self.by_id[failed.id] = failed
        self.by_creation.add((failed.created_at_ms, failed.id))

    def pop(self, failure_id: int) -> FailedJob | None:
        failed: FailedJob | None = self.by_id.pop(failure_id, None)
        if failed is not None:
            self.by_creation.remove((failed.created_at_ms, failed.id))
        return failed

    def page(self, query: FailureQuery) -> Page[FailedJob]:
        edge = query.cursor
        if query.order is FailureOrder.FAILED:
            ids = self.by_id.irange(None, edge.id if edge else None, reverse=True)
        else:
            newest = (edge.time_ms, edge.id) if edge else None
            ids = (failure_id for _, failure_id in self.by_creation.irange(None, newest, reverse=True))
        return cut_failures((self.by_id[failure_id] for failure_id in ids), query.limit)


def place_of(job: Job) -> Place:
    """Return where a job stands in its queue."""
    return job.next_try_ms, job.id
