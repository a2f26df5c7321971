"""Leases of queues: who may claim, and what a take-over does to running jobs, on every store."""

from attrs import evolve

from tests.stores.nodes import LEASE_MS, NOW, Node, completed, new_job, push_one, retried
from trioworq.core.jobs import JobState
from trioworq.core.queues import Owner
from trioworq.stores.interface import JobQuery, JobSet, Store

LAPSED = NOW + LEASE_MS


async def test_free_queues_are_taken(store: Store) -> None:
    """Every queue that is named is held, under an epoch of its own."""
    held = await Node(store).hold("a", "b", "c")
    assert set(held) == {"a", "b", "c"}
    assert await Node(store).hold() == {}


async def test_owner_is_shown_until_the_lease_ends(store: Store) -> None:
    """The lease ends at its very millisecond."""
    held = await Node(store).hold("q")
    owner = Owner("node-1", "node-1.test", held["q"], LAPSED)
    assert await store.owner("q", NOW) == owner
    assert await store.owner("q", LAPSED - 1) == owner
    assert await store.owner("q", LAPSED) is None
    assert await store.owner("other", NOW) is None


async def test_lease_of_another_node_is_left_to_it(store: Store) -> None:
    """Until its very end; other queues in the same request are taken."""
    first, second = Node(store), Node(store, "node-2")
    await first.hold("q")
    assert set(await second.hold("q", "r", now_ms=LAPSED - 1)) == {"r"}
    owner = await store.owner("q", NOW)
    assert owner is not None
    assert owner.node_id == "node-1"


async def test_renewed_lease_keeps_its_epoch_and_its_running_jobs(node: Node) -> None:
    """It runs on from now, and nothing is released."""
    await push_one(node.store, new_job())
    job = await node.claim_one()
    epoch = node.epochs["q"]
    assert await node.hold("q", now_ms=NOW + 5000) == {"q": epoch}
    owner = await node.store.owner("q", LAPSED + 4999)
    assert owner is not None
    assert owner.expires_at_ms == LAPSED + 5000
    assert await node.store.job("q", job.id) == job


async def test_own_lease_that_lapsed_is_renewed_if_nobody_took_it(node: Node) -> None:
    """A slow node that lost nothing goes on with its epoch and its running jobs."""
    await push_one(node.store, new_job())
    job = await node.claim_one()
    epoch = node.epochs["q"]
    assert await node.hold("q", now_ms=LAPSED + 60_000) == {"q": epoch}
    assert await node.store.job("q", job.id) == job


async def test_lapsed_lease_is_taken_over_under_a_new_epoch(node: Node) -> None:
    """The old owner's claims do nothing from then on (I7)."""
    backup = Node(node.store, "node-2")
    old_epoch = node.epochs["q"]
    assert (await backup.hold("q", now_ms=LAPSED))["q"] > old_epoch
    await push_one(node.store, new_job())
    assert await node.claim(now_ms=LAPSED) == []
    assert len(await backup.claim(now_ms=LAPSED)) == 1
    assert await node.hold("q", now_ms=LAPSED + 1) == {}


async def test_take_over_releases_running_jobs_with_nothing_counted(node: Node) -> None:
    """fail_count and retries stay; the job is due at once and its next run is a new attempt (I4)."""
    store = node.store
    await push_one(store, new_job())
    await store.settle(retried(await node.claim_one()))
    job = await node.claim_one()
    assert job.fail_count == 1
    backup = Node(store, "node-2")
    await backup.hold("q", now_ms=LAPSED)
    assert backup.recovered == {"q": 1}
    assert await store.job("q", job.id) == evolve(job, state=JobState.WAITING)
    assert await store.settle(completed(job)) is False
    (again,) = await backup.claim(now_ms=LAPSED)
    assert again == evolve(job, attempt=job.attempt + 1, started_at_ms=LAPSED)


async def test_take_over_touches_no_other_queue(store: Store) -> None:
    """Jobs running in a queue that its owner still holds go on."""
    first = Node(store)
    await first.hold("a", "b")
    for queue in ("a", "b"):
        await push_one(store, new_job(queue=queue))
        await first.claim(queue=queue)
    await first.hold("b", now_ms=NOW + 5000)
    assert set(await Node(store, "node-2").hold("a", "b", now_ms=LAPSED)) == {"a"}
    running = [
        len((await store.jobs(JobQuery(queue, JobSet.RUNNING, NOW, 10))).items) for queue in ("a", "b")
    ]
    assert running == [0, 1]


async def test_leases_given_back_are_free_at_once(node: Node) -> None:
    """Another node takes them before they would have ended, under a new epoch."""
    await node.hold("q", "r")
    old_epochs = dict(node.epochs)
    await node.store.give_back("node-1", NOW)
    assert await node.store.owner("q", NOW) is None
    held = await Node(node.store, "node-2").hold("q", "r")
    assert all(held[queue] > old_epochs[queue] for queue in ("q", "r"))


async def test_giving_back_leaves_other_nodes_leases(store: Store) -> None:
    """Each node ends its own."""
    await Node(store).hold("a")
    await Node(store, "node-2").hold("b")
    await store.give_back("node-1", NOW)
    await store.give_back("nobody", NOW)
    assert await store.owner("a", NOW) is None
    assert await store.owner("b", NOW) is not None


async def test_epochs_never_go_back(store: Store) -> None:
    """Through take-overs, returns and deletions of the queue, every owner has a greater epoch."""
    epochs = []
    for turn in range(6):
        node = Node(store, f"node-{turn}")
        epochs.append((await node.hold("q"))["q"])
        await store.give_back(node.node_id, NOW)
        await store.delete_queue("q")
    assert epochs == sorted(set(epochs))


async def test_many_queues_are_held_at_once(store: Store) -> None:
    """A request may name hundreds of queues, new ones and renewed ones together."""
    node = Node(store)
    names = [f"queue {number}" for number in range(600)]
    assert len(await node.hold(*names[:500])) == 500
    epochs = dict(node.epochs)
    held = await node.hold(*names, now_ms=NOW + 1)
    assert len(held) == 600
    assert {queue: held[queue] for queue in names[:500]} == epochs
