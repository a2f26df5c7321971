"""What the in-memory store remembers of jobs that ended well. Nothing here waits."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

from attrs import define, field
from sortedcontainers import SortedList  # type: ignore[import-untyped]

from trioworq.core.jobs import FinishedJob, Kind
from trioworq.stores.browsing import FinishedSearch
from trioworq.stores.interface import Page
from trioworq.stores.memory.places import Place
from trioworq.stores.searching import finished_place, finished_size, is_part, pick


@define(eq=False)
class History:
    """Finished jobs, each queue's in the order in which they ended, as long as it has some."""

    _jobs: dict[int, FinishedJob] = field(factory=dict)
    _places: dict[tuple[Kind, str], Any] = field(factory=dict)  # SortedList of (ended at, in ms; job id)

    def add(self, finished: FinishedJob) -> None:
        """Remember a job."""
        self._jobs[finished.job_id] = finished
        queue = (finished.kind, finished.queue)
        if queue not in self._places:
            self._places[queue] = SortedList()
        self._places[queue].add(_place_of(finished))

    def find(self, job_id: int) -> FinishedJob | None:
        """Return what is remembered of a job."""
        return self._jobs.get(job_id)

    def count(self, queue: str | None) -> int:
        """Count what is remembered, of all queues or of those of a name."""
        if queue is None:
            return len(self._jobs)
        return sum(len(self._places.get((kind, queue), ())) for kind in Kind)

    def by_queue(self) -> Counter[tuple[Kind, str]]:
        """Count what is remembered of each queue."""
        return Counter({queue: len(places) for queue, places in self._places.items()})

    def search(self, search: FinishedSearch) -> Page[FinishedJob]:
        """Return one page of a search."""
        first = (search.cursor.time_ms, search.cursor.id) if search.cursor else None
        places = self._places.get((search.kind, search.queue), SortedList())
        jobs = (self._jobs[job_id] for _, job_id in places.irange(None, first, reverse=True))

        def is_wanted(finished: FinishedJob) -> bool:
            return search.category in {None, finished.category} and is_part(
                search.text, finished.url, finished.key
            )

        return pick(jobs, is_wanted, search.limit, finished_place, finished_size)

    def outdated(self, before_ms: int, most: int, limit: int) -> list[int]:
        """Return job ids of what is to be forgotten."""
        found: list[int] = []
        for places in self._places.values():
            old = max(places.bisect_left((before_ms, 0)), len(places) - most)
            found += [job_id for _, job_id in islice(places, min(old, limit - len(found)))]
        return found

    def forget(self, job_ids: Sequence[int]) -> None:
        """Remove jobs."""
        for job_id in job_ids:
            finished = self._jobs.pop(job_id, None)
            if finished is None:
                continue
            queue = (finished.kind, finished.queue)
            self._places[queue].remove(_place_of(finished))
            if not self._places[queue]:
                del self._places[queue]


def _place_of(finished: FinishedJob) -> Place:
    return finished.ended_at_ms, finished.job_id
