"""A spread of the load as a stack of layers, one for each job type and one for all others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter

from attrs import frozen

from trioworq.core.load import Load, LoadSpread, TypeName

# What counts, by its name in addresses.
MEASURES: Mapping[str, Callable[[Load], int]] = {
    "all": attrgetter("total"),
    "pending": attrgetter("pending"),
    "queued": attrgetter("queued"),
    "running": attrgetter("running"),
}


@frozen
class Layer:
    """How many jobs of a type there were at each point; `type` None are the others."""

    type: TypeName | None
    values: Sequence[int]


@frozen
class Stack:
    """Layers, the fullest first and the others last, over the times of their points and the totals there."""

    times_ms: Sequence[int]
    totals: Sequence[int]
    layers: Sequence[Layer]

    @property
    def rows(self) -> Iterator[tuple[int, int, Sequence[int]]]:
        """Each point with its total and the value of each layer, the latest first."""
        for place in reversed(range(len(self.times_ms))):
            values = [layer.values[place] for layer in self.layers]
            yield self.times_ms[place], self.totals[place], values


def stack_of(spread: LoadSpread, measure: Callable[[Load], int]) -> Stack:
    """Return what a measure sees of a spread; layers without a job are left out."""
    totals = [measure(point.load) for point in spread.points]
    layers = [Layer(each.type, list(map(measure, loads))) for each, loads in spread.by_type.items()]
    shown = sorted((layer for layer in layers if any(layer.values)), key=lambda layer: -sum(layer.values))
    left = totals
    for layer in shown:
        left = [total - value for total, value in zip(left, layer.values, strict=True)]
    others = [Layer(None, left)] if any(left) else []
    return Stack([point.time_ms for point in spread.points], totals, [*shown, *others])
