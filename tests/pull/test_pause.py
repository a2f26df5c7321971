"""Paused pull queues (README 19): nobody is given a job there, and nothing else changes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.dispatch.gated_store import in_place, open_gated_store
from tests.dispatch.lagging_store import LaggingStore
from tests.dispatch.push_side import open_memory_store
from tests.dispatch.tripping_store import TrippingStore
from tests.pull.pull_side import PullSide, open_pull_side, order
from trioworq.core.jobs import Kind
from trioworq.pauses import Pauses
from trioworq.stores.interface import StoreUnavailable
from trioworq.stores.sqlite.store import open_sqlite_store


@pytest.fixture
async def side(autojump_clock: MockClock) -> AsyncIterator[PullSide]:
    """A node over an empty store, where q is paused."""
    async with open_memory_store() as store, open_pull_side(store) as opened:
        await pause(opened)
        yield opened


async def pause(side: PullSide) -> None:
    """Pause q."""
    await side.pauses.pause(Kind.PULL, "q")


async def resume(side: PullSide) -> None:
    """Resume q."""
    await side.pauses.resume(Kind.PULL, "q")


async def test_a_paused_queue_hands_out_nothing(side: PullSide, autojump_clock: MockClock) -> None:
    """Who does not wait is told so at once, who waits when that time is over."""
    await side.enqueue("a")
    started_at_s = trio.current_time()
    with trio.fail_after(1):
        assert await side.fetch() == []
    assert trio.current_time() == started_at_s
    assert await side.fetch(wait_s=20) == []
    assert trio.current_time() - started_at_s == pytest.approx(20)
    assert (await side.pull.job("q", "a")).attempt == 0


async def test_who_waits_is_served_when_the_queue_is_resumed(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """In the same moment, first come first served, also with what came in the meantime."""
    got: list[str] = []

    async def wait() -> None:
        got.extend(await side.fetch(wait_s=60))

    await side.enqueue("a")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(5)
        nursery.start_soon(wait)
        await side.enqueue("b")
        await trio.sleep(5)
        assert got == []
        await resume(side)
        await wait_all_tasks_blocked()
        assert sorted(got) == ["a", "b"]


async def test_a_job_that_falls_due_after_the_pause_is_found(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """In the very moment: those who waited through the pause are looked after as before it (I5)."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(side.fetch, 1, 60)
        await trio.sleep(1)
        due_at_s = trio.current_time() + 10.25
        await side.enqueue("a", run_at_ms=side.after(10.25))
        await trio.sleep(10.05)
        await resume(side)
        await trio.sleep_until(due_at_s - 0.01)
        assert side.pull.counters.fetched == 0
        await trio.sleep_until(due_at_s + 0.01)
        assert side.pull.counters.fetched == 1


async def test_other_queues_go_on_during_a_pause(side: PullSide, autojump_clock: MockClock) -> None:
    """A push queue's pause has no say over the pull queue of that name either."""
    await side.enqueue("a", queue="other")
    assert await side.fetch(queue="other") == ["a"]


async def test_jobs_in_workers_hands_are_kept_and_ended_during_a_pause(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """Heartbeats, completions and leases that end are as ever; what waits again waits for the end."""
    await resume(side)
    await side.enqueue("kept", "done", "lost", max_retries=1)
    for _ in range(3):
        await side.fetch_one()
    await pause(side)
    await side.pull.complete("q", "done")
    await trio.sleep(20)
    await side.pull.heartbeat("q", "kept")
    await trio.sleep(20)
    assert (side.pull.counters.timed_out, side.pull.counters.completed) == (1, 1)
    assert await side.fetch(3) == []
    await side.pull.reschedule(order("kept"))
    assert await side.fetch(3) == []
    await resume(side)
    assert sorted(await side.fetch(3)) == ["kept", "lost"]


async def test_workers_that_wait_at_a_paused_queue_cost_the_store_nothing(
    autojump_clock: MockClock,
) -> None:
    """Nobody looks for jobs there; leases are looked after as on an idle node."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_pull_side(store.store) as side, trio.open_nursery() as nursery:
            await pause(side)
            await side.enqueue("a")
            nursery.start_soon(side.fetch, 1, 60)
            await trio.sleep(1)
            store.counts.clear()
            await trio.sleep(10)
            assert store.counts["take"] == 0
            assert store.counts["outlook"] <= 10 / 0.5 + 1
            nursery.cancel_scope.cancel()


async def test_who_asks_in_the_moment_of_a_pause_is_answered(autojump_clock: MockClock) -> None:
    """Whichever of the two comes first, which is up to Trio: so it is tried some times."""
    for _ in range(20):
        async with open_memory_store() as real:
            store = LaggingStore(real)
            async with open_pull_side(store.store) as side:
                store.keep_back("set_paused")
                with trio.fail_after(5):
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(pause, side)
                        await store.wait_for("set_paused")
                        store.let_go("set_paused")
                        nursery.start_soon(side.fetch)


async def test_a_pause_during_a_look_sends_those_away_who_do_not_wait(autojump_clock: MockClock) -> None:
    """Whether or not the look shows a job."""
    for keys in ((), ("a",)):
        async with open_memory_store() as real:
            store = LaggingStore(real)
            async with open_pull_side(store.store) as side, trio.open_nursery() as nursery:
                await side.enqueue(*keys)
                store.keep_back("outlook")
                nursery.start_soon(side.fetch)
                await store.wait_for("outlook")
                await pause(side)
                store.let_go("outlook")
                with trio.fail_after(1):
                    while side.pull.waiting_workers:
                        await trio.sleep(0.01)
                assert side.pull.counters.fetched == 0


async def test_a_pause_during_a_take_holds_for_what_it_brings(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The jobs wait again as if they had never been handed out (I4); who waits for one goes on waiting."""
    async with open_gated_store(tmp_path) as (store, gate), open_pull_side(store) as side:
        await side.enqueue("a", "b")
        got: list[list[str]] = []

        async def fetch(wait_s: float) -> None:
            got.append(await side.fetch(wait_s=wait_s))

        async with trio.open_nursery() as nursery:
            gate.close()
            nursery.start_soon(fetch, 0)
            nursery.start_soon(fetch, 60)
            await gate.wait_until_reached()
            async with open_sqlite_store(
                tmp_path / "jobs.db", node_id="other", new_runner=lambda: in_place
            ) as other:
                await Pauses(other).pause(Kind.PULL, "q")
            await side.pauses.catch_up()
            gate.open()
            await trio.sleep(10)
            assert got == [[]]
            assert side.pull.counters.returned == 2
            await resume(side)
        assert got == [[], ["a"]]
        assert (await side.fetch_one()).tries == 1


async def test_a_store_that_is_away_does_not_end_a_wait_at_a_paused_queue(
    autojump_clock: MockClock,
) -> None:
    """Nothing is asked of it; a resume that it does not hear of is refused."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_pull_side(store.store) as side, trio.open_nursery() as nursery:
            await pause(side)
            await side.enqueue("a")
            nursery.start_soon(side.fetch, 1, 60)
            await trio.sleep(1)
            store.unplug()
            with pytest.raises(StoreUnavailable):
                await resume(side)
            await trio.sleep(10)
            store.plug_in()
            await resume(side)
            await trio.sleep(1)
            assert side.pull.counters.fetched == 1


async def test_a_stop_lets_those_go_who_wait_at_a_paused_queue(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """At once, and without a job (I15)."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(side.fetch, 1, 60)
        await trio.sleep(1)
        side.pull.leave()
        with trio.fail_after(1):
            while side.pull.waiting_workers:
                await trio.sleep(0.01)
