"""Counters of one queue on this node (contract §1.7). They live as long as the process (README 7)."""

from collections import deque

from attrs import define, field, frozen

BUCKET_MS = 50
BUCKETS = 20


@define
class SlidingWindow:
    """Counts the events of the last second in buckets of 50 ms."""

    _buckets: deque[tuple[int, int]] = field(factory=lambda: deque(maxlen=BUCKETS))
    _total: int = 0

    def add(self, count: int, now_ms: int) -> None:
        """Count `count` events that happen now."""
        self._forget(now_ms)
        bucket = now_ms // BUCKET_MS
        if self._buckets and self._buckets[-1][0] == bucket:
            count_before = self._buckets.pop()[1]
            self._buckets.append((bucket, count_before + count))
        else:
            self._buckets.append((bucket, count))
        self._total += count

    def total(self, now_ms: int) -> int:
        """Count the events of the last second."""
        self._forget(now_ms)
        return self._total

    def _forget(self, now_ms: int) -> None:
        newest = now_ms // BUCKET_MS
        while self._buckets and self._buckets[0][0] <= newest - BUCKETS:
            self._total -= self._buckets.popleft()[1]
        # A clock that was set back leaves buckets ahead of it, and room for none of the new.
        while self._buckets and self._buckets[-1][0] > newest:
            self._total -= self._buckets.pop()[1]


@define
class QueueCounters:
    """What has happened to a queue through this node."""

    pushes: int = 0
    pops: int = 0
    successes: int = 0
    failures: int = 0
    permanent_failures: int = 0
    completes: int = 0
    releases: int = 0
    elapsed_ms: int = 0
    _recent_pushes: SlidingWindow = field(factory=SlidingWindow)
    _recent_pops: SlidingWindow = field(factory=SlidingWindow)

    def pushed(self, now_ms: int) -> None:
        """Count an accepted push."""
        self.pushes += 1
        self._recent_pushes.add(1, now_ms)

    def popped(self, count: int, now_ms: int) -> None:
        """Count `count` claimed jobs; a retry counts again."""
        self.pops += count
        self._recent_pops.add(count, now_ms)

    def succeeded(self, elapsed_ms: int) -> None:
        """Count a job that ended well, `elapsed_ms` after it was pushed."""
        self.successes += 1
        self._ended(elapsed_ms)

    def retried(self) -> None:
        """Count a failed attempt that is followed by another."""
        self.failures += 1

    def failed(self, elapsed_ms: int) -> None:
        """Count a failed attempt that ended its job."""
        self.failures += 1
        self.permanent_failures += 1
        self._ended(elapsed_ms)

    def released(self) -> None:
        """Count a job that was put back to waiting before its attempt had an outcome."""
        self.releases += 1

    def _ended(self, elapsed_ms: int) -> None:
        self.completes += 1
        self.elapsed_ms += max(0, elapsed_ms)

    def per_second(self, now_ms: int) -> tuple[int, int]:
        """Return (pushes, pops) of the last second."""
        return self._recent_pushes.total(now_ms), self._recent_pops.total(now_ms)


@frozen
class QueueStats:
    """One row of `/queues/stats`; every field is an integer and carries its wire name, in wire order."""

    total_pushes: int
    total_pops: int
    total_successes: int
    total_failures: int
    total_permanent_failures: int
    total_completes: int
    total_elapsed: int
    pushes_per_second: int
    pops_per_second: int
    outstanding_jobs: int
    total_workers: int
    idle_workers: int
    active_nodes: int


def snapshot(
    counters: QueueCounters, *, now_ms: int, max_workers: int, busy_workers: int, is_active: bool
) -> QueueStats:
    """Put counters and workers into one row.

    A job is claimed only when a worker slot is free for it, so none is ever outstanding between the
    claim and its start, unlike in the original with its buffer of grabbed jobs.
    """
    pushes_per_second, pops_per_second = counters.per_second(now_ms)
    total_workers = max_workers if is_active else 0
    return QueueStats(
        total_pushes=counters.pushes,
        total_pops=counters.pops,
        total_successes=counters.successes,
        total_failures=counters.failures,
        total_permanent_failures=counters.permanent_failures,
        total_completes=counters.completes,
        total_elapsed=counters.elapsed_ms,
        pushes_per_second=pushes_per_second,
        pops_per_second=pops_per_second,
        outstanding_jobs=0,
        total_workers=total_workers,
        idle_workers=max(0, total_workers - busy_workers),
        active_nodes=1 if is_active else 0,
    )
