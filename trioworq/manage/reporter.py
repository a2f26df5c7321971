"""Says what goes on in the queues of this node, so that every node can show it."""

from collections.abc import Mapping

import trio

from trioworq.core.jobs import Kind
from trioworq.core.nodes import Activity, QueueName, write_report
from trioworq.core.stats import QueueStats
from trioworq.dispatch.ownership import Node
from trioworq.dispatch.queues import Queues
from trioworq.pull.jobs import PullJobs
from trioworq.stores.interface import Store, StoreUnavailable

REPORT_INTERVAL_S = 1.0


class Reporter:
    """Writes a report when it says something else than the last; an idle node writes none."""

    def __init__(self, *, node: Node, store: Store, queues: Queues, pull: PullJobs) -> None:
        self._node = node
        self._store = store
        self._queues = queues
        self._pull = pull
        self._before: Mapping[str, QueueStats] = {}
        self._looked_at_s = trio.current_time()
        self._told: bytes | None = None

    async def run(self) -> None:
        """Report once a second. Runs until cancelled."""
        self._before = self._queues.all_stats()
        while True:
            await trio.sleep(REPORT_INTERVAL_S)
            report = write_report(self._look())
            if report == self._told:
                continue
            try:
                await self._store.report(self._node.id, self._node.host, report)
                self._told = report
            except StoreUnavailable:
                # The ownership of queues, which asks as often, tells of it.
                self._told = None

    def _look(self) -> dict[QueueName, Activity]:
        """Return what has gone on since the last look, per second."""
        now_s = trio.current_time()
        took_s = max(now_s - self._looked_at_s, 0.001)
        self._looked_at_s = now_s
        return self._look_at_pushed(took_s) | self._look_at_pulled(took_s)

    def _look_at_pushed(self, took_s: float) -> dict[QueueName, Activity]:
        before, stats = self._before, self._queues.all_stats()
        self._before = stats
        return {
            QueueName(Kind.PUSH, name): _activity(before.get(name), now, took_s)
            for name, now in stats.items()
        }

    def _look_at_pulled(self, took_s: float) -> dict[QueueName, Activity]:
        waiting = self._pull.waiting_by_queue()
        recent = self._pull.counters.take_recent()
        activities: dict[QueueName, Activity] = {}
        for name in waiting.keys() | recent.keys():
            of = recent.get(name)
            activities[QueueName(Kind.PULL, name)] = Activity(
                pushed=of.enqueued / took_s if of else 0.0,
                completed=of.completed / took_s if of else 0.0,
                failed=of.failed / took_s if of else 0.0,
                workers=waiting.get(name, 0),
            )
        return activities


def _activity(before: QueueStats | None, now: QueueStats, took_s: float) -> Activity:
    if before is None:
        pushes = successes = failures = 0
    else:
        pushes, successes, failures = before.total_pushes, before.total_successes, before.total_failures
    return Activity(
        pushed=(now.total_pushes - pushes) / took_s,
        completed=(now.total_successes - successes) / took_s,
        failed=(now.total_failures - failures) / took_s,
        busy=now.total_workers - now.idle_workers,
        workers=now.total_workers,
    )
