"""Direct start (design §4): when a pushed job runs at once, and when it waits its turn."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.dispatch.gated_store import NEVER_MS, gated
from tests.dispatch.push_side import (
    FAILURE,
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
from tests.dispatch.tripping_store import TrippingStore
from trioworq.core.queues import QueueDefinition
from trioworq.core.results import Result
from trioworq.stores.interface import JobSet, StoreUnavailable


@asynccontextmanager
async def counted(workers: ScriptedWorkers) -> AsyncIterator[tuple[PushSide, TrippingStore]]:
    """Run a push side that has come to rest; its store counts the claims from here on."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(workers, store=store.store) as side:
            await trio.sleep(1)
            store.counts.clear()
            yield side, store


async def test_a_push_to_an_idle_queue_runs_without_a_claim(autojump_clock: MockClock) -> None:
    """One transaction stores and starts the job; no poll and no second statement."""
    workers = answering(SUCCESS)
    async with counted(workers) as (side, store):
        for _ in range(5):
            await side.push()
        await side.wait_until_empty()
        assert store.counts["claim"] == 0
        actions = [line["action"] for line in side.queue_lines]
        assert sorted(actions) == ["complete"] * 5 + ["pop"] * 5 + ["push"] * 5
        stats = side.queues.stats("default")
        assert stats is not None
        assert (stats.total_pushes, stats.total_pops, stats.total_completes) == (5, 5, 5)
    assert len(workers.calls) == 5


async def test_pushes_beyond_the_slots_wait_their_turn(autojump_clock: MockClock) -> None:
    """No more jobs start than there are slots; the others are claimed, in order (I6, I9)."""
    workers = answering(SUCCESS, after_s=1.0)
    async with counted(workers) as (side, store):
        await side.define("default", max_workers=3)
        for number in range(10):
            await side.push(f"http://w/{number}")
        await wait_all_tasks_blocked()
        assert len(workers.calls) == 3
        assert len(await side.jobs(JobSet.RUNNING)) == 3
        await side.wait_until_empty()
        assert store.counts["claim"] > 0
    urls = [call.url for call in workers.calls]
    # Jobs that start in the same moment do so in any order.
    assert [sorted(urls[at : at + 3]) for at in range(0, 10, 3)] == [
        [f"http://w/{number}" for number in range(10)[at : at + 3]] for at in range(0, 10, 3)
    ]
    assert workers.most_in_flight == 3


async def test_order_holds_while_pushes_and_claims_meet(autojump_clock: MockClock) -> None:
    """With one worker, jobs start in the order of their ids, however starts and claims alternate (I9)."""
    workers = answering(SUCCESS, after_s=0.01)
    async with counted(workers) as (side, _store):
        await side.define("default", max_workers=1)
        pushed: list[tuple[int, str]] = []

        async def push_some(client: int) -> None:
            for number in range(30):
                url = f"http://w/{client}/{number}"
                pushed.append((await side.push(url), url))
                await trio.sleep(0.02 * (number % 3))

        async with trio.open_nursery() as clients:
            for client in range(4):
                clients.start_soon(push_some, client)
        await side.wait_until_empty()
    assert [call.url for call in workers.calls] == [url for _, url in sorted(pushed)]


@pytest.mark.parametrize(
    "definition",
    [{"max_dispatches_per_second": 10.0, "max_burst_size": 5}, {"max_workers": 1}],
    ids=["throttled", "busy"],
)
async def test_a_queue_that_is_throttled_or_busy_claims(
    definition: dict[str, Any], autojump_clock: MockClock
) -> None:
    """A throttle counts claims, and a queue without a free slot has nothing to start with (I6)."""
    workers = answering(SUCCESS, after_s=1.0)
    async with counted(workers) as (side, store):
        await side.define("default", **definition)
        await trio.sleep(1)
        await side.push()
        await side.push()
        await side.wait_until_empty()
        assert store.counts["claim"] > 0
    assert len(workers.calls) == 2


async def test_a_retry_that_is_due_stands_before_a_push(autojump_clock: MockClock) -> None:
    """A push never overtakes a job that waits, even one that nobody has found yet (I9)."""
    workers = answering(FAILURE, SUCCESS)
    async with counted(workers) as (side, _store):
        await side.define("default", max_workers=1, polling_interval_ms=NEVER_MS)
        await side.push("http://first/", max_retries=1, retry_delay_s=5)
        await trio.sleep(6)
        await side.push("http://second/")
        await side.wait_until_empty()
    assert [call.url for call in workers.calls] == ["http://first/", "http://first/", "http://second/"]


async def test_a_queue_comes_back_to_direct_starts_after_a_backlog(autojump_clock: MockClock) -> None:
    """Once a claim has found less than it asked for, pushes start at once again."""
    workers = answering(SUCCESS, after_s=0.1)
    async with counted(workers) as (side, store):
        await side.define("default", max_workers=2)
        for _ in range(9):
            await side.push()
        await side.wait_until_empty()
        store.counts.clear()
        await side.push()
        await side.wait_until_empty()
        assert store.counts["claim"] == 0


async def test_a_push_whose_client_leaves_during_the_commit_still_runs(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The job is stored as running, and running it is not the client's business (I8)."""
    workers = answering(SUCCESS)
    async with gated(workers, tmp_path) as (side, gate):
        gate.close()
        with trio.move_on_after(1):
            await side.push()
        gate.open()
        await workers.wait_for_calls(1)
        await side.wait_until_empty()


async def test_a_queue_deleted_during_the_commit_gives_the_job_back(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """A stopped queue starts nothing; the job waits for the queue to be defined again (I15)."""
    workers = answering(SUCCESS)
    async with gated(workers, tmp_path) as (side, gate), trio.open_nursery() as clients:
        gate.close()
        clients.start_soon(side.push)
        await gate.wait_until_reached()
        stopped = side.queues.definitions.running["default"]
        stopped.stop()
        await wait_all_tasks_blocked()
        assert not stopped.has_ended
        gate.open()
        await trio.sleep(1)
        assert stopped.has_ended
        assert workers.calls == []
        assert len(await side.jobs(JobSet.WAITING)) == 1


async def test_a_throttle_set_during_the_commit_holds_for_the_job(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """A job that finds its queue throttled is given back and claimed at the new rate (I6)."""
    workers = answering(SUCCESS)
    async with gated(workers, tmp_path) as (side, gate), trio.open_nursery() as clients:
        gate.close()
        for _ in range(4):
            clients.start_soon(side.push)
        await wait_all_tasks_blocked()
        side.queues.definitions.running["default"].redefine(
            QueueDefinition("default", NEVER_MS, 20, max_dispatches_per_second=1.0, max_burst_size=1)
        )
        gate.open()
        await side.wait_until_empty()
    times = [call.at_s for call in workers.calls]
    assert len(times) == 4
    assert all(later - sooner >= 0.99 for sooner, later in itertools.pairwise(times))


@pytest.mark.parametrize(
    "change",
    [QueueDefinition("default", NEVER_MS, 2), QueueDefinition("default", NEVER_MS, 20, 1.0, 2)],
    ids=["fewer workers", "a throttle"],
)
async def test_caps_set_during_the_commit_hold_for_all_of_its_jobs(
    change: QueueDefinition, autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Jobs that had slots and have no room any more wait again, behind those that have (I6, I9)."""
    workers = answering(SUCCESS, after_s=0.5)
    async with gated(workers, tmp_path) as (side, gate), trio.open_nursery() as clients:
        gate.close()
        orders = [order(f"http://w/{number}") for number in range(8)]
        clients.start_soon(side.queues.push_many, orders)
        await gate.wait_until_reached()
        assert len(await side.jobs(JobSet.RUNNING)) == 8
        side.queues.definitions.running["default"].redefine(change)
        gate.open()
        await workers.wait_for_calls(2)
        await wait_all_tasks_blocked()
        assert sorted(call.url for call in workers.calls) == ["http://w/0", "http://w/1"]
        await side.wait_until_empty()
    assert sorted(call.url for call in workers.calls) == [each.url for each in orders]
    assert workers.most_in_flight == 2


async def test_a_retry_that_is_stored_along_with_a_push_goes_first(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The outcome that waits for its transaction belongs to a job that is due before the push (I9)."""
    failing = trio.Event()

    async def answer(_call: Call) -> Result:
        await failing.wait()
        return FAILURE if len(workers.calls) == 1 else SUCCESS

    workers = ScriptedWorkers(answer)
    async with gated(workers, tmp_path, max_workers=1) as (side, gate), trio.open_nursery() as clients:
        await side.push("http://first/", max_retries=1)
        await workers.wait_for_calls(1)
        gate.close()
        clients.start_soon(side.queues.delete_job, "default", 0)
        await gate.wait_until_reached()
        failing.set()
        await wait_all_tasks_blocked()
        clients.start_soon(side.push, "http://second/")
        await wait_all_tasks_blocked()
        gate.open()
        await side.wait_until_empty()
    assert [call.url for call in workers.calls] == ["http://first/", "http://first/", "http://second/"]


async def test_a_push_that_fails_leaves_its_slot_free(autojump_clock: MockClock, tmp_path: Path) -> None:
    """A store that stores nothing takes no slot for good (I6, I8)."""
    workers = answering(SUCCESS)
    async with gated(workers, tmp_path) as (side, gate):
        await side.define("default", max_workers=1, polling_interval_ms=NEVER_MS)

        gate.is_full = True
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await side.push()
        gate.is_full = False
        await trio.sleep(5)
        await side.push()
        await workers.wait_for_calls(1)


async def test_a_job_started_under_a_lost_lease_is_left_to_the_next_owner(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """What was stored for an owner that has lost the queue meanwhile is not called by it (I7)."""
    workers = hanging()
    async with gated(workers, tmp_path) as (side, gate), trio.open_nursery() as clients:
        gate.close()
        clients.start_soon(side.push)
        await gate.wait_until_reached()
        side.queues.definitions.running["default"].own(None)
        gate.open()
        await wait_all_tasks_blocked()
        assert workers.calls == []
        stats = side.queues.stats("default")
        assert stats is not None
        assert stats.idle_workers == stats.total_workers
        clients.cancel_scope.cancel()
