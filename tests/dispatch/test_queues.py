"""Definitions, routings, pushes and counters of a node's queues."""

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.lagging_store import LaggingStore
from tests.dispatch.push_side import (
    FAILURE,
    SUCCESS,
    PushSide,
    answering,
    hanging,
    open_memory_store,
    open_push_side,
    order,
)
from tests.dispatch.tripping_store import TrippingStore
from trioworq.core.errors import InvalidRequest, NoSuchQueue, NoSuchRoute
from trioworq.core.queues import QueueDefinition
from trioworq.core.routing import Routing
from trioworq.core.stats import QueueStats
from trioworq.stores.interface import JobSet, StoreUnavailable


def stats_of(side: PushSide, queue: str = "default") -> QueueStats:
    """Return the counters of a queue that runs."""
    stats = side.queues.stats(queue)
    assert stats is not None
    return stats


async def test_the_default_queue_is_made_at_the_start(autojump_clock: MockClock) -> None:
    """It gets the default settings (contract README 2)."""
    async with open_push_side(answering(SUCCESS)) as side:
        assert await side.store.queue("default") == QueueDefinition("default", 200, 20)


async def test_a_default_queue_that_exists_is_left_as_it_is(autojump_clock: MockClock) -> None:
    """A restart does not reset its definition."""
    async with open_memory_store() as store:
        async with open_push_side(answering(SUCCESS), store=store) as side:
            await side.define("default", max_workers=3)
        async with open_push_side(answering(SUCCESS), store=store, node_id="next") as side:
            assert await side.store.queue("default") == QueueDefinition("default", 200, 3)


async def test_without_a_default_queue_an_unknown_category_is_refused(autojump_clock: MockClock) -> None:
    """Nothing takes it, so nothing is stored (contract §1.9)."""
    async with open_push_side(answering(SUCCESS), default_queue="") as side:
        with pytest.raises(NoSuchRoute, match="No routing of job category 'x' exists"):
            await side.push(category="x")
        assert await side.store.queues() == []


async def test_a_routing_beats_the_default_queue(autojump_clock: MockClock) -> None:
    """A category goes where its routing says, and back to the default when that is removed."""
    async with open_push_side(answering(SUCCESS)) as side:
        await side.define("special")
        await side.queues.routings.put(Routing("x", "special"))
        assert side.queues.routings.get("x") == Routing("x", "special")
        assert (await side.queues.push(order(category="x"))).queue == "special"
        assert await side.queues.routings.delete("x") == Routing("x", "special")
        assert side.queues.routings.get("x") is None
        assert (await side.queues.push(order(category="x"))).queue == "default"


async def test_a_routing_to_an_undefined_queue_is_refused(autojump_clock: MockClock) -> None:
    """It raises NoSuchQueue and changes nothing (contract §1.6)."""
    async with open_push_side(answering(SUCCESS)) as side:
        with pytest.raises(NoSuchQueue):
            await side.queues.routings.put(Routing("x", "none"))
        assert side.queues.routings.get("x") is None


async def test_a_push_through_a_routing_whose_queue_is_gone_is_refused(autojump_clock: MockClock) -> None:
    """It raises NoSuchQueue and stores nothing (contract README 25)."""
    async with open_push_side(answering(SUCCESS)) as side:
        await side.define("gone")
        await side.queues.routings.put(Routing("x", "gone"))
        await side.queues.definitions.undefine("gone")
        with pytest.raises(NoSuchQueue):
            await side.push(category="x")
        await side.define("gone")
        assert await side.jobs(JobSet.WAITING, "gone") == []


async def test_a_delay_that_no_store_can_hold_is_refused(autojump_clock: MockClock) -> None:
    """run_after is checked against the range of next_try."""
    async with open_push_side(answering(SUCCESS)) as side:
        with pytest.raises(InvalidRequest, match="run_after"):
            await side.push(run_after_s=2**63 // 1000)
        assert stats_of(side).total_pushes == 0


async def test_a_deleted_default_queue_comes_back_with_default_settings(autojump_clock: MockClock) -> None:
    """It is gone at once, and made anew at the next look for changes (contract §1.5)."""
    async with open_push_side(answering(SUCCESS)) as side:
        await side.define("default", max_workers=3)
        await side.queues.definitions.undefine("default")
        with pytest.raises(NoSuchQueue):
            await side.push()
        await trio.sleep(1.1)
        assert await side.store.queue("default") == QueueDefinition("default", 200, 20)
        await side.push()
        await side.wait_until_empty()


async def test_jobs_of_a_deleted_queue_come_back_with_it(autojump_clock: MockClock) -> None:
    """Deleting a queue leaves its jobs; defining it again runs them (contract §1.5)."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await side.define("q")
        await side.queues.routings.put(Routing("x", "q"))
        await side.push(category="x", run_after_s=5)
        await side.queues.definitions.undefine("q")
        await trio.sleep(10)
        assert workers.calls == []
        assert side.queues.stats("q") is None
        await side.define("q")
        await side.wait_until_empty("q")
        assert len(workers.calls) == 1


async def test_changing_a_queue_waits_for_no_job_and_stops_no_job(autojump_clock: MockClock) -> None:
    """PUT and DELETE return at once while a worker hangs, and other queues go on (README 7, W6, W7)."""
    workers = hanging()
    async with open_push_side(workers) as side:
        await side.define("q", max_workers=1)
        await side.queues.routings.put(Routing("x", "q"))
        for _ in range(3):
            await side.push(category="x")
        await workers.wait_for_calls(1)
        started_at_s = trio.current_time()
        await side.define("q", max_workers=2)
        await workers.wait_for_calls(2)
        await side.define("q", max_workers=1)
        await side.queues.definitions.undefine("q")
        await side.define("q", max_workers=1)
        assert trio.current_time() - started_at_s < 0.1
        assert workers.in_flight == 2
        await trio.sleep(5)
        # One slot is wanted and two are busy: nothing starts until both are free again.
        assert len(workers.calls) == 2
        assert stats_of(side, "q").idle_workers == 0


async def test_counters_survive_every_change_of_the_queue(autojump_clock: MockClock) -> None:
    """Redefining or deleting a queue resets nothing (README 7)."""
    async with open_push_side(answering(SUCCESS)) as side:
        await side.define("q")
        await side.queues.routings.put(Routing("x", "q"))
        await side.push(category="x")
        await side.wait_until_empty("q")
        before = stats_of(side, "q").total_successes
        await side.define("q", max_workers=7)
        await side.queues.definitions.undefine("q")
        await side.define("q")
        assert before == stats_of(side, "q").total_successes == 1
        assert stats_of(side, "q").total_pushes == 1


async def test_counters_count_attempts_and_ends(autojump_clock: MockClock) -> None:
    """Pops count retries again; failures count attempts; completes count ended jobs (contract §1.7)."""
    async with open_push_side(answering(FAILURE, FAILURE, SUCCESS, after_s=0.5)) as side:
        await side.push(max_retries=1)
        await side.wait_until_empty()
        await side.push()
        await side.wait_until_empty()
        stats = stats_of(side)
    assert (stats.total_pushes, stats.total_pops) == (2, 3)
    assert (stats.total_successes, stats.total_failures) == (1, 2)
    assert (stats.total_permanent_failures, stats.total_completes) == (1, 2)
    assert 1500 <= stats.total_elapsed <= 2500


async def test_a_queue_defined_on_another_node_takes_pushes_at_once(autojump_clock: MockClock) -> None:
    """A name that this node does not know yet is looked up in the store (contract §1.9)."""
    async with (
        open_memory_store() as store,
        open_push_side(answering(SUCCESS), store=store, node_id="a") as a,
        open_push_side(answering(SUCCESS), store=store, node_id="b") as b,
    ):
        await a.define("new")
        await b.queues.definitions.require("new")
        await b.queues.routings.put(Routing("x", "new"))
        assert (await b.queues.push(order(category="x"))).queue == "new"
        await b.wait_until_empty("new")


async def test_changes_made_on_another_node_arrive_within_the_refresh_interval(
    autojump_clock: MockClock,
) -> None:
    """Definitions, routings and deletions follow the store's revision."""
    async with (
        open_memory_store() as store,
        open_push_side(answering(SUCCESS), store=store, node_id="a") as a,
        open_push_side(answering(SUCCESS), store=store, node_id="b") as b,
    ):
        await a.define("new", max_workers=4)
        await a.queues.routings.put(Routing("x", "new"))
        await trio.sleep(1.1)
        assert b.queues.stats("new") is not None
        assert b.queues.routings.get("x") == Routing("x", "new")
        await a.queues.routings.delete("x")
        await a.queues.definitions.undefine("new")
        await trio.sleep(1.1)
        assert b.queues.stats("new") is None
        assert b.queues.routings.get("x") is None


async def test_a_routing_stays_in_force_through_a_reload_that_began_before_it(
    autojump_clock: MockClock,
) -> None:
    """Whoever was told of a change of routings does not see the state before it again."""
    async with open_memory_store() as real:
        store = LaggingStore(real)
        async with (
            open_push_side(answering(SUCCESS), store=store.store) as side,
            trio.open_nursery() as users,
        ):
            await side.queues.routings.put(Routing("gone", "default"))
            store.keep_back("routings")
            await real.put_queue(QueueDefinition("elsewhere", 200, 20))
            await store.wait_for("routings")
            users.start_soon(side.queues.routings.put, Routing("new", "default"))
            users.start_soon(side.queues.routings.delete, "gone")
            await trio.testing.wait_all_tasks_blocked()
            store.let_go("routings")
            await trio.testing.wait_all_tasks_blocked()
            assert side.queues.routings.get("new") == Routing("new", "default")
            assert side.queues.routings.get("gone") is None


async def test_a_push_starts_its_job_at_once(autojump_clock: MockClock) -> None:
    """With a free worker slot it does not wait for the next poll (design §4)."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await side.define("default", polling_interval_ms=60_000)
        await side.push()
        await side.wait_until_empty()
        pushed_at = trio.current_time()
        await side.push()
        await workers.wait_for_calls(2)
        assert workers.calls[1].at_s - pushed_at < 0.1


async def test_a_push_that_cannot_be_stored_is_not_counted(autojump_clock: MockClock) -> None:
    """StoreUnavailable reaches the caller, and no line and no count says otherwise (I2)."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(answering(SUCCESS), store=store.store) as side:
            store.unplug("push")
            with pytest.raises(StoreUnavailable):
                await side.push()
            assert stats_of(side).total_pushes == 0
            assert side.queue_lines == []


async def test_draining_ends_while_the_store_still_changes(autojump_clock: MockClock) -> None:
    """A queue defined on another node during the stop is not started any more."""
    async with open_memory_store() as store:
        async with open_push_side(answering(SUCCESS, after_s=3.0), store=store) as side:
            await side.push()
            await trio.sleep(0.5)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(side.queues.drain)
                await trio.sleep(0.5)
                await store.put_queue(QueueDefinition("late", 200, 1))
                await trio.sleep(1.5)
                assert side.queues.stats("late") is None
        assert side.queues.running_jobs() == 0
