"""Over what time the load is looked at, and at how many points."""

from attrs import frozen

from trioworq.core.load import SpreadQuery

POINTS = 300
# Beside them there are the others, as one.
MOST_TYPES = 11

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_SHORT_MS = 6 * _HOUR_MS

# So many steps, or intervals, without a sample are a gap.
_GAP_STEPS = 2.5


@frozen
class Span:
    """A time until now, by its name in addresses and in words."""

    name: str
    words: str
    length_ms: int

    @property
    def is_short(self) -> bool:
        """Whether it looks different every minute."""
        return self.length_ms <= _SHORT_MS

    def step_ms(self, interval_s: int) -> int:
        """Return how far points are from each other: so many samples, unless these are farther apart."""
        least_ms = self.length_ms // POINTS
        interval_ms = interval_s * 1000
        return -(-least_ms // interval_ms) * interval_ms if 0 < interval_ms <= least_ms else least_ms

    def query(self, now_ms: int, interval_s: int) -> SpreadQuery:
        """Ask for the span; it begins with a step, so that a moment later the same samples are seen."""
        step_ms = self.step_ms(interval_s)
        first_ms = (now_ms - self.length_ms) // step_ms * step_ms
        return SpreadQuery(first_ms=first_ms, last_ms=now_ms, step_ms=step_ms, most=MOST_TYPES)


def gap_ms(query: SpreadQuery, interval_s: int) -> float:
    """Return from what distance on two points have nothing between them."""
    return max(query.step_ms, interval_s * 1000) * _GAP_STEPS


SPANS = {
    span.name: span
    for span in (
        Span("1h", "hour", _HOUR_MS),
        Span("6h", "6 hours", _SHORT_MS),
        Span("1d", "day", _DAY_MS),
        Span("1w", "week", 7 * _DAY_MS),
        Span("1m", "month", 30 * _DAY_MS),
    )
}
