"""What a run of pushes measures, and what the sink's notes come down to."""

from collections.abc import Sequence

from attrs import frozen

from benchmark.figures import Memory, Spread


@frozen
class Delivery:
    """One job's arrival at the sink; both times in nanoseconds of the same monotonic clock."""

    number: int
    pushed_ns: int
    arrived_ns: int


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
