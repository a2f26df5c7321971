"""The load of one queue over the last hour or day."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from trioworq.core.jobs import Kind
from trioworq.core.load import LoadPoint
from trioworq.core.nodes import QueueName
from trioworq.manage.load import LoadBoard, TypeFilter

POINTS = 120
# Where samples are taken more often than usual, a shorter time is shown.
MOST_SAMPLES = 3000


@frozen
class Span:
    """A time until now, by its name in addresses and in words."""

    name: str
    words: str
    length_ms: int


SPANS = {span.name: span for span in (Span("1h", "hour", 3_600_000), Span("1d", "day", 86_400_000))}
USUAL_SPAN = SPANS["1h"]


async def read_history(
    board: LoadBoard, queue: QueueName, span: Span, interval_s: int
) -> Sequence[LoadPoint]:
    """Return the load of the jobs that go to a queue by now, at about POINTS points.

    Raises StoreUnavailable.
    """
    last_ms = board.now_ms()
    length_ms = min(span.length_ms, MOST_SAMPLES * interval_s * 1000)
    if queue.kind is Kind.PUSH:
        types = TypeFilter(kinds=frozenset({Kind.PUSH}), categories=frozenset({queue.name}))
    else:
        types = TypeFilter(kinds=frozenset({Kind.PULL}), names=frozenset({queue.name}))
    _, points = await board.series(last_ms - length_ms, last_ms, types, 0, MOST_SAMPLES)
    return fullest(points, max(1, length_ms // POINTS))


def fullest(points: Iterable[LoadPoint], step_ms: int) -> list[LoadPoint]:
    """Return of each step the point with the most jobs, so that no peak is lost."""
    found: dict[int, LoadPoint] = {}
    for point in points:
        step = point.time_ms // step_ms
        if step not in found or point.load.total > found[step].load.total:
            found[step] = point
    return list(found.values())
