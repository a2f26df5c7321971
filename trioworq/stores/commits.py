"""What a store has committed since it was opened, for metrics."""

from attrs import define, field

from trioworq.core.histogram import Histogram

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@define(eq=False)
class Commits:
    """Transactions by the operations in them and by how long they took; failed ones are only counted."""

    sizes: Histogram = field(factory=lambda: Histogram(_SIZES))
    durations_s: Histogram = field(factory=lambda: Histogram(_SECONDS))
    failures: int = 0

    def succeeded(self, operations: int, duration_s: float) -> None:
        """Count a transaction that was committed."""
        self.sizes.add(operations)
        self.durations_s.add(duration_s)

    def failed(self) -> None:
        """Count a transaction that stored nothing."""
        self.failures += 1
