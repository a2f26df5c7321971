"""What becomes of jobs when the world changes between a claim and its answer."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.gated_store import claim_behind, gated, in_place, open_gated_store
from tests.dispatch.push_side import SUCCESS, answering, hanging, open_push_side
from tests.dispatch.tripping_store import TrippingStore
from trioworq.core.queues import QueueDefinition
from trioworq.dispatch.queues import GIVE_BACK_TIMEOUT_S
from trioworq.stores.claims import CLAIM_BYTES
from trioworq.stores.interface import JobSet
from trioworq.stores.sqlite.store import open_sqlite_store


@pytest.mark.parametrize(
    "change",
    [QueueDefinition("default", 200, 2), QueueDefinition("default", 200, 10, 1000.0, 2)],
    ids=["fewer workers", "a throttle"],
)
async def test_a_queue_that_gets_tighter_during_a_claim_keeps_its_new_cap(
    change: QueueDefinition, autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Jobs that were claimed and have no room any more wait again, and all of them run (I6)."""
    workers = answering(SUCCESS, after_s=1.0)
    async with gated(workers, tmp_path, max_workers=10, polling_interval_ms=200) as (side, gate):
        for _ in range(10):
            await side.push(run_after_s=1)
        await claim_behind(gate, side, 10)
        side.queues.definitions.running["default"].redefine(change)
        gate.open()
        await workers.wait_for_calls(1)
        await trio.testing.wait_all_tasks_blocked()
        assert workers.in_flight == 2
        assert len(await side.jobs(JobSet.RUNNING)) == 2
        await side.wait_until_empty()
    assert len(workers.calls) == 10


async def test_a_claim_that_is_answered_late_still_runs_its_jobs(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """No job stays running with nobody who runs it, however long its claim was under way (I8)."""
    workers = answering(SUCCESS)
    async with gated(workers, tmp_path, polling_interval_ms=200) as (side, gate):
        await side.push(run_after_s=1)
        await claim_behind(gate, side, 1)
        await trio.sleep(2)
        gate.open()
        await side.wait_until_empty()
    assert len(workers.calls) == 1


async def test_a_job_deleted_while_its_claim_is_answered_is_cut_off(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The delete waited for the claim's transaction, and finds the job running (I12)."""
    workers = hanging()
    async with (
        gated(workers, tmp_path, polling_interval_ms=200) as (side, gate),
        trio.open_nursery() as clients,
    ):
        deleted = await side.push(run_after_s=1)
        await claim_behind(gate, side, 1)
        clients.start_soon(side.queues.delete_job, "default", deleted)
        await trio.testing.wait_all_tasks_blocked()
        gate.open()
        await side.wait_until_empty()
        assert workers.in_flight == 0
        assert side.queues.running_jobs() == 0


async def test_what_a_stopped_queue_still_claims_is_given_back_once_the_store_can(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """A queue stopped during a claim, while the store goes away, has no running job when it is made again."""
    workers = answering(SUCCESS)
    async with open_gated_store(tmp_path) as (real, gate):
        store = TrippingStore(real)
        async with open_push_side(workers, store=store.store) as side:
            await trio.sleep(1.5)
            await side.push(run_after_s=1)
            await claim_behind(gate, side, 1)
            side.queues.definitions.running["default"].stop()
            store.unplug("settle")
            gate.open()
            await trio.sleep(60)
            assert len(await side.jobs(JobSet.RUNNING)) == 1
            store.plug_in()
            await trio.sleep(2)
            assert await side.jobs(JobSet.RUNNING) == []
            assert workers.calls == []
            await side.queues.definitions.undefine("default")
            await side.define("default")
            await side.wait_until_empty()
    assert len(workers.calls) == 1


async def test_a_claim_that_the_end_cuts_off_leaves_nothing_to_the_next_owner_but_waiting_jobs(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The end does not wait for a claim's answer for ever; the next node runs the claimed job (I15)."""
    workers = answering(SUCCESS)
    async with open_gated_store(tmp_path) as (store, gate):
        async with open_push_side(hanging(), store=store, node_id="stopping") as side:
            await trio.sleep(1.5)
            await side.push(run_after_s=1, max_retries=1)
            await claim_behind(gate, side, 1)
            began_at_s = trio.current_time()
        assert trio.current_time() - began_at_s == pytest.approx(GIVE_BACK_TIMEOUT_S)
        gate.open()
        async with open_push_side(workers, store=store, node_id="next") as side:
            await workers.wait_for_calls(1)
            await side.wait_until_empty()
            stats = side.queues.stats("default")
            assert stats is not None
            assert stats.total_failures == 0


async def test_what_is_claimed_at_the_end_is_not_begun_while_running_jobs_are_given_back(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Once the jobs are cut off nothing starts any more; the next node runs what was claimed (I15)."""
    stopping, workers = hanging(), answering(SUCCESS)
    async with open_gated_store(tmp_path) as (store, gate), trio.open_nursery() as later:

        async def open_gate() -> None:
            await trio.sleep(1)
            gate.open()

        async with open_push_side(stopping, store=store, node_id="stopping") as side:
            await trio.sleep(1.5)
            await side.push()
            await side.push(run_after_s=1)
            await stopping.wait_for_calls(1)
            await claim_behind(gate, side, 2)
            later.start_soon(open_gate)
        assert len(stopping.calls) == 1
        assert [line["action"] for line in side.queue_lines].count("pop") == 1
        async with open_push_side(workers, store=store, node_id="next") as side:
            await side.wait_until_empty()
    assert len(workers.calls) == 2


async def test_a_claim_cut_short_by_large_payloads_is_followed_by_another(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """What one claim leaves because of its bytes does not wait for the poll (I8)."""

    workers = answering(SUCCESS)
    async with (
        open_sqlite_store(tmp_path / "jobs.db", node_id="test", new_runner=lambda: in_place) as store,
        open_push_side(workers, store=store) as side,
    ):
        await side.define("default", polling_interval_ms=3_600_000)
        for _ in range(3):
            await side.push(payload=b"1" * CLAIM_BYTES, run_after_s=1)
        await trio.sleep(2)
        await side.push()
        with trio.fail_after(1):
            await workers.wait_for_calls(4)
