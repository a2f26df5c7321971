"""The curves by name: what grows, to which points, and how each point is measured."""

from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from benchmark.figures import Flat
from benchmark.push import depth, shapes
from benchmark.push.phases import Stage


@frozen
class Curve:
    """A curve; one that `leaves_jobs` on the server is for private servers alone."""

    measure: Callable[[Stage, Sequence[int]], Iterator[Flat]]
    points: Sequence[int]
    leaves_jobs: bool = False


CURVES = {
    "queues": Curve(shapes.queues, (1, 10, 100)),
    "deferred": Curve(depth.deferred, (1_000, 10_000, 100_000, 1_000_000), leaves_jobs=True),
    "waiting": Curve(depth.waiting, (1_000, 10_000, 100_000, 1_000_000), leaves_jobs=True),
    "payload": Curve(shapes.payload, (100, 10_000, 1_000_000)),
    "workers": Curve(shapes.workers, (10, 50, 200, 1_000)),
}
