"""Numbers that were measured, and what they come down to."""

import math
import statistics
from collections.abc import Sequence

from attrs import asdict, frozen

Flat = dict[str, float]


@frozen
class Delivery:
    """One job's arrival at the sink; both times in nanoseconds of the same monotonic clock."""

    number: int
    pushed_ns: int
    arrived_ns: int


@frozen
class Spread:
    """Percentiles in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@frozen
class Memory:
    """The server's resident memory, now and at its highest, in MiB."""

    resident_mib: float
    peak_mib: float


@frozen
class Idle:
    """A server with nothing else to do. The memory is None for a server out of sight."""

    push: Spread
    start: Spread
    memory: Memory | None


@frozen
class Load:
    """Jobs are pushed as fast as the connections allow and worked off at the same time.

    The processor time is the server's for one job; None for a server out of sight.
    """

    pushes_per_s: float
    jobs_per_s: float
    push: Spread
    start: Spread
    repeated: int
    processor_us: float | None
    memory: Memory | None


@frozen
class Drain:
    """A backlog that is pushed for later and falls due at once."""

    pushes_per_s: float
    jobs_per_s: float
    repeated: int
    processor_us: float | None
    memory: Memory | None


@frozen
class Run:
    """Everything that one run measures."""

    idle: Idle
    load: Load
    drain: Drain


def percentile(ordered: Sequence[int], percent: float) -> int:
    """Return the smallest value that at least `percent` of the ordered values do not exceed."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def spread(durations_ns: Sequence[int]) -> Spread:
    """Return the percentiles of one or more durations."""
    ordered = sorted(durations_ns)
    return Spread(*(percentile(ordered, percent) / 1e6 for percent in (50, 95, 99)))


def start_times(deliveries: Sequence[Delivery]) -> list[int]:
    """Return for each job the nanoseconds from the start of its push to its first arrival."""
    first: dict[int, int] = {}
    for delivery in deliveries:
        taken_ns = delivery.arrived_ns - delivery.pushed_ns
        first[delivery.number] = min(first.get(delivery.number, taken_ns), taken_ns)
    return list(first.values())


def delivery_rate(deliveries: Sequence[Delivery]) -> float:
    """Return the deliveries per second from the first to the last."""
    arrivals = [delivery.arrived_ns for delivery in deliveries]
    span_ns = max(arrivals) - min(arrivals)
    return (len(arrivals) - 1) / (span_ns / 1e9) if span_ns else 0.0


def repeated(deliveries: Sequence[Delivery]) -> int:
    """Count the deliveries of jobs that had been delivered before."""
    return len(deliveries) - len({delivery.number for delivery in deliveries})


def resident(memory: Memory | None) -> Flat:
    """Return memory as figures of a curve's point, without a value where it is out of sight."""
    return asdict(memory or Memory(math.nan, math.nan))


def given(value: float | None) -> float:
    """Return a figure of a curve's point, without a value where there is none."""
    return math.nan if value is None else value


def flat(run: Run) -> Flat:
    """Return a run's figures by dotted names."""
    return _flatten("", asdict(run))


def _flatten(prefix: str, tree: dict[str, object]) -> Flat:
    figures: Flat = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            figures |= _flatten(f"{prefix}{name}.", value)
        elif isinstance(value, int | float):
            figures[prefix + name] = float(value)
    return figures


def median(runs: Sequence[Run]) -> Flat:
    """Return the median of each figure over the runs."""
    rows = [flat(run) for run in runs]
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}
