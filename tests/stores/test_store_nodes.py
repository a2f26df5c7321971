"""Several nodes on one store: how queues are spread over them, and what they see of each other."""

from tests.stores.conftest import OpenStore
from tests.stores.nodes import LEASE_MS, NOW, Node, completed, new_job, push_one
from trioworq.core.jobs import INT64_MAX
from trioworq.core.leases import GRACE_MS, Hold
from trioworq.core.queues import QueueDefinition
from trioworq.core.suspicion import Peer
from trioworq.stores.interface import Store

NAMES = ("a", "b", "c", "d")


async def peers(store: Store, now_ms: int = NOW) -> dict[str, Peer]:
    return {peer.node_id: peer for peer in (await store.look_round(now_ms)).peers}


async def test_new_queues_go_to_whoever_asks_first(store: Store) -> None:
    """Nobody waits for a node that may not know them yet."""
    first, second = Node(store), Node(store, "node-2")
    await second.hold()
    assert set(await first.hold(*NAMES)) == set(NAMES)


async def test_node_that_joins_leaves_others_with_a_surplus(store: Store) -> None:
    """As many queues as make the counts even, and no more."""
    first, second = Node(store), Node(store, "node-2")
    await first.hold(*NAMES)
    assert first.surplus == 0
    assert await second.hold(*NAMES) == {}
    assert second.surplus == 0
    await first.hold(*NAMES)
    assert first.surplus == 2


async def test_queues_that_are_let_go_are_taken_by_those_with_fewer(store: Store) -> None:
    """And left by those that have their share, until nobody else has wanted them for a while."""
    first, second, third = Node(store), Node(store, "node-2"), Node(store, "node-3")
    await first.hold(*NAMES)
    await second.hold("e", "f")
    await third.hold()
    await store.give_back("node-1", NOW, ["a", "b"])
    assert set(await second.hold(*NAMES, "e", "f")) == {"e", "f"}
    assert set(await second.hold(*NAMES, "e", "f", now_ms=NOW + GRACE_MS - 1)) == {"e", "f"}
    assert set(await third.hold(*NAMES, "e", "f")) == {"a", "b"}
    assert third.epochs == {"a": first.epochs["a"] + 1, "b": first.epochs["b"] + 1}


async def test_free_queue_is_left_to_the_node_with_fewest(store: Store) -> None:
    """Who took it first would only have to let it go again."""
    first, second, third = Node(store), Node(store, "node-2"), Node(store, "node-3")
    await second.hold("c")
    await first.hold(*NAMES)
    await store.give_back("node-1", NOW, ["d"])
    await third.hold()
    assert set(await second.hold(*NAMES)) == {"c"}
    assert set(await third.hold(*NAMES)) == {"d"}
    assert [second.surplus, third.surplus] == [0, 0]


async def test_queues_that_nobody_else_takes_are_taken_after_a_while(store: Store) -> None:
    """A node whose share they are may not run them."""
    second = Node(store, "node-2")
    await Node(store).hold(*NAMES)
    await second.hold("e", "f")
    await Node(store, "node-3").hold()
    await store.give_back("node-1", NOW, ["a", "b"])
    assert set(await second.hold(*NAMES, "e", "f", now_ms=NOW + GRACE_MS)) == {"a", "b", "e", "f"}


async def test_leases_that_are_given_back_are_those_of_the_queues_named(store: Store) -> None:
    """The node stays one of the live ones; nobody gives back what others hold."""
    await Node(store).hold("a", "b")
    await store.give_back("node-1", NOW, ["b", "other"])
    await store.give_back("node-2", NOW, ["a"])
    assert await store.owner("a", NOW) is not None
    assert await store.owner("b", NOW) is None
    assert set(await peers(store)) == {"node-1"}


async def test_node_that_is_leaving_keeps_its_queues_and_counts_no_more(store: Store) -> None:
    """Its jobs may still run; it takes nothing, and others need not wait for it to have its share."""
    first, second = Node(store), Node(store, "node-2")
    await first.hold("a", "b")
    await store.give_back("node-1", NOW, ["b"])
    assert set(await first.hold("a", "new", is_leaving=True)) == {"a"}
    assert first.surplus == 0
    assert await peers(store) == {}
    assert set(await second.hold("a", "b", "new")) == {"b", "new"}


async def test_patient_node_keeps_its_queues_and_takes_nobody_elses(store: Store) -> None:
    """Lapsed or given back, they are left to those that had them; queues that nobody has had are not."""
    first, second = Node(store), Node(store, "node-2")
    await first.hold("a", "b")
    await second.hold("c")
    await store.give_back("node-1", NOW, ["b"])
    later = NOW + 10 * LEASE_MS
    assert set(await second.hold(*NAMES, now_ms=later, is_patient=True)) == {"c", "d"}
    assert set(await second.hold(*NAMES, now_ms=later)) == set(NAMES)


async def test_queues_of_a_node_that_is_gone_are_free_at_once(store: Store) -> None:
    """Also for the nodes that have not noticed; the lease, its epoch and the node's place end together."""
    first, second, third = Node(store), Node(store, "node-2"), Node(store, "node-3")
    await first.hold(*NAMES)
    await third.hold()
    await push_one(store, new_job(queue="a"))
    (job,) = await first.claim(queue="a")
    held = await second.hold(*NAMES, gone={"node-1": INT64_MAX})
    assert set(held) == {"a", "b"}
    assert second.recovered["a"] == 1
    assert set(await third.hold(*NAMES)) == {"c", "d"}
    assert set(await peers(store)) == {"node-2", "node-3"}
    assert await store.settle(completed(job)) is False


async def test_node_that_has_renewed_since_it_was_looked_at_is_not_gone(store: Store) -> None:
    """However late what follows from that look is carried out."""
    first, second = Node(store), Node(store, "node-2")
    await first.hold("a")
    await first.hold("a", now_ms=NOW + 1)
    assert await second.hold("a", now_ms=NOW + 2, gone={"node-1": NOW + LEASE_MS}) == {}
    assert await store.owner("a", NOW + 2) is not None
    assert set(await peers(store)) == {"node-1", "node-2"}
    assert await second.hold("a", now_ms=NOW + 2, gone={"node-1": NOW + 1 + LEASE_MS}) == {"a": 2}
    assert set(await peers(store)) == {"node-2"}


async def test_node_that_was_taken_for_gone_keeps_what_nobody_took(store: Store) -> None:
    """It renews its lease under the same epoch, so its running jobs are not run again."""
    first = Node(store)
    await first.hold("a")
    await push_one(store, new_job(queue="a"))
    (job,) = await first.claim(queue="a")
    await Node(store, "node-2").hold(gone={"node-1": INT64_MAX})
    assert await store.owner("a", NOW) is None
    epoch = first.epochs["a"]
    assert await first.hold("a") == {"a": epoch}
    assert await store.settle(completed(job)) is True


async def test_only_a_queue_that_others_had_is_inherited(store: Store) -> None:
    """The throttle of such a queue may have been used up a moment ago."""
    first = await store.hold(Hold("node-1", "h", ["q"], NOW, LEASE_MS))
    await store.give_back("node-1", NOW)
    second = await store.hold(Hold("node-2", "h", ["q"], NOW, LEASE_MS))
    renewed = await store.hold(Hold("node-2", "h", ["q"], NOW + 1, LEASE_MS))
    found = [each.tenures["q"].is_inherited for each in (first, second, renewed)]
    assert found == [False, True, False]


async def test_look_shows_the_nodes_and_when_their_leases_end(store: Store) -> None:
    """Each counts as live for as long as the leases that it has taken last."""
    await Node(store).hold()
    await Node(store, "node-2").hold("q", now_ms=NOW + 5)
    ends = {node_id: peer.expires_at_ms for node_id, peer in (await peers(store)).items()}
    assert ends == {"node-1": NOW + LEASE_MS, "node-2": NOW + 5 + LEASE_MS}


async def test_look_shows_defined_queues_whose_lease_has_ended(store: Store) -> None:
    """Not those that are held, have never been, or are no longer defined."""
    for name in ("free", "held", "new"):
        await store.put_queue(QueueDefinition(name, 200, 20))
    await Node(store).hold("free", "held", "undefined")
    await store.give_back("node-1", NOW, ["free", "undefined"])
    assert (await store.look_round(NOW)).free == {"free"}
    assert (await store.look_round(NOW + LEASE_MS)).free == {"free", "held"}


async def test_look_counts_deletions_of_running_jobs(node: Node) -> None:
    """Those of waiting jobs concern nobody."""
    before = (await node.store.look_round(NOW)).deletions
    await push_one(node.store, new_job())
    running = await node.claim_one()
    waiting = await push_one(node.store, new_job())
    await node.store.delete_job("q", waiting)
    assert (await node.store.look_round(NOW)).deletions == before
    await node.store.delete_job("q", running.id)
    assert (await node.store.look_round(NOW)).deletions == before + 1


async def test_missing_jobs_are_those_that_have_ended_or_never_were(node: Node) -> None:
    """Whatever state the others are in."""
    ids = [await push_one(node.store, new_job()) for _ in range(3)]
    (first, *_) = await node.claim(2)
    await node.store.settle(completed(first))
    assert await node.store.missing_jobs([*ids, 999_999]) == {first.id, 999_999}
    assert await node.store.missing_jobs([]) == set()


async def test_mark_of_a_node_goes_with_its_process(open_durable: OpenStore) -> None:
    """It is there as long as the node has the store open, and the others see that."""
    async with open_durable("node-1") as first:
        await Node(first).hold()
        async with open_durable("node-2") as second:
            await Node(second, "node-2").hold()
            found = await peers(first)
            assert found["node-1"].is_present
            assert found["node-2"].is_present
