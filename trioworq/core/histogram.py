"""How often a measure was how large: counts in buckets, as Prometheus has them."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from attrs import define, field


@define
class Histogram:
    """Values counted by the least of `bounds` that they do not exceed; the last bucket has no bound."""

    bounds: Sequence[float]
    total: float = 0.0
    _counts: list[int] = field(init=False)

    @_counts.default
    def _make_counts(self) -> list[int]:
        return [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Return for each bound how many values did not exceed it; the last bound is infinite."""
        yield from zip((*self.bounds, float("inf")), accumulate(self._counts), strict=True)
