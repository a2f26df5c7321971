"""Job types, samples of the load, and chores in the in-memory store. Nothing here waits."""

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import count, islice
from typing import Any

from attrs import define, field
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from trioworq.core.load import (
    JobType,
    Load,
    LoadPoint,
    LoadQuery,
    LoadSample,
    LoadSpread,
    SpreadQuery,
    TypeName,
)
from trioworq.stores.managing import Chore


@define(eq=False)
class LoadLog:
    """The load over time, and the numbers of job types, which are never used twice."""

    _numbers: Iterator[int] = field(factory=lambda: count(1))
    _types: dict[TypeName, JobType] = field(factory=dict)
    _samples: Any = field(factory=SortedDict)  # time, in ms → LoadSample

    def types(self, wanted: Collection[TypeName] | None) -> list[JobType]:
        """Return job types that have a number."""
        if wanted is None:
            return list(self._types.values())
        return [self._types[name] for name in set(wanted) if name in self._types]

    def name(self, wanted: Collection[TypeName]) -> list[JobType]:
        """Return job types with their numbers."""
        for name in sorted(set(wanted).difference(self._types), key=lambda each: (each.kind, each.name)):
            self._types[name] = JobType(next(self._numbers), name)
        return self.types(wanted)

    def add(self, sample: LoadSample) -> None:
        """Store a sample."""
        self._samples[sample.time_ms] = sample

    def count(self, first_ms: int, last_ms: int) -> int:
        """Count samples."""
        counted: int = self._samples.bisect_right(last_ms) - self._samples.bisect_left(first_ms)
        return max(counted, 0)

    def series(self, query: LoadQuery) -> list[LoadPoint]:
        """Return samples."""
        start = self._samples.bisect_left(query.first_ms) + query.offset
        end = min(self._samples.bisect_right(query.last_ms), start + query.limit)
        samples = (self._samples[time_ms] for time_ms in self._samples.islice(start, end))
        return [LoadPoint(sample.time_ms, _load_of(sample, query.job_types)) for sample in samples]

    def spread(self, query: SpreadQuery) -> LoadSpread:
        """Return the load of several job types over time."""
        samples = list(self._first_samples(query))
        totals: Counter[int] = Counter()
        for sample in samples:
            totals.update({number: load.total for number, load in sample.by_type.items()})
        fullest = sorted(totals, key=lambda number: (-totals[number], number))[: query.most]
        types = {each.id: each for each in self._types.values()}
        return LoadSpread(
            [LoadPoint(sample.time_ms, sample.total) for sample in samples],
            {types[number]: [each.by_type.get(number, Load()) for each in samples] for number in fullest},
        )

    def _first_samples(self, query: SpreadQuery) -> Iterator[LoadSample]:
        step = None
        for time_ms in self._samples.irange(query.first_ms, query.last_ms):
            if time_ms // query.step_ms != step:
                step = time_ms // query.step_ms
                yield self._samples[time_ms]

    def forget(self, before_ms: int, limit: int) -> int:
        """Remove the oldest samples; return how many."""
        old = list(islice(self._samples.irange(None, before_ms, (True, False)), limit))
        for time_ms in old:
            del self._samples[time_ms]
        return len(old)


def _load_of(sample: LoadSample, job_types: frozenset[int] | None) -> Load:
    if job_types is None:
        return sample.total
    counted = (load for job_type, load in sample.by_type.items() if job_type in job_types)
    return sum(counted, Load())


@define(eq=False)
class Turns:
    """When chores were last done."""

    _done_ms: dict[Chore, int] = field(factory=dict)

    def take(self, chore: Chore, now_ms: int, period_ms: int) -> bool:
        """Take a chore; return whether it is ours."""
        done_ms = self._done_ms.get(chore)
        # A time that lies further ahead than the period is from before the clock was set back.
        if done_ms is not None and now_ms - period_ms < done_ms <= now_ms + period_ms:
            return False
        self._done_ms[chore] = now_ms
        return True
