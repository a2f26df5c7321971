"""How many jobs there are in the in-memory store, counted in one go through all of them."""

from collections.abc import Iterable

from attrs import define

from trioworq.core.jobs import Job, JobState, Kind
from trioworq.core.load import JobCount
from trioworq.core.pull import PullJob


@define
class _Count:
    deferred: int = 0
    waiting: int = 0
    running: int = 0
    oldest_due_ms: int | None = None
    priority: int | None = None

    def add(self, state: JobState, due_ms: int, priority: int, now_ms: int) -> None:
        if state is JobState.RUNNING:
            self.running += 1
        elif due_ms > now_ms:
            self.deferred += 1
        else:
            self.waiting += 1
            self.oldest_due_ms = due_ms if self.oldest_due_ms is None else min(self.oldest_due_ms, due_ms)
            self.priority = priority if self.priority is None else min(self.priority, priority)


def count_jobs(
    jobs: Iterable[Job], pull_jobs: Iterable[PullJob], now_ms: int, queue: str | None
) -> list[JobCount]:
    """Count jobs by kind, queue and category, of all queues or of those of a name."""
    counts: dict[tuple[Kind, str, str], _Count] = {}
    for job in jobs:
        if queue is None or job.queue == queue:
            count = counts.setdefault((Kind.PUSH, job.queue, job.category), _Count())
            count.add(job.state, job.next_try_ms, job.priority, now_ms)
    for pull_job in pull_jobs:
        if queue is None or pull_job.queue == queue:
            count = counts.setdefault((Kind.PULL, pull_job.queue, ""), _Count())
            count.add(pull_job.state, pull_job.run_at_ms, pull_job.priority, now_ms)
    return [
        JobCount(
            kind=kind,
            queue=name,
            category=category,
            deferred=count.deferred,
            waiting=count.waiting,
            running=count.running,
            oldest_due_ms=count.oldest_due_ms,
            priority=count.priority,
        )
        for (kind, name, category), count in counts.items()
    ]
