"""All queues of a node in numbers."""

import trio
from trio.testing import MockClock

from tests.dispatch.push_side import (
    FAILURE,
    PERMANENT,
    SUCCESS,
    answering,
    hanging,
    open_memory_store,
    open_push_side,
)
from tests.dispatch.tripping_store import TrippingStore
from trioworq.core.routing import Routing


async def test_jobs_are_counted_by_what_became_of_them(autojump_clock: MockClock) -> None:
    """Over all queues, and still after one is deleted."""
    async with open_push_side(answering(SUCCESS, FAILURE, SUCCESS, PERMANENT, after_s=0.5)) as side:
        await side.define("q")
        await side.queues.routings.put(Routing("x", "q"))
        for category in ("any", "x", "any"):
            await side.push(category=category, max_retries=1)
            await side.wait_until_empty("q" if category == "x" else "default")
        await side.queues.definitions.undefine("q")
        summary = side.queues.summary()
    assert (summary.pushed, summary.started) == (3, 4)
    assert (summary.succeeded, summary.retried, summary.failed, summary.released) == (2, 1, 1, 0)
    assert 2.0 <= summary.elapsed_s <= 3.0


async def test_a_job_that_is_given_back_is_counted_as_released(autojump_clock: MockClock) -> None:
    """Its attempt began and has no outcome."""
    async with open_memory_store() as store:
        workers = hanging()
        async with open_push_side(workers, store=store) as side:
            await side.push()
            await workers.wait_for_calls(1)
        summary = side.queues.summary()
    assert (summary.started, summary.released) == (1, 1)
    assert (summary.succeeded, summary.retried, summary.failed) == (0, 0, 0)


async def test_queues_are_counted_by_what_this_node_does_for_them(autojump_clock: MockClock) -> None:
    """It dispatches some, stands by for others, and ends the jobs of some that are no longer defined."""
    workers = hanging()
    async with (
        open_memory_store() as store,
        open_push_side(workers, store=store, node_id="a") as a,
        open_push_side(workers, store=store, node_id="b") as b,
    ):
        await a.define("q", max_workers=3)
        await a.queues.routings.put(Routing("x", "q"))
        # The two are spread over the nodes: one moves.
        await trio.sleep(3)
        await a.push(category="x")
        await workers.wait_for_calls(1)
        summary = a.queues.summary()
        assert (summary.active_queues, summary.backup_queues, summary.draining_queues) == (1, 1, 0)
        assert (summary.held_leases, summary.worker_slots, summary.calls) == (1, 3, 1)
        summary = b.queues.summary()
        assert (summary.active_queues, summary.backup_queues, summary.draining_queues) == (1, 1, 0)
        assert (summary.held_leases, summary.worker_slots, summary.calls) == (1, 20, 0)
        await a.queues.definitions.undefine("q")
        summary = a.queues.summary()
        assert (summary.active_queues, summary.backup_queues, summary.draining_queues) == (0, 1, 1)
        assert (summary.held_leases, summary.worker_slots, summary.calls) == (1, 0, 1)


async def test_a_call_that_has_ended_counts_as_unsettled_until_its_outcome_is_stored(
    autojump_clock: MockClock,
) -> None:
    """While the store is away, such jobs are neither running nor done."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(answering(SUCCESS, after_s=0.5), store=store.store) as side:
            store.unplug("settle")
            await side.push()
            await trio.sleep(0.2)
            assert (side.queues.summary().calls, side.queues.summary().unsettled) == (1, 0)
            await trio.sleep(1)
            assert (side.queues.summary().calls, side.queues.summary().unsettled) == (0, 1)
            store.plug_in()
            await side.wait_until_empty()
            assert (side.queues.summary().calls, side.queues.summary().unsettled) == (0, 0)
