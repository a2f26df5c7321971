"""Takes that are under way: what shares a transaction, and what becomes of jobs whose worker has gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.dispatch.gated_store import Gate, open_gated_store
from tests.pull.pull_side import PullSide, open_pull_side
from trioworq.stores.interface import StoreUnavailable


@asynccontextmanager
async def gated(folder: Path) -> AsyncIterator[tuple[PullSide, Gate]]:
    """Run a node over a store whose transactions can be answered late."""
    async with open_gated_store(folder) as (store, gate), open_pull_side(store) as side:
        yield side, gate


def transactions(side: PullSide) -> int:
    """Count what the store has committed."""
    *_, (_, count) = side.store.commits.sizes.cumulative()
    return count


async def test_a_job_and_the_take_for_one_who_waits_share_a_transaction(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """So that the worker has the job as soon as its client knows that it is stored."""
    async with gated(tmp_path) as (side, _), trio.open_nursery() as nursery:
        nursery.start_soon(side.fetch, 1, 60)
        await trio.sleep(1)
        before = transactions(side)
        await side.enqueue("a")
        await wait_all_tasks_blocked()
        assert transactions(side) - before == 1
        assert side.pull.counters.fetched == 1


async def test_workers_who_ask_at_once_share_a_take(autojump_clock: MockClock, tmp_path: Path) -> None:
    """Each gets another job."""
    async with gated(tmp_path) as (side, _):
        await side.enqueue(*map(str, range(50)))
        before = transactions(side)
        got: list[str] = []

        async def work() -> None:
            got.extend(await side.fetch())

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(work)
        assert sorted(got, key=int) == list(map(str, range(50)))
        assert transactions(side) - before <= 2


@pytest.mark.parametrize("wait_s", [0, 60])
async def test_a_job_whose_worker_left_during_the_take_waits_again(
    autojump_clock: MockClock, tmp_path: Path, wait_s: int
) -> None:
    """As if it had never been handed out: no try is counted (I4)."""
    async with gated(tmp_path) as (side, gate):
        await side.enqueue("a")
        gate.close()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(side.fetch, 1, wait_s)
            await gate.wait_until_reached()
            nursery.cancel_scope.cancel()
        gate.open()
        await trio.sleep(1)
        job = await side.fetch_one()
        assert (job.key, job.tries, side.pull.counters.returned) == ("a", 1, 1)


async def test_a_job_whose_worker_left_goes_to_one_that_came_since(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Without a way through the store."""
    async with gated(tmp_path) as (side, gate):
        await side.enqueue("a")
        gate.close()
        async with trio.open_nursery() as nursery:
            leaving = trio.CancelScope()

            async def leave() -> None:
                with leaving:
                    await side.fetch()

            async def come() -> None:
                assert await side.fetch() == ["a"]

            nursery.start_soon(leave)
            await gate.wait_until_reached()
            nursery.start_soon(come)
            await trio.sleep(1)
            leaving.cancel()
            await trio.sleep(1)
            gate.open()
        assert side.pull.counters.returned == 0


async def test_one_whose_time_is_over_gets_the_job_that_is_being_taken_for_it(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """It is answered when that is durable, a little late."""
    async with gated(tmp_path) as (side, gate), trio.open_nursery() as nursery:

        async def wait() -> None:
            assert await side.fetch(1, wait_s=5) == ["a"]

        nursery.start_soon(wait)
        await trio.sleep(4)
        gate.close()
        nursery.start_soon(side.enqueue, "a")
        await trio.sleep(4)
        gate.open()


async def test_a_job_that_is_being_taken_when_the_daemon_stops_reaches_its_worker(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """It was handed out before."""
    async with gated(tmp_path) as (side, gate), trio.open_nursery() as nursery:
        await side.enqueue("a")

        async def ask() -> None:
            assert await side.fetch(1, wait_s=60) == ["a"]

        gate.close()
        nursery.start_soon(ask)
        await gate.wait_until_reached()
        side.pull.leave()
        await trio.sleep(1)
        gate.open()


async def test_jobs_are_given_back_before_the_store_closes(autojump_clock: MockClock, tmp_path: Path) -> None:
    """A node that stops leaves no job in nobody's hands (I15)."""
    async with open_gated_store(tmp_path) as (store, gate):
        async with open_pull_side(store) as side:
            await side.enqueue("a")
            gate.close()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(side.fetch)
                await gate.wait_until_reached()
                nursery.cancel_scope.cancel()
            gate.open()
        async with open_pull_side(store, side.clock) as other:
            assert (await other.fetch_one()).tries == 1


async def test_a_crash_during_a_take_leaves_its_jobs_to_their_leases(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """There is nobody left to give them back, and the store still closes in order."""
    async with open_gated_store(tmp_path) as (store, gate):
        with trio.CancelScope() as crash:
            async with open_pull_side(store) as side, trio.open_nursery() as nursery:
                await side.enqueue("a")
                gate.close()
                nursery.start_soon(side.fetch)
                await gate.wait_until_reached()
                crash.cancel()
        gate.open()
        await wait_all_tasks_blocked()
        job = await store.pull_job("q", "a")
        assert job is not None
        assert job.run is not None


async def test_a_full_disk_is_told_and_nothing_is_handed_out(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The job is there when there is room again."""
    async with gated(tmp_path) as (side, gate):
        await side.enqueue("a")
        gate.is_full = True
        with pytest.raises(StoreUnavailable):
            await side.fetch()
        gate.is_full = False
        job = await side.fetch_one()
        assert (job.key, job.tries) == ("a", 1)
