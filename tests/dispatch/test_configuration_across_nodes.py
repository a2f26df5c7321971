"""Definitions and routings that change on one node, as another node on the same store sees them.

Nodes here do not look for changes by themselves unless a test says so: what happens before the next look is
told apart from what happens after it.
"""

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.lagging_store import LaggingStore
from tests.dispatch.push_side import (
    SUCCESS,
    Call,
    PushSide,
    ScriptedWorkers,
    answering,
    hanging,
    open_memory_store,
    open_push_side,
    order,
)
from tests.dispatch.shared_database import NEVER_MS, OpenNode, until
from tests.dispatch.tripping_store import TrippingStore
from trioworq.core.errors import NoSuchQueue, NoSuchRoute
from trioworq.core.jobs import Job
from trioworq.core.queues import QueueDefinition
from trioworq.core.results import Result
from trioworq.core.routing import Routing
from trioworq.core.stats import QueueStats
from trioworq.stores.interface import JobSet


def gated_by(gate: trio.Event) -> ScriptedWorkers:
    """Return workers that answer once a gate is open."""

    async def answer(_call: Call) -> Result:
        await gate.wait()
        return SUCCESS

    return ScriptedWorkers(answer)


def stats_of(side: PushSide, queue: str) -> QueueStats:
    """Return the counters of a queue that runs on a node."""
    stats = side.queues.stats(queue)
    assert stats is not None
    return stats


async def waiting_jobs(side: PushSide, queue: str) -> int:
    """Count the jobs of a queue that wait."""
    return len(await side.jobs(JobSet.WAITING, queue))


async def test_what_one_node_changes_comes_in_force_on_the_others(open_node: OpenNode) -> None:
    """Queues and routings, made, changed and deleted: all within the refresh interval and a look."""
    async with open_node("b", refresh_interval_ms=50) as b, open_node("a") as a:
        await a.define("q", max_workers=3)
        await a.queues.routings.put(Routing("x", "q"))
        await until(lambda: b.queues.routings.get("x") == Routing("x", "q"))
        await until(lambda: b.queues.stats("q") is not None)
        await until(lambda: max(stats_of(a, "q").total_workers, stats_of(b, "q").total_workers) == 3)
        await a.define("q", max_workers=5)
        await until(lambda: max(stats_of(a, "q").total_workers, stats_of(b, "q").total_workers) == 5)
        await a.define("r")
        await a.queues.routings.put(Routing("x", "r"))
        await until(lambda: b.queues.routings.get("x") == Routing("x", "r"))
        await a.queues.routings.delete("x")
        await a.queues.definitions.undefine("q")
        await until(lambda: b.queues.routings.get("x") is None)
        await until(lambda: b.queues.stats("q") is None)


async def test_a_push_through_a_routing_that_is_new_here_works_at_once(open_node: OpenNode) -> None:
    """Neither the queue nor the routing has been seen yet, and no default queue would take the job."""
    async with open_node("a") as a, open_node("b") as b:
        await a.define("q")
        await a.queues.routings.put(Routing("x", "q"))
        assert (await b.queues.push(order(category="x"))).queue == "q"
        await until(lambda: stats_of(a, "q").total_successes + stats_of(b, "q").total_successes == 1)


async def test_a_routing_that_is_new_here_is_found_for_a_batch_too(open_node: OpenNode) -> None:
    """The jobs that nothing takes are refused after that look, the others stored."""
    async with open_node("a") as a, open_node("b") as b:
        await a.define("q")
        await a.queues.routings.put(Routing("x", "q"))
        first, second = await b.queues.push_many([order(category="none"), order(category="x")])
        assert isinstance(first, NoSuchRoute)
        assert isinstance(second, Job)
        assert second.queue == "q"


async def test_a_push_to_a_queue_that_is_new_here_works_at_once(open_node: OpenNode) -> None:
    """The routing is known and its queue is not, since it was deleted and made again (contract §1.9)."""
    async with open_node("a") as a, open_node("b") as b:
        await a.define("q")
        await a.queues.routings.put(Routing("x", "q"))
        await a.queues.definitions.undefine("q")
        await b.queues.definitions.refresh()
        with pytest.raises(NoSuchQueue):
            await b.push(category="x")
        await a.define("q")
        assert (await b.queues.push(order(category="x"))).queue == "q"
        assert stats_of(b, "q").total_pushes == 1


async def test_a_category_that_was_moved_before_its_queue_was_deleted_is_found(open_node: OpenNode) -> None:
    """The queue that this node knows for it is gone, so the store is asked which it is now."""
    async with open_node("a") as a, open_node("b") as b:
        await a.define("old")
        await a.queues.routings.put(Routing("x", "old"))
        await b.queues.definitions.refresh()
        await a.define("new")
        await a.queues.routings.put(Routing("x", "new"))
        await a.queues.definitions.undefine("old")
        # Reads all definitions, and no routing.
        await b.define("mine")
        assert (await b.queues.push(order(category="x"))).queue == "new"


async def test_until_the_next_look_a_routing_made_elsewhere_does_not_beat_the_default_queue(
    open_node: OpenNode,
) -> None:
    """A push is not held up to look for it; after the look it goes where the routing says."""
    async with open_node("a", default_queue="default") as a, open_node("b", default_queue="default") as b:
        await a.define("q")
        await a.queues.routings.put(Routing("x", "q"))
        assert (await b.queues.push(order(category="x"))).queue == "default"
        await b.queues.definitions.refresh()
        assert (await b.queues.push(order(category="x"))).queue == "q"


async def test_listing_the_routings_brings_them_in_force(open_node: OpenNode) -> None:
    """What `GET /routings` has shown is what the next push goes by (contract §1.6)."""
    async with open_node("a", default_queue="default") as a, open_node("b", default_queue="default") as b:
        await a.define("q")
        await a.queues.routings.put(Routing("x", "q"))
        assert await b.queues.routings.read() == [Routing("x", "q")]
        assert (await b.queues.push(order(category="x"))).queue == "q"


async def test_the_same_definition_given_to_two_nodes_is_in_force_on_both(open_node: OpenNode) -> None:
    """The second changes nothing in the store, and all the same is in force when it is answered."""
    async with open_node("b") as b, open_node("a") as a:
        await b.define("q", max_workers=20)
        await until(lambda: stats_of(b, "q").active_nodes == 1)
        await a.define("q", max_workers=2)
        await b.define("q", max_workers=2)
        assert stats_of(b, "q").total_workers == 2


async def test_a_queue_deleted_on_two_nodes_is_gone_on_both(open_node: OpenNode) -> None:
    """The second finds nothing to delete, and does not go on running it."""
    async with open_node("a") as a, open_node("b") as b:
        await a.define("q")
        await b.queues.definitions.require("q")
        assert await a.queues.definitions.undefine("q") is not None
        assert await b.queues.definitions.undefine("q") is None
        assert b.queues.stats("q") is None


async def test_a_job_pushed_after_its_queue_was_deleted_elsewhere_waits_for_the_queue(
    open_node: OpenNode,
) -> None:
    """Accepted until the next look, it is kept, and runs once the queue is defined again (I1)."""
    workers = answering(SUCCESS)
    async with open_node("a", workers) as a, open_node("b", workers) as b:
        await a.define("q")
        await a.queues.routings.put(Routing("x", "q"))
        await b.queues.definitions.refresh()
        await a.queues.definitions.undefine("q")
        await b.push(category="x")
        await b.queues.definitions.refresh()
        with pytest.raises(NoSuchQueue):
            await b.push(category="x")
        await a.define("q")
        await workers.wait_for_calls(1)


async def test_a_queue_made_anew_elsewhere_goes_on_with_its_jobs(open_node: OpenNode) -> None:
    """Within the interval, under another definition: the running job is not cut off, the others follow."""
    gate = trio.Event()
    workers = gated_by(gate)
    async with open_node("b", workers) as b, open_node("a", workers) as a:
        await b.define("q", max_workers=1)
        await b.queues.routings.put(Routing("x", "q"))
        for _ in range(3):
            await b.push(category="x")
        await workers.wait_for_calls(1)
        await a.queues.definitions.undefine("q")
        await a.define("q", max_workers=3)
        assert stats_of(b, "q").total_pushes == 3
        await b.queues.definitions.refresh()
        await workers.wait_for_calls(3)
        assert workers.in_flight == 3
        gate.set()
        await until(lambda: stats_of(b, "q").total_successes == 3)
        assert stats_of(b, "q").total_pushes == 3


async def test_a_queue_deleted_elsewhere_finishes_its_running_jobs_and_keeps_the_others(
    open_node: OpenNode,
) -> None:
    """Its counters are there again when it is, and what waited then runs (README 7)."""
    gate = trio.Event()
    workers = gated_by(gate)
    async with open_node("b", workers) as b, open_node("a", workers) as a:
        await b.define("q", max_workers=1)
        await b.queues.routings.put(Routing("x", "q"))
        for _ in range(2):
            await b.push(category="x")
        await workers.wait_for_calls(1)
        await a.queues.definitions.undefine("q")
        await b.queues.definitions.refresh()
        assert b.queues.stats("q") is None
        gate.set()
        await until(lambda: b.queues.running_jobs() == 0)
        assert len(workers.calls) == 1
        assert await waiting_jobs(b, "q") == 1
        await b.define("q", max_workers=2)
        await until(lambda: stats_of(b, "q").total_completes == 2)
        assert (stats_of(b, "q").total_pushes, stats_of(b, "q").total_successes) == (2, 2)


async def test_changes_elsewhere_disturb_no_other_queue(open_node: OpenNode) -> None:
    """While a worker hangs, other queues are made, changed and deleted at once, and it goes on (W6, W7)."""
    workers = hanging()
    async with open_node("b", workers) as b, open_node("a", workers) as a:
        for name in ("busy", "other"):
            await b.define(name)
        await b.queues.routings.put(Routing("x", "busy"))
        await until(lambda: stats_of(b, "busy").active_nodes == 1)
        await b.push(category="x")
        await workers.wait_for_calls(1)
        await a.define("other", max_workers=3)
        await b.queues.definitions.refresh()
        await a.queues.definitions.undefine("other")
        await a.define("new")
        await b.queues.definitions.refresh()
        assert b.queues.stats("other") is None
        assert b.queues.stats("new") is not None
        assert workers.in_flight == 1
        assert len(workers.calls) == 1
        assert stats_of(b, "busy").total_pushes == 1


async def test_a_default_queue_deleted_elsewhere_is_made_anew(open_node: OpenNode) -> None:
    """By whichever node looks first, with default settings; jobs that waited in it are not lost (§1.5)."""
    async with open_node("b", default_queue="default") as b, open_node("a", default_queue="default") as a:
        await a.define("default", max_workers=3)
        await b.push(run_after_s=3600)
        await a.queues.definitions.undefine("default")
        await b.queues.definitions.refresh()
        assert await b.store.queue("default") == QueueDefinition("default", 200, 20)
        assert len(await b.jobs(JobSet.DEFERRED)) == 1
        assert (await a.queues.push(order())).queue == "default"


async def test_a_default_queue_defined_while_it_is_being_made_anew_stays(autojump_clock: MockClock) -> None:
    """What a client has just been told is defined is not replaced by the default settings."""
    async with open_memory_store() as real:
        store = LaggingStore(real)
        async with (
            open_push_side(answering(SUCCESS), store=real, node_id="a", refresh_interval_ms=NEVER_MS) as a,
            open_push_side(
                answering(SUCCESS), store=store.store, node_id="b", refresh_interval_ms=NEVER_MS
            ) as b,
            trio.open_nursery() as nursery,
        ):
            await a.queues.definitions.undefine("default")
            store.keep_back("queues")
            nursery.start_soon(b.queues.definitions.refresh)
            await store.wait_for("queues")
            await a.define("default", max_workers=3)
            store.let_go("queues")
            await trio.testing.wait_all_tasks_blocked()
            assert await real.queue("default") == QueueDefinition("default", 200, 3)


async def test_while_the_store_is_away_all_stays_in_force(autojump_clock: MockClock) -> None:
    """The error log says so; once the store is back, what has changed meanwhile comes in force."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(answering(SUCCESS), store=store.store) as side:
            await side.define("q")
            await side.queues.routings.put(Routing("x", "q"))
            await trio.sleep(1.1)
            for method in ("revision", "routings", "queues"):
                store.unplug(method)
                await real.put_queue(QueueDefinition(f"during {method}", 200, 20))
                await real.put_routing(Routing(method, "q"))
                await trio.sleep(2.1)
                assert [line["event"] for line in side.error_lines].count(
                    "cannot look for changed queues; trying again"
                ) == 2
                side.error_lines.clear()
                assert (await side.queues.push(order(category="x"))).queue == "q"
                assert side.queues.stats(f"during {method}") is None
                store.plug_in()
                await trio.sleep(1.1)
                assert side.queues.routings.get(method) == Routing(method, "q")
                assert side.queues.stats(f"during {method}") is not None


async def test_what_nothing_takes_costs_one_small_read(autojump_clock: MockClock) -> None:
    """However many jobs of a batch it is, the table of routings is not read for them (contract W5)."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(
            answering(SUCCESS), store=store.store, default_queue="", refresh_interval_ms=NEVER_MS
        ) as side:
            store.counts.clear()
            refused = await side.queues.push_many([order(category=f"c{number}") for number in range(50)])
            assert {type(each) for each in refused} == {NoSuchRoute}
            assert (store.counts["revision"], store.counts["routings"], store.counts["queues"]) == (1, 0, 0)
