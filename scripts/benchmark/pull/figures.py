"""What a run of pull jobs measures."""

from attrs import frozen

from benchmark.figures import Memory, Spread


@frozen
class Waited:
    """One worker waits for jobs, which come one by one: how soon each is in its hands, and taken."""

    start: Spread
    enqueue: Spread
    memory: Memory | None


@frozen
class Enqueued:
    """Jobs are enqueued as fast as the connections allow.

    The processor time is the server's for one job, here and below; None for a server out of sight.
    """

    jobs_per_s: float
    answer: Spread
    processor_us: float | None
    memory: Memory | None


@frozen
class Fetched:
    """A backlog is fetched and completed as fast as the workers can."""

    jobs_per_s: float
    next: Spread
    complete: Spread
    repeated: int
    processor_us: float | None
    memory: Memory | None


@frozen
class Run:
    """Everything that one run measures: the jobs of each way to enqueue are then fetched in one way."""

    waited: Waited
    batch: Enqueued
    one: Fetched
    single: Enqueued
    many: Fetched
