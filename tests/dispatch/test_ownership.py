"""Several nodes on one store: how queues change hands, and that jobs do not notice."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import pytest
import trio
import trio.testing
from attrs import define, evolve
from trio.testing import MockClock

from tests.dispatch.push_side import (
    SUCCESS,
    Call,
    PushSide,
    ScriptedWorkers,
    answering,
    hanging,
    open_memory_store,
    open_push_side,
)
from tests.dispatch.tripping_store import TrippingStore
from trioworq.clock import Clock
from trioworq.core.queues import QueueDefinition
from trioworq.core.results import Result
from trioworq.core.routing import Routing
from trioworq.core.suspicion import LOOKS
from trioworq.dispatch.ownership import (
    LEASE_MS,
    LETTING_GO_AGAIN_S,
    LETTING_GO_S,
    LOOK_INTERVAL_S,
    RENEWAL_INTERVAL_S,
)
from trioworq.stores.interface import FailureQuery, JobSet, Sighting, Store

QUEUES = ("a", "b", "c", "d")
# By then every node has looked round and held its leases, and let go what is beyond its share.
SETTLED_S = 3 * RENEWAL_INTERVAL_S
# How long others may take to notice that something is free, and to take it.
NOTICED_S = 2 * LOOK_INTERVAL_S


@pytest.fixture
async def store(autojump_clock: MockClock) -> AsyncIterator[Store]:
    """A store with four queues, each with its category; time passes by itself."""
    async with open_memory_store() as opened:
        for name in QUEUES:
            await opened.put_queue(QueueDefinition(name, 200, 2))
            await opened.put_routing(Routing(name, name))
        yield opened


@define(eq=False)
class UnmarkedStore:
    """Stands in front of a real store; one node's presence mark is not there."""

    _real: Store
    unmarked: str = ""

    @property
    def store(self) -> Store:
        """This object, as what it stands in for."""
        return cast("Store", self)

    async def look_round(self, now_ms: int) -> Sighting:
        """Look, and miss the mark."""
        sighting = await self._real.look_round(now_ms)
        peers = [evolve(peer, is_present=peer.node_id != self.unmarked) for peer in sighting.peers]
        return evolve(sighting, peers=peers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


RunNode = Callable[..., AbstractAsyncContextManager[PushSide]]


@pytest.fixture
async def run_node(store: Store) -> RunNode:
    """Run a node by its name, by default on the store and with workers that succeed at once."""
    clock = Clock()

    def run(
        node_id: str, workers: ScriptedWorkers | None = None, *, on: Store = store
    ) -> AbstractAsyncContextManager[PushSide]:
        own = workers or answering(SUCCESS)
        return open_push_side(own, store=on, node_id=node_id, default_queue="", clock=clock)

    return run


async def owners(side: PushSide) -> dict[str, str | None]:
    """Return the node that owns each queue."""
    found = {name: await side.store.owner(name, side.queues.now_ms()) for name in QUEUES}
    return {name: None if owner is None else owner.node_id for name, owner in found.items()}


async def counts(side: PushSide) -> dict[str | None, int]:
    """Count the queues of each node."""
    held = list((await owners(side)).values())
    return {node: held.count(node) for node in held}


async def test_queues_are_spread_over_the_nodes_that_join(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """Evenly, and no more of them move than have to."""
    async with run_node("one") as one:
        await trio.sleep(SETTLED_S)
        assert await counts(one) == {"one": 4}
        async with run_node("two"):
            await trio.sleep(SETTLED_S)
            before = await owners(one)
            assert await counts(one) == {"one": 2, "two": 2}
            async with run_node("three"):
                await trio.sleep(SETTLED_S)
                after = await owners(one)
                assert sorted((await counts(one)).values()) == [1, 1, 2]
                assert sum(before[name] != after[name] for name in QUEUES) == 1


async def test_spread_queues_stay_where_they_are(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """Nothing moves once the counts are even."""
    async with run_node("one") as one, run_node("two"):
        await trio.sleep(SETTLED_S)
        settled = await owners(one)
        epochs = {name: (await one.queues.owner(name)) for name in QUEUES}
        await trio.sleep(60)
        assert await owners(one) == settled
        for name, owner in epochs.items():
            now = await one.queues.owner(name)
            assert owner is not None
            assert now is not None
            assert now.epoch == owner.epoch


async def test_queues_of_a_node_that_stops_go_to_the_others_at_once(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """They are taken with the next look, and each of the others has its share of them."""
    async with run_node("one") as one, run_node("two"):
        async with run_node("three"):
            await trio.sleep(SETTLED_S)
        await trio.sleep(NOTICED_S)
        assert await counts(one) == {"one": 2, "two": 2}


async def test_queue_of_a_node_that_stops_is_free_as_soon_as_its_last_job_has_ended(
    store: Store, run_node: RunNode, autojump_clock: MockClock
) -> None:
    """Jobs of other queues, which go on, do not keep it."""
    async with run_node("one", hanging()) as one:
        await trio.sleep(SETTLED_S)
        await one.push(category="a")
        async with run_node("two") as two, trio.open_nursery() as nursery:
            nursery.start_soon(one.queues.drain)
            await trio.sleep(NOTICED_S)
            assert await owners(two) == {"a": "one", "b": "two", "c": "two", "d": "two"}
            await trio.sleep(2 * LEASE_MS / 1000)
            # Its lease is renewed, for the sake of the job.
            assert (await owners(two))["a"] == "one"
            nursery.cancel_scope.cancel()


async def test_node_that_leaves_stores_pushes_and_starts_nothing(
    store: Store, run_node: RunNode, autojump_clock: MockClock
) -> None:
    """What it is given while it answers its last requests is run by others (I15)."""
    ours, theirs = answering(SUCCESS, after_s=0.3), answering(SUCCESS)
    async with run_node("one", ours) as one:
        await trio.sleep(SETTLED_S)
        for name in QUEUES:
            await one.push(category=name)
        await ours.wait_for_calls(4)
        one.queues.leave()
        for name in QUEUES:
            await one.push(category=name)
        await trio.sleep(2)
        assert len(ours.calls) == 4
        assert await counts(one) == {None: 4}
        async with run_node("two", theirs) as two:
            await trio.sleep(1)
            assert len(theirs.calls) == 4
            assert await counts(two) == {"two": 4}
        assert len(ours.calls) == 4


async def test_node_that_leaves_while_it_lets_queues_go_does_not_go_on(
    store: Store, run_node: RunNode, autojump_clock: MockClock
) -> None:
    """The try to move a queue ends, and its jobs are started by nobody here."""
    workers = hanging()
    async with run_node("one", workers) as one:
        await trio.sleep(SETTLED_S)
        for name in QUEUES:
            await one.push(category=name)
        async with run_node("two"):
            # In the middle of a try: the queues of both that are to move are busy.
            await trio.sleep(RENEWAL_INTERVAL_S + LETTING_GO_S / 2)
            one.queues.leave()
            await trio.sleep(1)
            for name in QUEUES:
                await one.push(category=name)
            await trio.sleep(1)
            assert len(workers.calls) == 4


async def test_node_that_is_leaving_takes_nothing_back_from_one_that_is_gone(
    store: Store, run_node: RunNode, autojump_clock: MockClock
) -> None:
    """What it has given back it leaves to those that stay, though one of them has stopped."""
    stalled = TrippingStore(store)
    async with run_node("one") as one, run_node("stalled", on=stalled.store):
        await trio.sleep(SETTLED_S)
        one.queues.leave()
        stalled.unplug()
        await trio.sleep(NOTICED_S)
        one.error_lines.clear()
        await trio.sleep(3 * LEASE_MS / 1000)
        assert await counts(one) == {None: 4}
        assert [line for line in one.error_lines if "PRIMARY" in line["event"]] == []


async def test_node_that_is_leaving_takes_nothing_more(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """Not even a queue that is free."""
    async with run_node("one", hanging()) as one:
        await trio.sleep(SETTLED_S)
        await one.push(category="a")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.queues.drain)
            await trio.sleep(10)
            assert await owners(one) == {"a": "one", "b": None, "c": None, "d": None}
            nursery.cancel_scope.cancel()


async def test_leases_of_a_node_that_stands_still_lapse(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """The others have its queues when the lease has ended, and one look more."""
    stalled = TrippingStore(store)
    async with run_node("stalled", on=stalled.store):
        await trio.sleep(SETTLED_S)
        async with run_node("two") as two:
            await trio.sleep(SETTLED_S)
            stalled.unplug()
            await trio.sleep(LEASE_MS / 1000 + NOTICED_S)
            assert await counts(two) == {"two": 4}


async def test_queues_of_a_node_that_ends_right_after_it_was_given_them_are_taken_back_at_once(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """Who let them go does not leave them to others any longer."""
    stalled, marks = TrippingStore(store), UnmarkedStore(store)
    async with run_node("one", on=marks.store) as one:
        await trio.sleep(SETTLED_S)
        async with run_node("two", on=stalled.store):
            with trio.fail_after(SETTLED_S):
                while await counts(one) != {"one": 2, "two": 2}:
                    await trio.sleep(0.01)
            stalled.unplug()
            marks.unmarked = "two"
            await trio.sleep((LOOKS + 1) * LOOK_INTERVAL_S)
            assert await counts(one) == {"one": 4}


async def test_queues_and_jobs_stay_where_they_are_while_the_store_is_away(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """For longer than leases last: who comes back first does not take everything, and no job runs again."""
    ways = TrippingStore(store), TrippingStore(store)
    workers = answering(SUCCESS, after_s=20)
    async with (
        run_node("one", workers, on=ways[0].store) as one,
        run_node("two", workers, on=ways[1].store),
    ):
        await trio.sleep(SETTLED_S)
        before = await owners(one)
        for name in QUEUES:
            await one.push(category=name)
        await workers.wait_for_calls(4)
        for way in ways:
            way.unplug()
        await trio.sleep(3 * LEASE_MS / 1000)
        for way in ways:
            way.plug_in()
            await trio.sleep(RENEWAL_INTERVAL_S + NOTICED_S)
        assert await owners(one) == before
        await trio.sleep(20)
        assert len(workers.calls) == 4


async def test_jobs_run_once_while_queues_move(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """Queues that are busy with short jobs change hands, and no job is lost, run twice or held up."""
    started: list[bytes] = []

    async def answer(call: Call) -> Result:
        started.append(call.body)
        await trio.sleep(0.05)
        return SUCCESS

    async def push() -> None:
        for number in range(400):
            await one.push(category=QUEUES[number % 4], payload=b"%d" % number)
            await trio.sleep(0.02)

    workers = ScriptedWorkers(answer)
    async with run_node("one", workers) as one, trio.open_nursery() as nursery:
        nursery.start_soon(push)
        await trio.sleep(2)
        async with run_node("two", workers) as two, run_node("three", workers) as three:
            await trio.sleep(4)
            assert len(await counts(one)) == 3
            await two.queues.drain()
            await three.queues.drain()
        await trio.sleep(2)
    ran = Counter(map(int, started))
    assert {number: ran[number] for number in range(400) if ran[number] != 1} == {}
    gaps = [later.at_s - call.at_s for call, later in zip(workers.calls, workers.calls[1:], strict=False)]
    assert max(gaps) < 1


async def test_queues_with_long_jobs_are_not_held_up_by_tries_to_move_them(
    store: Store, run_node: RunNode, autojump_clock: MockClock
) -> None:
    """Each try keeps a queue from starting jobs for half a second, and the next one comes much later."""
    workers = answering(SUCCESS, after_s=5)
    async with run_node("one", workers) as one:
        await trio.sleep(SETTLED_S)
        for _ in range(100):
            for name in QUEUES:
                await one.push(category=name)
        async with run_node("two", workers):
            await trio.sleep(LETTING_GO_AGAIN_S)
            started = len(workers.calls)
            await trio.sleep(40)
            # Two workers a queue and five seconds a job, less what the tries cost.
            assert len(workers.calls) - started >= 0.8 * 4 * 2 * 40 / 5
            assert workers.most_in_flight == 4 * 2


async def test_queue_that_is_let_go_hands_its_waiting_jobs_over(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """They run on the new owner; the old one counts them no more as its own to start."""
    async with run_node("one", hanging()) as one:
        await trio.sleep(SETTLED_S)
        theirs = answering(SUCCESS)
        async with run_node("two", theirs) as two:
            await trio.sleep(SETTLED_S)
            moved, *_ = [name for name, node in (await owners(two)).items() if node == "two"]
            await one.push(category=moved)
            with trio.fail_after(1):
                await two.wait_until_empty(moved)
            assert len(theirs.calls) == 1


async def test_throttle_of_an_inherited_queue_begins_empty(
    store: Store,
    run_node: RunNode,
    autojump_clock: MockClock,
) -> None:
    """Two nodes one after the other start no more jobs than one would have (I6)."""
    await store.put_queue(QueueDefinition("a", 100, 20, max_dispatches_per_second=2.0, max_burst_size=10))
    first, second = answering(SUCCESS), answering(SUCCESS)
    async with run_node("one", first) as one:
        for _ in range(100):
            await one.push(category="a")
        await first.wait_for_calls(10)
        await trio.testing.wait_all_tasks_blocked()
    began_s = trio.current_time()
    async with run_node("two", second):
        await trio.sleep(10)
    assert second.calls
    assert len(first.calls) + len(second.calls) <= 10 + 2 * (trio.current_time() - began_s) + 2


async def test_job_that_is_deleted_on_another_node_has_its_call_cancelled(
    store: Store, run_node: RunNode, autojump_clock: MockClock
) -> None:
    """Within a second, wherever the queue is owned (I12); its worker slot is free again."""
    workers = hanging()
    async with run_node("one", workers) as one:
        await trio.sleep(SETTLED_S)
        job_id = await one.push(category="a")
        other = await one.push(category="a")
        await workers.wait_for_calls(2)
        await store.delete_job("a", job_id)
        await trio.sleep(1)
        assert workers.in_flight == 1
        assert await one.jobs(JobSet.RUNNING, "a") == [other]
        assert (await store.failures(FailureQuery("a", 10))).items == []


async def test_calls_of_deleted_jobs_are_cancelled_when_the_store_is_back(
    store: Store, run_node: RunNode, autojump_clock: MockClock
) -> None:
    """A look that failed is made up for."""
    workers = hanging()
    tripping = TrippingStore(store)
    async with run_node("one", workers, on=tripping.store) as one:
        await trio.sleep(SETTLED_S)
        job_id = await one.push(category="a")
        await workers.wait_for_calls(1)
        tripping.unplug("missing_jobs")
        await store.delete_job("a", job_id)
        await trio.sleep(LEASE_MS / 1000)
        assert workers.in_flight == 1
        tripping.plug_in()
        await trio.sleep(1)
        assert workers.in_flight == 0


async def test_queue_is_not_held_back_for_longer_than_letting_go_takes(
    store: Store, run_node: RunNode, autojump_clock: MockClock
) -> None:
    """A direct start is possible again right after a try that failed."""
    async with run_node("one", hanging()) as one:
        await trio.sleep(SETTLED_S)
        for name in QUEUES:
            await one.push(category=name)
        async with run_node("two"):
            await trio.sleep(RENEWAL_INTERVAL_S + LETTING_GO_S + 0.5)
            assert await counts(one) == {"one": 4}
            await one.push(category="a")
            await trio.testing.wait_all_tasks_blocked()
            assert len(await one.jobs(JobSet.RUNNING, "a")) == 2
