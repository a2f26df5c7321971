"""How all queues are seen to stand, and that nobody looks while nobody watches."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import trio
from attrs import define, field
from trio.testing import MockClock

from trioworq.clock import Clock
from trioworq.core.jobs import Kind
from trioworq.core.load import JobCount, QueueEnded
from trioworq.core.nodes import NO_ACTIVITY, Activity, LiveNode, QueueName, write_report
from trioworq.core.overview import Trouble
from trioworq.core.queues import Owner, QueueDefinition
from trioworq.manage.feed import (
    LOOK_INTERVAL_S,
    SLOW_S,
    TRACE_INTERVAL_S,
    TRACE_POINTS,
    WATCHED_S,
    Feed,
    Snapshot,
)
from trioworq.manage.shared import MOST_REST_S, SharedRead
from trioworq.pauses import Pauses
from trioworq.stores.interface import Store, StoreUnavailable

MAIL = QueueName(Kind.PUSH, "mail")
FILES = QueueName(Kind.PULL, "files")


@define(eq=False)
class SeenStore:
    """A store that shows what it is told to, and counts how often it is asked to count."""

    counts: list[JobCount] = field(factory=list)
    ended: list[QueueEnded] = field(factory=list)
    reports: dict[str, Mapping[QueueName, Activity]] = field(factory=dict)
    held: dict[str, Owner] = field(factory=dict)
    defined: list[str] = field(factory=list)
    paused: frozenset[tuple[Kind, str]] = frozenset()
    is_away: bool = False
    takes_s: float = 0.0
    looks: int = 0

    async def count(self) -> list[JobCount]:
        """Count jobs."""
        self.looks += 1
        await trio.sleep(self.takes_s)
        await self._answer()
        return self.counts

    async def count_ended(self) -> list[QueueEnded]:
        """Count jobs that have ended."""
        await self._answer()
        return self.ended

    async def nodes(self, _now_ms: int) -> list[LiveNode]:
        """Return a node for each report."""
        await self._answer()
        return [LiveNode(node, f"{node}.test", write_report(told)) for node, told in self.reports.items()]

    async def owners(self, _now_ms: int) -> Mapping[str, Owner]:
        """Return who holds what."""
        await self._answer()
        return self.held

    async def queues(self) -> list[QueueDefinition]:
        """Return the definitions."""
        await self._answer()
        return [QueueDefinition(name, 200, 20) for name in self.defined]

    async def paused_queues(self) -> frozenset[tuple[Kind, str]]:
        """Return what is paused."""
        await self._answer()
        return self.paused

    async def _answer(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.is_away:
            raise StoreUnavailable("10.0.0.1 is away")


@asynccontextmanager
async def open_feed(seen: SeenStore) -> AsyncIterator[Feed]:
    """Run a feed over a store."""
    store = cast("Store", cast("Any", seen))
    pauses = Pauses(store)
    await pauses.catch_up()
    feed = Feed(
        store=store,
        clock=Clock(),
        counts=SharedRead(seen.count),
        ended=SharedRead(seen.count_ended),
        pauses=pauses,
    )
    async with trio.open_nursery() as tasks:
        tasks.start_soon(feed.run)
        yield feed
        tasks.cancel_scope.cancel(reason="the test is over")


async def watch(feed: Feed, after: int = 0) -> Snapshot:
    """Return the next snapshot, of a daemon that does not stop."""
    snapshot = await feed.next(after)
    assert snapshot is not None
    return snapshot


def owner(node: str) -> Owner:
    """Return who holds a lease that has not ended."""
    return Owner(node, f"{node}.test", 1, 2**62)


async def test_everything_known_of_a_queue_is_put_together(autojump_clock: MockClock) -> None:
    """Its categories' jobs, what ended, its node, and what goes on in it on all nodes."""
    seen = SeenStore(
        counts=[
            JobCount(kind=Kind.PUSH, queue="mail", category="a", waiting=2, deferred=1, oldest_due_ms=9),
            JobCount(kind=Kind.PUSH, queue="mail", category="b", waiting=3, running=4, oldest_due_ms=7),
            JobCount(kind=Kind.PUSH, queue="mail", category="c", deferred=5),
        ],
        ended=[QueueEnded(kind=Kind.PUSH, queue="mail", failed=8, finished=9)],
        reports={
            "a": {MAIL: Activity(pushed=1)},
            "b": {MAIL: Activity(pushed=2, completed=3, busy=1, workers=20)},
        },
        held={"mail": owner("b")},
        defined=["mail"],
    )
    async with open_feed(seen) as feed:
        snapshot = await watch(feed)
    (mail,) = snapshot.queues
    assert mail.queue == MAIL
    assert (mail.waiting, mail.deferred, mail.running, mail.failed, mail.finished) == (5, 6, 4, 8, 9)
    assert mail.oldest_due_ms == 7
    assert mail.node == "b.test"
    assert mail.is_defined
    assert mail.activity == Activity(pushed=3, completed=3, busy=1, workers=20)
    assert [(node.host, node.queues) for node in snapshot.nodes] == [("a.test", 0), ("b.test", 1)]


async def test_every_queue_that_is_known_of_is_shown(autojump_clock: MockClock) -> None:
    """Defined ones, paused ones, those with jobs or failures, and those where something goes on."""
    seen = SeenStore(
        counts=[JobCount(kind=Kind.PUSH, queue="left over", category="a", waiting=1)],
        ended=[QueueEnded(kind=Kind.PULL, queue="failed", failed=1)],
        reports={"a": {FILES: Activity(workers=3)}},
        defined=["mail"],
        paused=frozenset({(Kind.PULL, "paused")}),
    )
    async with open_feed(seen) as feed:
        statuses = {status.queue: status for status in (await watch(feed)).queues}
    assert statuses.keys() == {
        QueueName(Kind.PUSH, "left over"),
        QueueName(Kind.PULL, "failed"),
        FILES,
        MAIL,
        QueueName(Kind.PULL, "paused"),
    }
    assert not statuses[QueueName(Kind.PUSH, "left over")].is_defined
    assert statuses[QueueName(Kind.PULL, "paused")].is_paused


async def test_trouble_is_on_top(autojump_clock: MockClock) -> None:
    """And where there is none queues stand by their names, so that nothing moves for nothing."""
    seen = SeenStore(
        counts=[JobCount(kind=Kind.PUSH, queue="z", category="a", waiting=1)],
        reports={"a": {QueueName(Kind.PUSH, "c"): Activity(failed=1)}},
        defined=["b", "a", "c", "z"],
    )
    async with open_feed(seen) as feed:
        snapshot = await watch(feed)
    assert [status.queue.name for status in snapshot.queues] == ["z", "c", "a", "b"]
    assert snapshot.troubles[QueueName(Kind.PUSH, "z")] is Trouble.NO_NODE


async def test_all_who_watch_are_served_by_one_look_a_second(autojump_clock: MockClock) -> None:
    """However many they are."""
    seen = SeenStore()

    async def follow() -> None:
        number = 0
        while snapshot := await feed.next(number):
            assert snapshot.number > number
            number = snapshot.number

    async with open_feed(seen) as feed, trio.open_nursery() as viewers:
        for _ in range(20):
            viewers.start_soon(follow)
        await trio.sleep(10 * LOOK_INTERVAL_S)
        assert 9 <= seen.looks <= 12
        feed.leave()


async def test_nobody_counts_while_nobody_watches(autojump_clock: MockClock) -> None:
    """A million jobs are not counted for no one; who comes again sees something new."""
    seen = SeenStore()
    async with open_feed(seen) as feed:
        await trio.sleep(60)
        assert seen.looks == 0
        first = await watch(feed)
        await trio.sleep(10 * WATCHED_S)
        looks = seen.looks
        await trio.sleep(10 * WATCHED_S)
        assert seen.looks == looks
        assert (await watch(feed)).time_ms >= first.time_ms + 20 * WATCHED_S * 1000


async def test_what_goes_on_is_noted_watched_or_not(autojump_clock: MockClock) -> None:
    """Whoever comes sees the last minutes, the newest last; a quiet queue is forgotten."""
    seen = SeenStore(reports={"a": {MAIL: Activity(completed=1)}})
    async with open_feed(seen) as feed:
        await trio.sleep(2.5 * TRACE_INTERVAL_S)
        seen.reports["a"] = {MAIL: Activity(completed=1), FILES: Activity(completed=2)}
        await trio.sleep(TRACE_INTERVAL_S)
        traces = (await watch(feed)).traces
        assert traces[MAIL] == (Activity(completed=1),) * 4
        assert traces[FILES] == (NO_ACTIVITY, NO_ACTIVITY, NO_ACTIVITY, Activity(completed=2))
        seen.reports["a"] = {}
        await trio.sleep((TRACE_POINTS + 2) * TRACE_INTERVAL_S)
        assert (await watch(feed)).traces == {}


async def test_a_store_that_is_away_is_told_of_and_its_words_are_not(autojump_clock: MockClock) -> None:
    """They may name the database; when it is back the figures are, too."""
    seen = SeenStore(defined=["mail"])
    async with open_feed(seen) as feed:
        assert len((await watch(feed)).queues) == 1
        seen.is_away = True
        await trio.sleep(3)
        away = await watch(feed)
        assert away.trouble
        assert "10.0.0.1" not in away.trouble
        seen.is_away = False
        while (snapshot := await watch(feed, away.number)).trouble:
            away = snapshot
        assert len(snapshot.queues) == 1


async def test_what_was_known_is_shown_while_the_store_is_away(autojump_clock: MockClock) -> None:
    """With when that was, and since when the store has been away."""
    seen = SeenStore(counts=[JobCount(kind=Kind.PULL, queue="files", category="", waiting=7)])
    async with open_feed(seen) as feed:
        before = await watch(feed)
        assert (before.seen_ms, before.lost_at_ms) == (before.time_ms, None)
        seen.is_away = True
        first = await watch(feed, before.number)
        later = await watch(feed, first.number)
        assert later.queues == before.queues
        assert later.seen_ms == before.seen_ms
        assert later.time_ms > first.time_ms == first.lost_at_ms == later.lost_at_ms
        assert feed.latest is later
        seen.is_away = False
        again = await watch(feed, later.number)
        while again.trouble:
            again = await watch(feed, again.number)
        assert (again.seen_ms, again.lost_at_ms) == (again.time_ms, None)


async def test_a_store_that_stands_still_is_told_of_before_it_answers(autojump_clock: MockClock) -> None:
    """With what was known; when it goes on, so do the figures, soon after."""
    seen = SeenStore(defined=["mail"])
    async with open_feed(seen) as feed:
        before = await watch(feed)
        seen.takes_s = 60.0
        began_s = trio.current_time()
        slow = await watch(feed, before.number)
        assert (slow.trouble, slow.queues) == ("The store is slow to answer", before.queues)
        assert trio.current_time() - began_s < 2 * SLOW_S
        later = await watch(feed, slow.number)
        assert later.time_ms > slow.time_ms == slow.lost_at_ms == later.lost_at_ms
        seen.takes_s = 0.0
        while (snapshot := await watch(feed, later.number)).trouble:
            later = snapshot
        await watch(feed, snapshot.number)
        assert trio.current_time() - began_s < 60 + 2 * MOST_REST_S


async def test_a_store_that_always_takes_long_is_no_trouble(autojump_clock: MockClock) -> None:
    """What is usual is said once at the most: the figures are as new as they can be."""
    seen = SeenStore(defined=["mail"], takes_s=SLOW_S)
    async with open_feed(seen) as feed:
        snapshot = await watch(feed)
        while snapshot.trouble:
            snapshot = await watch(feed, snapshot.number)
        await watch(feed, snapshot.number)
        for _ in range(5):
            snapshot = await watch(feed, snapshot.number)
            assert not snapshot.trouble or snapshot.seen_ms is None


async def test_a_growing_backlog_is_seen_while_it_is_watched(autojump_clock: MockClock) -> None:
    """By the looks before, which end with the watching."""
    seen = SeenStore(held={"mail": owner("a")}, defined=["mail"])
    async with open_feed(seen) as feed:
        number = 0
        for waiting in range(0, 600, 30):
            busy = JobCount(kind=Kind.PUSH, queue="mail", category="a", waiting=waiting)
            seen.counts = [busy]
            snapshot = await watch(feed, number)
            number = snapshot.number
        assert snapshot.troubles[MAIL] is Trouble.GROWING


async def test_who_watches_is_let_go_when_the_daemon_stops(autojump_clock: MockClock) -> None:
    """Those who wait and those who come later."""
    async with open_feed(SeenStore()) as feed:
        latest = await watch(feed)
        async with trio.open_nursery() as viewers:

            async def follow() -> None:
                assert await feed.next(latest.number + 1000) is None

            viewers.start_soon(follow)
            await trio.sleep(1.5)
            feed.leave()
        assert await feed.next() is None
