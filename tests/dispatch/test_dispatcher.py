"""What a dispatcher does with jobs, workers and its store."""

import itertools

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.push_side import (
    FAILURE,
    PERMANENT,
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
from trioworq.core.results import Result
from trioworq.core.routing import Routing
from trioworq.dispatch.ownership import LEASE_MS
from trioworq.stores.interface import FailureQuery, JobSet


async def test_a_pushed_job_reaches_its_worker_as_it_was_pushed(autojump_clock: MockClock) -> None:
    """URL, payload bytes and timeout arrive unchanged, and the job is gone after its success."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await side.push("http://worker/a?b=c", payload=b'{"x": 1.0}', timeout_s=7)
        await side.wait_until_empty()
    assert [(call.url, call.body, call.timeout_s) for call in workers.calls] == [
        ("http://worker/a?b=c", b'{"x": 1.0}', 7)
    ]


async def test_a_deferred_job_is_not_early_and_not_late(autojump_clock: MockClock) -> None:
    """It starts after run_after, within one polling interval (I5, I8)."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await trio.sleep(0.11)
        pushed_at_s = trio.current_time()
        await side.push(run_after_s=5)
        await workers.wait_for_calls(1)
        assert 5.0 <= workers.calls[0].at_s - pushed_at_s <= 5.25


@pytest.mark.parametrize("max_retries", [0, 1, 3])
async def test_a_failing_job_is_tried_once_more_than_its_retries(
    max_retries: int, autojump_clock: MockClock
) -> None:
    """Attempts are max_retries + 1, each retry_delay apart to the millisecond, then one failure (I4, I11)."""
    workers = answering(FAILURE)
    async with open_push_side(workers) as side:
        job_id = await side.push(max_retries=max_retries, retry_delay_s=10)
        await side.wait_until_empty()
        failures = (await side.store.failures(FailureQuery("default", 10))).items
    assert len(workers.calls) == max_retries + 1
    times = [call.at_s for call in workers.calls]
    assert all(9.999 <= later - sooner <= 10.3 for sooner, later in itertools.pairwise(times))
    assert [(entry.job_id, entry.fail_count, entry.result) for entry in failures] == [
        (job_id, max_retries + 1, FAILURE)
    ]


async def test_a_permanent_failure_is_not_retried(autojump_clock: MockClock) -> None:
    """The job ends in the failure log whatever retries it has left."""
    workers = answering(PERMANENT)
    async with open_push_side(workers) as side:
        await side.push(max_retries=5)
        await side.wait_until_empty()
        (entry,) = (await side.store.failures(FailureQuery("default", 10))).items
        assert entry.fail_count == 1
    assert len(workers.calls) == 1


async def test_a_job_that_fails_and_then_succeeds_leaves_no_failure(autojump_clock: MockClock) -> None:
    """Only a job that ends in failure is kept in the failure log."""
    workers = answering(FAILURE, SUCCESS)
    async with open_push_side(workers) as side:
        await side.push(max_retries=1)
        await side.wait_until_empty()
        assert (await side.store.failures(FailureQuery("default", 10))).items == []


async def test_no_more_than_max_workers_are_in_flight(autojump_clock: MockClock) -> None:
    """The cap holds with a backlog, and only as many jobs as run are marked as running (I6)."""
    workers = answering(SUCCESS, after_s=1.0)
    async with open_push_side(workers) as side:
        await side.define("default", max_workers=3)
        for _ in range(10):
            await side.push()
        await workers.wait_for_calls(3)
        assert len(await side.jobs(JobSet.RUNNING)) == 3
        assert len(await side.jobs(JobSet.WAITING)) == 7
        await side.wait_until_empty()
    assert workers.most_in_flight == 3
    assert len(workers.calls) == 10


async def test_jobs_start_in_order_of_next_try_and_id(autojump_clock: MockClock) -> None:
    """With one worker and equal priority, jobs start by (next_try, id) (I9)."""
    workers = answering(SUCCESS, after_s=1.0)
    async with open_push_side(workers) as side:
        await side.define("default", max_workers=1)
        await side.push("http://first/")
        for name, delay_s in (("c", 3), ("b", 2), ("d", 3), ("a", 0)):
            await side.push(f"http://{name}/", run_after_s=delay_s)
        await trio.sleep(4)
        await side.wait_until_empty()
    # "a" runs at once; "b" fell due before "c" and "d", which are told apart by their ids.
    assert [call.url[7] for call in workers.calls] == ["f", "a", "b", "c", "d"]


async def test_a_throttle_holds_in_every_window(autojump_clock: MockClock) -> None:
    """Dispatches in any window are at most rate · t + burst, and the rate is used up (I6)."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await side.define("default", polling_interval_ms=100, max_dispatches_per_second=4.0, max_burst_size=3)
        await trio.sleep(2)
        for _ in range(20):
            await side.push()
        await side.wait_until_empty()
    times = [call.at_s for call in workers.calls]
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= 4.0 * (times[last] - times[first]) + 3 + 1e-6
    assert times[-1] - times[0] < (20 - 3) / 4.0 + 0.5


async def test_a_job_that_waits_for_a_token_is_not_taken(autojump_clock: MockClock) -> None:
    """Jobs held back by the throttle stay waiting, so a stop leaves them as they are (contract §1.5)."""
    workers = answering(SUCCESS)
    async with open_push_side(workers) as side:
        await side.define("default", max_dispatches_per_second=0.000001, max_burst_size=1)
        for _ in range(3):
            await side.push()
        await workers.wait_for_calls(1)
        await trio.sleep(60)
        assert len(await side.jobs(JobSet.WAITING)) == 2
        assert await side.jobs(JobSet.RUNNING) == []
        with trio.fail_after(1):
            await side.queues.drain()
    assert len(workers.calls) == 1


async def test_deleting_a_running_job_cancels_its_call(autojump_clock: MockClock) -> None:
    """The call ends at once, nothing is logged as failed, and the slot is free again (I12)."""
    workers = hanging()
    async with open_push_side(workers) as side:
        await side.define("default", max_workers=1)
        job_id = await side.push(max_retries=3)
        await workers.wait_for_calls(1)
        deleted_at_s = trio.current_time()
        deleted = await side.queues.delete_job("default", job_id)
        assert deleted is not None
        assert deleted.id == job_id
        await side.push("http://next/")
        await workers.wait_for_calls(2)
        assert trio.current_time() - deleted_at_s < 1
        assert workers.in_flight == 1
        assert (await side.store.failures(FailureQuery("default", 10))).items == []
        stats = side.queues.stats("default")
        assert stats is not None
        assert (stats.total_failures, stats.total_completes) == (0, 0)
    assert [line["action"] for line in side.queue_lines if line["id"] == job_id] == ["push", "pop"]


async def test_an_outcome_that_arrives_after_the_delete_is_dropped(autojump_clock: MockClock) -> None:
    """A job deleted from under its worker, as another node does, adds no failure and no count (I12)."""
    workers = answering(PERMANENT, after_s=1.0)
    async with open_push_side(workers) as side:
        job_id = await side.push()
        await workers.wait_for_calls(1)
        await side.store.delete_job("default", job_id)
        await trio.sleep(2)
        assert (await side.store.failures(FailureQuery("default", 10))).items == []
        stats = side.queues.stats("default")
        assert stats is not None
        assert stats.total_failures == 0
        assert stats.idle_workers == 20


async def test_draining_finishes_running_jobs_and_claims_nothing(autojump_clock: MockClock) -> None:
    """After the stop no job starts; those that run are settled (I15)."""
    workers = answering(SUCCESS, after_s=2.0)
    async with open_push_side(workers) as side:
        await side.define("default", max_workers=2)
        for _ in range(5):
            await side.push()
        await workers.wait_for_calls(2)
        await side.queues.drain()
        assert len(workers.calls) == 2
        assert await side.jobs(JobSet.RUNNING) == []
        assert len(await side.jobs(JobSet.WAITING)) == 3


async def test_a_job_that_is_cut_off_is_given_back_without_counting(autojump_clock: MockClock) -> None:
    """When the time to stop is over, its row waits again with its retries untouched (I4, I15)."""
    async with open_memory_store() as store:
        async with open_push_side(hanging(), store=store) as side:
            job_id = await side.push(max_retries=2)
            await trio.sleep(1)
            with trio.move_on_after(5):
                await side.queues.drain()
            assert side.queues.running_jobs() == 1
        job = await store.job("default", job_id)
        assert job is not None
        assert (job.state.name, job.fail_count, job.retries_left) == ("WAITING", 0, 2)
        assert await store.owner("default", side.queues.now_ms()) is None


async def test_a_backup_dispatches_nothing_until_the_lease_lapses(autojump_clock: MockClock) -> None:
    """Of two nodes one dispatches; when it is gone the other runs what was running again (I7).

    The stalled owner learns that it owns nothing any more, and its outcome changes nothing (I3).
    """
    async with open_memory_store() as real:
        stalled_store = TrippingStore(real)
        stalled_workers, backup_workers = hanging(), answering(SUCCESS)
        async with (
            open_push_side(stalled_workers, store=stalled_store.store, node_id="stalled") as stalled,
            open_push_side(backup_workers, store=real, node_id="backup") as backup,
        ):
            await stalled.push(max_retries=1)
            await stalled_workers.wait_for_calls(1)
            await trio.sleep(10)
            assert backup_workers.calls == []
            assert activity(backup) == (0, 0, 0)
            assert activity(stalled) == (1, 20, 19)

            stalled_store.unplug()
            stalled_at_s = trio.current_time()
            await backup_workers.wait_for_calls(1)
            assert trio.current_time() - stalled_at_s <= LEASE_MS / 1000 + 1.2
            await backup.wait_until_empty()
            assert activity(backup) == (1, 20, 20)

            stalled_store.plug_in()
            await trio.sleep(1.1)
            assert activity(stalled) == (0, 0, 0)
            assert stalled_workers.in_flight == 0
            assert "The node is now in BACKUP mode" in [line["event"] for line in stalled.error_lines]
            assert (await real.failures(FailureQuery("default", 10))).items == []


async def test_a_store_that_is_away_costs_no_result(autojump_clock: MockClock) -> None:
    """A worker's verdict is kept and settled when the store comes back; the job is not run twice."""
    workers = answering(SUCCESS, after_s=1.0)
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(workers, store=store.store) as side:
            await side.push()
            await workers.wait_for_calls(1)
            store.unplug()
            await trio.sleep(10)
            store.plug_in()
            await side.wait_until_empty()
            stats = side.queues.stats("default")
            assert stats is not None
            assert stats.total_successes == 1
    assert len(workers.calls) == 1


async def test_a_claim_that_fails_is_made_again(autojump_clock: MockClock) -> None:
    """Jobs pushed before an outage of the store are dispatched after it."""
    workers = answering(SUCCESS)
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(workers, store=store.store) as side:
            await trio.sleep(0.5)
            store.unplug("claim")
            await side.push(run_after_s=1)
            await trio.sleep(5)
            assert workers.calls == []
            store.plug_in()
            await side.wait_until_empty()
    assert len(workers.calls) == 1


async def test_a_queue_with_a_hanging_worker_does_not_slow_another(autojump_clock: MockClock) -> None:
    """Each queue has slots of its own (I8)."""

    async def answer(call: Call) -> Result:
        if "hang" in call.url:
            await trio.sleep_forever()
        return SUCCESS

    workers = ScriptedWorkers(answer)
    async with open_push_side(workers) as side:
        await side.define("slow", max_workers=1)
        await side.queues.routings.put(Routing("slow-jobs", "slow"))
        for _ in range(5):
            await side.push("http://hang/", category="slow-jobs")
        for _ in range(5):
            await side.push("http://fine/")
        with trio.fail_after(1):
            await side.wait_until_empty()


async def test_idle_queues_cost_one_statement_a_poll(autojump_clock: MockClock) -> None:
    """A hundred idle queues are polled by one statement together, and nothing is claimed.

    Beside the polls there are a look at the other nodes as often, and a renewal and a look for changed
    definitions every second.
    """
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_push_side(answering(SUCCESS), store=store.store) as side:
            for number in range(100):
                await side.define(f"q{number}")
            await trio.sleep(2)
            store.counts.clear()
            await trio.sleep(10)
            assert store.counts["claim"] == 0
            assert store.counts["due_queues"] <= 10 / 0.2 + 1
            assert sum(store.counts.values()) <= 2 * 10 / 0.2 + 10 + 10 + 4


async def test_the_queue_log_tells_the_life_of_a_job(autojump_clock: MockClock) -> None:
    """push, pop, retry, pop, complete; a retry shows the retries left before it (contract §1.17)."""
    workers = answering(FAILURE, SUCCESS)
    async with open_push_side(workers) as side:
        await side.push(payload=b'{"a": 1}', max_retries=2, retry_delay_s=1)
        await side.wait_until_empty()
        lines = side.queue_lines
    assert [(line["action"], line["level"], line["status"]) for line in lines] == [
        ("push", "info", "claimed"),
        ("pop", "debug", "grabbed"),
        ("retry", "info", "failed"),
        ("pop", "debug", "grabbed"),
        ("complete", "info", "completed"),
    ]
    retry, complete = lines[2], lines[4]
    assert (retry["retry_count"], retry["fail_count"], retry["message"]) == (2, 1, "not today")
    assert retry["next_try"] == lines[0]["next_try"]
    assert (complete["retry_count"], complete["fail_count"], complete["message"]) == (1, 1, "done")
    assert complete["time"] == complete["created_at"] + complete["elapsed"]
    assert list(complete) == [
        "level", "time", "tag", "action", "queue", "category", "id", "status", "created_at", "elapsed", "url",
        "payload", "next_try", "retry_count", "retry_delay", "fail_count", "timeout", "message",
    ]  # fmt: skip
    assert complete["payload"] == '{"a": 1}'


async def test_each_call_is_a_debug_line_of_the_error_log(autojump_clock: MockClock) -> None:
    """It names the queue, the job and the verdict (contract §1.18)."""
    async with open_push_side(answering(PERMANENT)) as side:
        job_id = await side.push()
        await side.wait_until_empty()
        (line,) = [line for line in side.error_lines if line["event"] == "dispatch"]
    assert line == {
        "log_level": "debug",
        "event": "dispatch",
        "queue": "default",
        "id": job_id,
        "status": "permanent-failure",
        "code": 200,
    }


async def test_cancelling_at_any_moment_leaves_no_job_behind(autojump_clock: MockClock) -> None:
    """Wherever the push side is cut off, every job is either done or waits for the next owner (I1, I10)."""
    for cut_after_ms in range(0, 400, 7):
        async with open_memory_store() as store:
            with trio.move_on_after(cut_after_ms / 1000):
                async with open_push_side(answering(FAILURE, SUCCESS, after_s=0.05), store=store) as side:
                    for _ in range(3):
                        await side.push(max_retries=1)
                    await trio.sleep_forever()
            async with open_push_side(answering(SUCCESS), store=store, node_id="next") as side:
                before = [job for kind in JobSet for job in await side.jobs(kind)]
                await side.wait_until_empty()
                stats = side.queues.stats("default")
                assert stats is not None
                assert stats.total_successes == len(before)
                assert (await store.failures(FailureQuery("default", 10))).items == []


def activity(side: PushSide) -> tuple[int, int, int]:
    """Return (active_nodes, total_workers, idle_workers) of the default queue."""
    stats = side.queues.stats("default")
    assert stats is not None
    return stats.active_nodes, stats.total_workers, stats.idle_workers
