"""What a node says of what goes on in its queues."""

from typing import Any, cast

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from tests.dispatch.push_side import FAILURE, SUCCESS, answering, hanging
from tests.manage.desk import Desk, open_desk
from trioworq.core.jobs import Kind
from trioworq.core.nodes import Activity, QueueName, read_report
from trioworq.dispatch.ownership import Node
from trioworq.manage.reporter import REPORT_INTERVAL_S, Reporter
from trioworq.stores.interface import Store, StoreUnavailable

DEFAULT = QueueName(Kind.PUSH, "default")
PULLED = QueueName(Kind.PULL, "q")


@define(eq=False)
class KeptReports:
    """A store that keeps reports; `is_away` for as many of them."""

    reports: list[bytes] = field(factory=list)
    is_away: int = 0

    async def report(self, node_id: str, host: str, report: bytes) -> None:
        """Keep a report."""
        await trio.lowlevel.checkpoint()
        assert (node_id, host) == ("n", "n.test")
        if self.is_away:
            self.is_away -= 1
            raise StoreUnavailable("away")
        self.reports.append(report)

    @property
    def latest(self) -> dict[QueueName, Activity]:
        """The last one, read."""
        return read_report(self.reports[-1])


def reporter_of(desk: Desk, kept: KeptReports) -> Reporter:
    """Make the reporter of a node."""
    store = cast("Store", cast("Any", kept))
    return Reporter(node=Node("n", "n.test"), store=store, queues=desk.side.queues, pull=desk.pull_side.pull)


async def report_for(desk: Desk, kept: KeptReports, seconds: float) -> None:
    """Report for a while."""
    with trio.move_on_after(seconds):
        await reporter_of(desk, kept).run()


async def test_pushes_completions_and_failures_are_told_per_second(autojump_clock: MockClock) -> None:
    """Of each queue, with its workers."""
    kept = KeptReports()
    async with open_desk(answering(FAILURE, SUCCESS)) as desk, trio.open_nursery() as tasks:
        tasks.start_soon(reporter_of(desk, kept).run)
        await trio.sleep(REPORT_INTERVAL_S / 2)
        for _ in range(4):
            await desk.side.push()
        await trio.sleep(REPORT_INTERVAL_S)
        assert kept.latest[DEFAULT] == Activity(pushed=4, completed=3, failed=1, workers=20)
        await trio.sleep(REPORT_INTERVAL_S)
        assert kept.latest[DEFAULT] == Activity(workers=20)
        tasks.cancel_scope.cancel(reason="the test is over")


async def test_busy_workers_are_told_of(autojump_clock: MockClock) -> None:
    """As many as are at work."""
    kept = KeptReports()
    async with open_desk(hanging()) as desk:
        await desk.side.push()
        await desk.side.push()
        await report_for(desk, kept, 2.5)
        assert kept.latest[DEFAULT].busy == 2


async def test_pull_queues_are_told_of(autojump_clock: MockClock) -> None:
    """What is enqueued, completed, and loses its lease; and who waits for a job."""
    kept = KeptReports()
    async with open_desk(hanging()) as desk, trio.open_nursery() as tasks:
        tasks.start_soon(reporter_of(desk, kept).run)
        await desk.pull_side.enqueue("a", "b", "c", timeout_s=1)
        assert await desk.pull_side.fetch(3)
        await desk.pull_side.pull.complete("q", "a")
        await trio.sleep(1.1 * REPORT_INTERVAL_S)
        assert kept.latest[PULLED] == Activity(pushed=3, completed=1)
        await trio.sleep(3.5)
        failed = sum(read_report(report).get(PULLED, Activity()).failed for report in kept.reports)
        assert failed == pytest.approx(2, abs=0.2)
        tasks.start_soon(desk.pull_side.fetch, 1, 60, "empty")
        await trio.sleep(2)
        assert kept.latest[QueueName(Kind.PULL, "empty")] == Activity(workers=1)
        tasks.cancel_scope.cancel(reason="the test is over")


async def test_an_idle_node_writes_nothing_more(autojump_clock: MockClock) -> None:
    """What has been said stays said."""
    kept = KeptReports()
    async with open_desk(hanging()) as desk:
        await report_for(desk, kept, 30)
    assert len(kept.reports) == 1


async def test_what_could_not_be_told_is_told_again(autojump_clock: MockClock) -> None:
    """When the store is back, though nothing has changed."""
    kept = KeptReports(is_away=3)
    async with open_desk(hanging()) as desk:
        await report_for(desk, kept, 30)
    assert len(kept.reports) == 1


async def test_pull_queues_where_nothing_goes_on_are_forgotten(autojump_clock: MockClock) -> None:
    """There may be one for every user of somebody's."""
    async with open_desk(hanging()) as desk:
        for number in range(50):
            await desk.pull_side.enqueue("a", queue=str(number))
        await report_for(desk, KeptReports(), 2.5)
        assert desk.pull_side.pull.counters.take_recent() == {}
