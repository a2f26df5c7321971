"""What went on in a queue of late, as a small picture: a line of points for SVG."""

from collections.abc import Sequence
from operator import attrgetter

from trioworq.core.nodes import Activity
from trioworq.manage.feed import TRACE_POINTS

STEP = 2
HEIGHT = 20
WIDTH = STEP * (TRACE_POINTS - 1)

_MARGIN = 1
_SPAN = HEIGHT - 2 * _MARGIN

# Every point that there can be, by its distance from the right and its height: lines are drawn of hundreds of
# queues at once.
_POINTS = tuple(
    tuple(f"{WIDTH - STEP * back},{HEIGHT - _MARGIN - high}" for high in range(_SPAN + 1))
    for back in range(TRACE_POINTS)
)

_completed = attrgetter("completed")
_failed = attrgetter("failed")


def lines(trace: Sequence[Activity]) -> tuple[str, str]:
    """Draw the completions and the failures per second, both on one scale; nothing where there are none."""
    completed, failed = list(map(_completed, trace)), list(map(_failed, trace))
    top = max([*completed, *failed], default=0.0)
    return _line(completed, top), _line(failed, top)


def _line(rates: Sequence[float], top: float) -> str:
    if not any(rates):
        return ""
    scale = _SPAN / top
    return " ".join(
        points[round(rate * scale)] for points, rate in zip(_POINTS, reversed(rates), strict=False)
    )
