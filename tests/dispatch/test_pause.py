"""Paused push queues (README 19): nothing starts there, and nothing is lost."""

from functools import partial
from pathlib import Path

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.dispatch.gated_store import claim_behind, gated, in_place
from tests.dispatch.push_side import (
    FAILURE,
    SUCCESS,
    PushSide,
    ScriptedWorkers,
    answering,
    hanging,
    open_memory_store,
    open_push_side,
)
from tests.dispatch.tripping_store import TrippingStore
from trioworq.clock import Clock
from trioworq.core.jobs import JobState, Kind
from trioworq.core.routing import Routing
from trioworq.pauses import Pauses
from trioworq.stores.interface import JobSet
from trioworq.stores.sqlite.store import open_sqlite_store

# Nodes that came or went have evened out by then.
SETTLED_S = 30


async def pause(side: PushSide, queue: str = "default") -> None:
    """Pause a queue on a node."""
    await side.pauses.pause(Kind.PUSH, queue)


async def resume(side: PushSide, queue: str = "default") -> None:
    """Resume a queue on a node."""
    await side.pauses.resume(Kind.PUSH, queue)


def urls(workers: ScriptedWorkers) -> list[str]:
    """Return what was called, in order."""
    return [call.url for call in workers.calls]


async def test_a_paused_queue_takes_pushes_and_starts_none(autojump_clock: MockClock) -> None:
    """They wait, and are dispatched in order in the moment when the queue is resumed."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await side.define("default", max_workers=1)
        await pause(side)
        pushed = [await side.push(f"http://w/{number}") for number in range(3)]
        await trio.sleep(100)
        assert workers.calls == []
        assert await side.jobs(JobSet.WAITING) == pushed
        await resume(side)
        await wait_all_tasks_blocked()
        assert urls(workers) == [f"http://w/{number}" for number in range(3)]


async def test_running_jobs_go_on_through_a_pause(autojump_clock: MockClock) -> None:
    """They are settled as ever; what follows from them waits."""
    workers = answering(FAILURE, SUCCESS, after_s=5)
    async with open_push_side(workers) as side:
        await side.define("default", max_workers=2)
        await side.push("http://retried/", max_retries=1)
        await side.push("http://done/")
        await side.push("http://waiting/")
        await workers.wait_for_calls(2)
        await pause(side)
        await trio.sleep(60)
        assert side.queues.running_jobs() == 0
        stats = side.queues.stats("default")
        assert stats is not None
        assert (stats.total_successes, stats.total_failures, stats.total_pops) == (1, 1, 2)
        await resume(side)
        await side.wait_until_empty()
    assert sorted(urls(workers)[2:]) == ["http://retried/", "http://waiting/"]


async def test_what_falls_due_during_a_pause_waits_for_its_end(autojump_clock: MockClock) -> None:
    """Deferred jobs, that is; a job that is not due yet waits for its time too (I5)."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await side.push("http://due/", run_after_s=5)
        await side.push("http://later/", run_after_s=50)
        await pause(side)
        await trio.sleep(20)
        assert workers.calls == []
        await resume(side)
        await trio.sleep(1)
        assert urls(workers) == ["http://due/"]
        await side.wait_until_empty()


async def test_other_queues_go_on_during_a_pause(autojump_clock: MockClock) -> None:
    """A pull queue's pause has no say over the push queue of that name either."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await side.define("other")
        await side.queues.routings.put(Routing("x", "other"))
        await pause(side)
        await side.pauses.pause(Kind.PULL, "other")
        await side.push("http://paused/")
        await side.push("http://other/", category="x")
        await trio.sleep(10)
        assert urls(workers) == ["http://other/"]


async def test_a_paused_queue_asks_the_store_for_nothing(autojump_clock: MockClock) -> None:
    """However many jobs wait, and also with a throttle that has tokens again."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(answering(SUCCESS), store=store.store) as side:
            await side.define("default", max_dispatches_per_second=1.0, max_burst_size=1)
            await side.push()
            await side.wait_until_empty()
            await pause(side)
            for _ in range(10):
                await side.push()
            store.counts.clear()
            await trio.sleep(60)
            assert store.counts["claim"] == 0
            assert len(await side.jobs(JobSet.WAITING)) == 10


async def pause_elsewhere(folder: Path, side: PushSide) -> None:
    """Pause the default queue through another node on the same file, and wait until this one knows."""
    async with open_sqlite_store(folder / "jobs.db", node_id="other", new_runner=lambda: in_place) as store:
        await Pauses(store).pause(Kind.PUSH, "default")
    await trio.sleep(1)
    assert side.pauses.is_paused(Kind.PUSH, "default")


async def runs_after_the_pause(side: PushSide, workers: ScriptedWorkers, job_id: int) -> None:
    """Check that a job waits as if it had never been started, and that it runs when its queue is resumed."""
    await trio.sleep(10)
    assert workers.calls == []
    job = await side.store.job("default", job_id)
    assert job is not None
    assert (job.state, job.fail_count, job.retries_left) == (JobState.WAITING, 0, 2)
    await resume(side)
    await side.wait_until_empty()
    assert len(workers.calls) == 1


async def test_a_pause_during_a_claim_holds_for_what_it_brings(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The jobs are given back, with nothing counted against them (I4)."""
    workers = answering(SUCCESS)
    async with gated(workers, tmp_path, polling_interval_ms=200) as (side, gate):
        job_id = await side.push(run_after_s=1, max_retries=2)
        await claim_behind(gate, side, 1)
        await pause_elsewhere(tmp_path, side)
        gate.open()
        await runs_after_the_pause(side, workers, job_id)


async def test_a_pause_during_a_direct_start_holds_for_its_job(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """It was stored as running, and is given back."""
    workers = answering(SUCCESS)
    async with gated(workers, tmp_path) as (side, gate), trio.open_nursery() as clients:
        gate.close()
        clients.start_soon(partial(side.push, max_retries=2))
        await gate.wait_until_reached()
        (job_id,) = await side.jobs(JobSet.RUNNING)
        await pause_elsewhere(tmp_path, side)
        gate.open()
        await runs_after_the_pause(side, workers, job_id)


async def test_a_pause_outlives_the_process(autojump_clock: MockClock) -> None:
    """A node that starts reads what is paused before anything can start."""
    workers = answering(SUCCESS)
    async with open_memory_store() as store:
        async with open_push_side(hanging(), store=store, node_id="before") as side:
            await pause(side)
            await side.push()
        async with open_push_side(workers, store=store, node_id="after") as side:
            await trio.sleep(10)
            assert side.pauses.is_paused(Kind.PUSH, "default")
            assert workers.calls == []
            await resume(side)
            await side.wait_until_empty()


async def test_deleting_a_queue_ends_its_pause(autojump_clock: MockClock) -> None:
    """One that is made under its name, even at once, starts the jobs that were left."""
    workers = answering(SUCCESS)
    async with open_push_side(workers, default_queue="") as side:
        await side.define("q")
        await side.queues.routings.put(Routing("any", "q"))
        await pause(side, "q")
        await side.push()
        await side.queues.definitions.undefine("q")
        assert not side.pauses.is_paused(Kind.PUSH, "q")
        await side.define("q")
        with trio.fail_after(3):
            await side.wait_until_empty("q")


async def test_redefining_a_queue_leaves_it_paused(autojump_clock: MockClock) -> None:
    """What the definition says is another matter."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await pause(side)
        await side.define("default", max_workers=3)
        await side.push()
        await trio.sleep(10)
        assert workers.calls == []


async def test_a_pause_holds_on_other_nodes_within_a_second(autojump_clock: MockClock) -> None:
    """And ends there as soon: they notice at their next look round."""
    clock = Clock()
    workers = answering(SUCCESS)
    async with (
        open_memory_store() as store,
        open_push_side(workers, store=store, node_id="owner", clock=clock) as owner,
        open_push_side(answering(SUCCESS), store=store, node_id="other", clock=clock) as other,
    ):
        await owner.push()
        await owner.wait_until_empty()
        await pause(other)
        await trio.sleep(1)
        await owner.push()
        await other.push()
        await trio.sleep(10)
        assert len(workers.calls) == 1
        await resume(other)
        await trio.sleep(1)
        assert len(workers.calls) == 3


async def test_paused_queues_move_to_a_node_that_joins(autojump_clock: MockClock) -> None:
    """One with waiting jobs has none in hand, so it is let go; it stays paused there until it is resumed."""
    clock = Clock()
    workers = answering(SUCCESS)
    async with (
        open_memory_store() as store,
        open_push_side(hanging(), store=store, node_id="first", default_queue="", clock=clock) as first,
    ):
        for name in ("q", "r"):
            await first.define(name)
            await first.queues.routings.put(Routing(name, name))
            await pause(first, name)
            await first.push(category=name)
        async with open_push_side(
            workers, store=store, node_id="second", default_queue="", clock=clock
        ) as second:
            await trio.sleep(SETTLED_S)
            owners = {name: await first.queues.owner(name) for name in ("q", "r")}
            (moved,) = [name for name, owner in owners.items() if owner and owner.node_id == "second"]
            assert workers.calls == []
            await resume(first, moved)
            await workers.wait_for_calls(1)
            # A node that leaves gives a queue back at once, too.
            started_at_s = trio.current_time()
            await second.queues.drain()
            assert trio.current_time() - started_at_s < 1


async def test_a_node_with_paused_queues_stops_at_once(autojump_clock: MockClock) -> None:
    """Jobs that wait for a pause to end are not waited for (I15)."""
    async with open_push_side(answering(SUCCESS)) as side:
        await pause(side)
        await side.push()
        started_at_s = trio.current_time()
        await side.queues.drain()
        assert trio.current_time() - started_at_s < 1
        assert len(await side.jobs(JobSet.WAITING)) == 1


async def test_a_resume_that_was_missed_is_noticed_later(autojump_clock: MockClock) -> None:
    """A node that did not reach the store meanwhile catches up when it does."""
    clock = Clock()
    workers = answering(SUCCESS)
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(workers, store=store.store, node_id="away", clock=clock) as away:
            await pause(away)
            await away.push()
            store.unplug("look_round", "paused_queues")
            async with open_push_side(hanging(), store=real, node_id="other", clock=clock) as other:
                await resume(other)
                await trio.sleep(2)
                assert workers.calls == []
            store.plug_in()
            await trio.sleep(5)
    assert len(workers.calls) == 1
