"""The queues of a node in numbers: totals over all of them, since their names are the users' own."""

from collections.abc import Collection, Iterable

from attrs import frozen

from trioworq.core.stats import QueueCounters
from trioworq.dispatch.dispatcher import Dispatcher


@frozen(kw_only=True)
class Summary:
    """What the queues of a node have done since the process began, and what they are doing."""

    pushed: int
    started: int
    succeeded: int
    failed: int
    retried: int
    released: int
    # From the push to the end, summed over the jobs that ended.
    elapsed_s: float

    active_queues: int
    backup_queues: int
    draining_queues: int
    held_leases: int
    worker_slots: int
    calls: int
    unsettled: int


def summarise(
    running: Collection[Dispatcher], draining: Collection[Dispatcher], counters: Iterable[QueueCounters]
) -> Summary:
    """Sum up; `counters` are those of every queue that ever ran here, so that no total goes back."""
    counts = list(counters)
    dispatchers = (*running, *draining)
    active = [item for item in running if item.epoch is not None]
    calls = sum(item.calls for item in dispatchers)
    return Summary(
        pushed=sum(count.pushes for count in counts),
        started=sum(count.pops for count in counts),
        succeeded=sum(count.successes for count in counts),
        failed=sum(count.permanent_failures for count in counts),
        retried=sum(count.failures - count.permanent_failures for count in counts),
        released=sum(count.releases for count in counts),
        elapsed_s=sum(count.elapsed_ms for count in counts) / 1000,
        active_queues=len(active),
        backup_queues=len(running) - len(active),
        draining_queues=len(draining),
        held_leases=sum(item.epoch is not None for item in dispatchers),
        worker_slots=sum(item.definition.max_workers for item in active),
        calls=calls,
        unsettled=sum(item.running_jobs for item in dispatchers) - calls,
    )
