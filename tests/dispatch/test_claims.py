"""What becomes of jobs when the world changes between a claim and its answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.lagging_store import LaggingStore
from tests.dispatch.push_side import SUCCESS, answering, hanging, open_memory_store, open_push_side
from tests.dispatch.tripping_store import TrippingStore
from trioworq.core.routing import Routing
from trioworq.stores.interface import CLAIM_BYTES, JobSet
from trioworq.stores.sqlite.store import open_sqlite_store

T = TypeVar("T")


@pytest.mark.parametrize(
    "change",
    [
        {"max_workers": 2},
        {"max_workers": 10, "max_dispatches_per_second": 1000.0, "max_burst_size": 2},
    ],
    ids=["fewer workers", "a throttle"],
)
async def test_a_queue_that_gets_tighter_during_a_claim_keeps_its_new_cap(
    change: dict[str, Any], autojump_clock: MockClock
) -> None:
    """Jobs that were claimed and have no room any more wait again, and all of them run (I6)."""
    workers = answering(SUCCESS, after_s=1.0)
    async with open_memory_store() as real:
        store = LaggingStore(real)
        async with open_push_side(workers, store=store.store) as side:
            await side.define("default", max_workers=10)
            await trio.sleep(1)
            for _ in range(10):
                await side.push(run_after_s=1)
            store.keep_back("claim")
            await store.wait_for("claim")
            assert len(await side.jobs(JobSet.RUNNING)) == 10
            await side.define("default", **change)
            store.let_go("claim")
            await workers.wait_for_calls(1)
            await trio.testing.wait_all_tasks_blocked()
            assert workers.in_flight == 2
            assert len(await side.jobs(JobSet.RUNNING)) == 2
            await side.wait_until_empty()
    assert len(workers.calls) == 10


async def test_a_claim_that_is_answered_very_late_still_runs_its_jobs(autojump_clock: MockClock) -> None:
    """No job stays running with nobody who runs it, however long its claim was under way (I8)."""
    workers = answering(SUCCESS)
    async with open_memory_store() as real:
        store = LaggingStore(real)
        async with open_push_side(workers, store=store.store) as side:
            await trio.sleep(1)
            store.keep_back("claim")
            await side.push(run_after_s=1)
            await store.wait_for("claim")
            await trio.sleep(600)
            store.let_go("claim")
            await side.wait_until_empty()
    assert len(workers.calls) == 1


async def test_a_job_deleted_before_its_claim_is_answered_does_not_run(autojump_clock: MockClock) -> None:
    """The delete found the job running already, with no call to cancel yet (I12)."""
    workers = answering(SUCCESS)
    async with open_memory_store() as real:
        store = LaggingStore(real)
        async with open_push_side(workers, store=store.store) as side:
            await trio.sleep(1)
            store.keep_back("claim")
            deleted = await side.push("http://deleted/", run_after_s=1)
            await store.wait_for("claim")
            assert await side.queues.delete_job("default", deleted) is not None
            store.let_go("claim")
            await side.push("http://kept/")
            await side.wait_until_empty()
    assert [call.url for call in workers.calls] == ["http://kept/"]


async def test_what_a_stopped_queue_still_claims_is_given_back_once_the_store_can(
    autojump_clock: MockClock,
) -> None:
    """A queue deleted during a claim, while the store goes away, has no running job when it is made again."""
    workers = answering(SUCCESS)
    async with open_memory_store() as real:
        tripping = TrippingStore(real)
        store = LaggingStore(tripping.store)
        async with open_push_side(workers, store=store.store) as side:
            await side.define("q")
            await trio.sleep(1)
            await side.queues.route(Routing("of-q", "q"))
            store.keep_back("claim")
            await side.push(category="of-q", run_after_s=1)
            await store.wait_for("claim")
            await side.queues.undefine("q")
            tripping.unplug("settle")
            store.let_go("claim")
            await trio.sleep(60)
            assert len(await side.jobs(JobSet.RUNNING, "q")) == 1
            tripping.plug_in()
            await trio.sleep(2)
            assert await side.jobs(JobSet.RUNNING, "q") == []
            assert workers.calls == []
            await side.define("q")
            await side.wait_until_empty("q")
    assert len(workers.calls) == 1


async def test_a_claim_that_the_end_cuts_off_leaves_nothing_to_the_next_owner_but_waiting_jobs(
    autojump_clock: MockClock,
) -> None:
    """The end does not wait for a store that does not answer; the next node runs the claimed job (I15)."""
    workers = answering(SUCCESS)
    async with open_memory_store() as real:
        store = LaggingStore(real)
        async with open_push_side(hanging(), store=store.store, node_id="stopping") as side:
            await trio.sleep(1)
            store.keep_back("claim")
            await side.push(max_retries=1, run_after_s=1)
            await store.wait_for("claim")
            began_at_s = trio.current_time()
        assert trio.current_time() - began_at_s < 1
        async with open_push_side(workers, store=real, node_id="next") as side:
            # A second, and the two that this node's new clock is behind the old one's.
            with trio.fail_after(3):
                await workers.wait_for_calls(1)
            await side.wait_until_empty()


async def test_a_claim_cut_short_by_large_payloads_is_followed_by_another(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """What one claim leaves because of its bytes does not wait for the poll (I8)."""

    async def inline(work: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        return work()

    workers = answering(SUCCESS)
    async with (
        open_sqlite_store(tmp_path / "jobs.db", new_runner=lambda: inline) as store,
        open_push_side(workers, store=store) as side,
    ):
        await side.define("default", polling_interval_ms=3_600_000)
        for _ in range(3):
            await side.push(payload=b"1" * CLAIM_BYTES, run_after_s=1)
        await trio.sleep(2)
        await side.push()
        with trio.fail_after(1):
            await workers.wait_for_calls(4)
