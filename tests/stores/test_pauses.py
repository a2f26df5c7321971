"""Queues that are paused, on every store (README 19)."""

from itertools import pairwise

import pytest

from tests.stores.conftest import OpenStore
from tests.stores.nodes import NOW, Node, new_job, push_one
from tests.stores.workers import enqueue_one, pull_job, take
from trioworq.core.errors import NoSuchQueue
from trioworq.core.jobs import Kind
from trioworq.core.queues import QueueDefinition
from trioworq.stores.interface import Store

DEFINITION = QueueDefinition("q", 200, 20)


async def pauses(store: Store) -> int:
    """Return the count that tells other nodes to look."""
    return (await store.look_round(NOW)).pauses


async def test_no_queue_is_paused_at_first(store: Store) -> None:
    """Nor by being defined."""
    await store.put_queue(DEFINITION)
    assert await store.paused_queues() == frozenset()


async def test_queue_is_paused_until_it_is_resumed(store: Store) -> None:
    """Repeating either changes nothing."""
    await store.put_queue(DEFINITION)
    assert await store.set_paused(Kind.PUSH, "q", is_paused=False) is False
    assert await store.set_paused(Kind.PUSH, "q", is_paused=True) is True
    assert await store.set_paused(Kind.PUSH, "q", is_paused=True) is False
    assert await store.paused_queues() == {(Kind.PUSH, "q")}
    assert await store.set_paused(Kind.PUSH, "q", is_paused=False) is True
    assert await store.paused_queues() == frozenset()


async def test_queues_of_one_name_are_paused_apart(store: Store) -> None:
    """A push queue and a pull queue share nothing but the name, and names differ by a letter's case."""
    await store.put_queue(DEFINITION)
    await store.set_paused(Kind.PULL, "q", is_paused=True)
    await store.set_paused(Kind.PULL, "Q", is_paused=True)
    assert await store.paused_queues() == {(Kind.PULL, "q"), (Kind.PULL, "Q")}
    await store.set_paused(Kind.PUSH, "q", is_paused=True)
    await store.set_paused(Kind.PULL, "q", is_paused=False)
    assert await store.paused_queues() == {(Kind.PUSH, "q"), (Kind.PULL, "Q")}


@pytest.mark.parametrize("is_paused", [True, False])
async def test_undefined_push_queue_is_no_queue(store: Store, is_paused: bool) -> None:
    """Nothing changes."""
    before = await pauses(store)
    with pytest.raises(NoSuchQueue):
        await store.set_paused(Kind.PUSH, "q", is_paused=is_paused)
    assert await store.paused_queues() == frozenset()
    assert await pauses(store) == before


async def test_any_pull_queue_may_be_paused(store: Store) -> None:
    """It is there by its name alone, whatever characters that has."""
    names = ["none yet", 'it\'s \\ "%s" `q` \U0001f4a5', "x" * 255]
    for name in names:
        assert await store.set_paused(Kind.PULL, name, is_paused=True) is True
    assert await store.paused_queues() == {(Kind.PULL, name) for name in names}


async def test_every_change_is_counted_and_nothing_else(store: Store) -> None:
    """The count tells other nodes when to look; those of definitions and deletions are others."""
    await store.put_queue(DEFINITION)
    seen = [await pauses(store)]
    revision, deletions = await store.revision(), (await store.look_round(NOW)).deletions
    for is_paused in (True, True, False, False, True):
        await store.set_paused(Kind.PUSH, "q", is_paused=is_paused)
        seen.append(await pauses(store))
    await store.set_paused(Kind.PULL, "q", is_paused=True)
    seen.append(await pauses(store))
    growths = [after - before for before, after in pairwise(seen)]
    assert growths == [1, 0, 1, 0, 1, 1]
    assert (await store.revision(), (await store.look_round(NOW)).deletions) == (revision, deletions)


async def test_deleted_definition_takes_its_pause_along(store: Store) -> None:
    """Defined again, the queue runs; other nodes are told; a pull queue of that name stays paused."""
    await store.put_queue(DEFINITION)
    for kind in Kind:
        await store.set_paused(kind, "q", is_paused=True)
    before = await pauses(store)
    await store.delete_queue("q")
    assert await store.paused_queues() == {(Kind.PULL, "q")}
    assert await pauses(store) == before + 1
    await store.put_queue(DEFINITION)
    assert await store.paused_queues() == {(Kind.PULL, "q")}


async def test_deleting_a_queue_that_runs_tells_nobody_of_a_pause(store: Store) -> None:
    """Nor does a deletion that finds nothing."""
    await store.put_queue(DEFINITION)
    await store.set_paused(Kind.PULL, "q", is_paused=True)
    before = await pauses(store)
    await store.delete_queue("q")
    await store.delete_queue("q")
    assert await pauses(store) == before


async def test_redefined_queue_stays_paused(store: Store) -> None:
    """A definition says nothing of it."""
    await store.put_queue(DEFINITION)
    await store.set_paused(Kind.PUSH, "q", is_paused=True)
    await store.put_queue(QueueDefinition("q", 300, 30))
    assert await store.paused_queues() == {(Kind.PUSH, "q")}


async def test_pause_is_no_affair_of_jobs(node: Node) -> None:
    """The store goes on taking and handing out: who starts jobs heeds the pause."""
    store = node.store
    await store.put_queue(DEFINITION)
    for kind in Kind:
        await store.set_paused(kind, "q", is_paused=True)
    job_id, pulled = await push_one(store, new_job()), await enqueue_one(store, pull_job())
    assert [job.id for job in await node.claim()] == [job_id]
    assert [job.id for job in await take(store)] == [pulled]


async def test_pause_holds_on_every_node_and_after_a_restart(open_durable: OpenStore) -> None:
    """It is the database's, not a node's."""
    async with open_durable("node-1") as one, open_durable("node-2") as two:
        await one.put_queue(DEFINITION)
        before = await pauses(two)
        await one.set_paused(Kind.PUSH, "q", is_paused=True)
        assert await pauses(two) == before + 1
        assert await two.paused_queues() == {(Kind.PUSH, "q")}
        assert await two.set_paused(Kind.PUSH, "q", is_paused=True) is False
    async with open_durable("node-3") as three:
        assert await three.paused_queues() == {(Kind.PUSH, "q")}
