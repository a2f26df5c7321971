"""What a run of managing measures."""

from attrs import frozen

from benchmark.figures import Memory, Spread


@frozen
class Pushed:
    """Answers to pushes at a fixed rate, from when each was due, and the longest one."""

    push: Spread
    longest_ms: float


@frozen
class Asked:
    """A question that is asked again and again; `push` is that of pushes meanwhile, as is `longest_ms`."""

    answer: Spread
    push: Spread
    longest_ms: float


@frozen
class Swept:
    """Something is done to all failed jobs by one request, beside pushes."""

    seconds: float
    jobs_per_s: float
    push: Spread
    longest_ms: float


@frozen
class Run:
    """Everything that one run measures."""

    quiet: Pushed
    stats: Asked
    queue_status: Asked
    failed_page: Asked
    retry_all: Swept
    clear: Swept
    memory: Memory | None
