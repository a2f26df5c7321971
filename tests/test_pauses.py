"""Which queues are paused, as a node knows it."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.dispatch.lagging_store import LaggingStore
from tests.dispatch.push_side import open_memory_store
from tests.dispatch.tripping_store import TrippingStore
from trioworq.core.errors import NoSuchQueue
from trioworq.core.jobs import Kind
from trioworq.core.queues import QueueDefinition
from trioworq.pauses import Pauses
from trioworq.stores.interface import Store, StoreUnavailable


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    """A store with a push queue named q."""
    async with open_memory_store() as opened:
        await opened.put_queue(QueueDefinition("q", 200, 20))
        yield opened


def listened(pauses: Pauses) -> list[tuple[Kind, str, bool]]:
    """Return a list of what listeners are told from now on, and whether that queue is paused then."""
    heard: list[tuple[Kind, str, bool]] = []
    pauses.tell(lambda kind, queue: heard.append((kind, queue, pauses.is_paused(kind, queue))))
    return heard


async def test_a_pause_is_of_one_queue_of_one_kind(store: Store) -> None:
    """A pull queue of the same name, or another queue, goes on."""
    pauses = Pauses(store)
    await pauses.pause(Kind.PUSH, "q")
    assert pauses.is_paused(Kind.PUSH, "q")
    assert not pauses.is_paused(Kind.PULL, "q")
    assert not pauses.is_paused(Kind.PUSH, "r")
    await pauses.pause(Kind.PULL, "any")
    assert pauses.size == 2
    await pauses.resume(Kind.PUSH, "q")
    assert not pauses.is_paused(Kind.PUSH, "q")
    assert await store.paused_queues() == {(Kind.PULL, "any")}


async def test_listeners_are_told_once_of_each_change(store: Store) -> None:
    """They are told when the queue is paused already; repeating a pause tells nobody."""
    pauses = Pauses(store)
    heard = listened(pauses)
    for _ in range(2):
        await pauses.pause(Kind.PUSH, "q")
    for _ in range(2):
        await pauses.resume(Kind.PUSH, "q")
    assert heard == [(Kind.PUSH, "q", True), (Kind.PUSH, "q", False)]


async def test_a_push_queue_that_is_not_defined_cannot_be_paused(store: Store) -> None:
    """Nor resumed; nobody is told anything."""
    pauses = Pauses(store)
    heard = listened(pauses)
    for change in (pauses.pause, pauses.resume):
        with pytest.raises(NoSuchQueue, match="No such queue: none"):
            await change(Kind.PUSH, "none")
    assert heard == []


async def test_what_another_node_did_is_heard_at_the_next_look(store: Store) -> None:
    """Each queue that was paused or resumed since the last one is told of, and no other."""
    here, there = Pauses(store), Pauses(store)
    await there.pause(Kind.PUSH, "q")
    await there.pause(Kind.PULL, "p")
    await here.catch_up()
    heard = listened(here)
    await there.resume(Kind.PULL, "p")
    await there.pause(Kind.PULL, "r")
    assert here.is_paused(Kind.PULL, "p")
    await here.catch_up(7)
    assert sorted(heard) == [(Kind.PULL, "p", False), (Kind.PULL, "r", True)]


async def test_the_store_is_asked_only_when_its_count_has_changed(store: Store) -> None:
    """Looks are frequent, pauses are not."""
    counting = TrippingStore(store)
    pauses = Pauses(counting.store)
    for count in (3, 3, 3, 4, 4):
        await pauses.catch_up(count)
    assert counting.counts["paused_queues"] == 2


async def test_what_is_known_stays_while_the_store_is_away(store: Store) -> None:
    """And is read when it is back, though the count is the same."""
    tripping = TrippingStore(store)
    pauses = Pauses(tripping.store)
    await pauses.pause(Kind.PUSH, "q")
    await Pauses(store).pause(Kind.PULL, "p")
    tripping.unplug()
    with pytest.raises(StoreUnavailable):
        await pauses.catch_up(1)
    with pytest.raises(StoreUnavailable):
        await pauses.resume(Kind.PUSH, "q")
    assert pauses.is_paused(Kind.PUSH, "q")
    tripping.plug_in()
    await pauses.catch_up(1)
    assert pauses.is_paused(Kind.PULL, "p")


async def test_a_look_that_began_before_a_pause_does_not_undo_it(
    store: Store, autojump_clock: MockClock
) -> None:
    """Its answer may be older than the pause, which waits for it."""
    lagging = LaggingStore(store)
    pauses = Pauses(lagging.store)
    lagging.keep_back("paused_queues")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pauses.catch_up, 1)
        await lagging.wait_for("paused_queues")
        nursery.start_soon(pauses.pause, Kind.PUSH, "q")
        await wait_all_tasks_blocked()
        lagging.let_go("paused_queues")
    assert pauses.is_paused(Kind.PUSH, "q")
