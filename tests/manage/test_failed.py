"""Failed jobs of both kinds run again or are removed, one or all, over the in-memory store."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from tests.dispatch.push_side import FAILURE, PERMANENT, SUCCESS, answering
from tests.kept_logs import kept_errors
from tests.manage.desk import open_desk
from trioworq.clock import Clock
from trioworq.core.failures import (
    EVERY_FAILURE,
    CannotRequeue,
    FailureFilter,
    FailureName,
    NotFailed,
    Requeued,
)
from trioworq.core.jobs import FinishedJob
from trioworq.core.routing import Routing
from trioworq.manage.failed import SWEEP_ROWS, TRANSACTION_S, FailedJobs
from trioworq.manage.resting import REST_SHARE
from trioworq.stores.interface import JobSet, Store, StoreUnavailable


async def test_a_retried_job_runs_at_once_and_may_finish(autojump_clock: MockClock) -> None:
    """It keeps its id, leaves the failed store, and its queue does not wait for the next poll."""
    async with open_desk(answering(PERMANENT, SUCCESS)) as desk:
        await desk.side.define("default", polling_interval_ms=3_600_000)
        job_id = await desk.side.push()
        await desk.wait_for_failures(1)
        asked_at_s = trio.current_time()
        await desk.management.failed.retry(str(job_id))
        await desk.side.wait_until_empty()
        assert trio.current_time() - asked_at_s < 1
        assert await desk.failed_ids() == []
        job = await desk.management.jobs.find(str(job_id))
        assert isinstance(job, FinishedJob)


async def test_a_retried_job_has_its_retries_back(autojump_clock: MockClock) -> None:
    """It is tried as often as before, and fails again with the same count."""
    workers = answering(FAILURE)
    async with open_desk(workers) as desk:
        job_id = await desk.side.push(max_retries=2, retry_delay_s=1)
        await desk.wait_for_failures(1)
        await desk.management.failed.retry(str(job_id))
        await workers.wait_for_calls(6)
        await desk.wait_for_failures(1)
        (failed,) = await desk.management.failed.list(EVERY_FAILURE, 0, 10)
        assert (len(workers.calls), failed.fail_count, failed.job_id) == (6, 3, job_id)


async def test_a_worker_that_waits_gets_a_retried_pull_job(autojump_clock: MockClock) -> None:
    """The worker is told; it does not have to look again."""
    async with open_desk(answering(SUCCESS)) as desk:
        await desk.pull_side.enqueue("k", payload=b'{"a":1}', timeout_s=1)
        await desk.pull_side.fetch_one()
        (job_id,) = await desk.wait_for_failures(1)
        async with trio.open_nursery() as workers:

            async def work() -> None:
                (job,) = await desk.pull_side.pull.fetch("q", 1, 50)
                assert (job.id, job.payload, job.tries) == (job_id, b'{"a":1}', 1)

            workers.start_soon(work)
            await trio.sleep(1)
            asked_at_s = trio.current_time()
            await desk.management.failed.retry(str(job_id))
        assert trio.current_time() == asked_at_s


@pytest.mark.parametrize("job_id", ["1", "2", "0", "-1", "x", "1" * 400, "²"])
async def test_a_job_that_has_not_failed_is_not_retried_or_deleted(
    autojump_clock: MockClock, job_id: str
) -> None:
    """Waiting jobs, unknown ones and what is no id at all are answered alike."""
    async with open_desk(answering(SUCCESS)) as desk:
        assert await desk.side.push(run_after_s=60) == 1
        for change in (desk.management.failed.retry, desk.management.failed.delete):
            with pytest.raises(NotFailed):
                await change(job_id)
        assert await desk.side.jobs(JobSet.DEFERRED) == [1]


async def test_a_second_retry_finds_nothing(autojump_clock: MockClock) -> None:
    """The first has taken the job out of the failed store."""
    async with open_desk(answering(PERMANENT, SUCCESS)) as desk:
        job_id = await desk.side.push()
        await desk.wait_for_failures(1)
        await desk.management.failed.retry(str(job_id))
        with pytest.raises(NotFailed):
            await desk.management.failed.retry(str(job_id))


async def test_a_job_whose_queue_is_gone_stays_failed(autojump_clock: MockClock) -> None:
    """One retry says so; of many, the others are done."""
    async with open_desk(answering(PERMANENT)) as desk:
        await desk.side.define("gone")
        await desk.side.queues.routings.put(Routing("c", "gone"))
        first = await desk.side.push(category="c")
        second = await desk.side.push()
        await desk.wait_for_failures(2)
        await desk.side.queues.definitions.undefine("gone")
        with pytest.raises(CannotRequeue, match="its queue gone is not defined any more"):
            await desk.management.failed.retry(str(first))
        swept = await desk.management.failed.retry_all(EVERY_FAILURE)
        assert swept.done == [second]
        assert [job_id for job_id, _ in swept.errors] == [first]
        assert swept.total == 2
        assert await desk.wait_for_failures(2) == [first, second]


async def test_many_are_swept_a_few_at_a_time_and_each_once(autojump_clock: MockClock) -> None:
    """What fails again while the others are retried is not retried again."""
    count = 2 * SWEEP_ROWS + 1
    workers = answering(PERMANENT)
    async with open_desk(workers) as desk:
        ids = [await desk.side.push() for _ in range(count)]
        await desk.wait_for_failures(count)
        swept = await desk.management.failed.retry_all(EVERY_FAILURE)
        assert sorted(swept.done) == ids
        await desk.wait_for_failures(count)
        assert len(workers.calls) == 2 * count


@define(eq=False)
class BusyStore:
    """A store with failures that takes its time for each transaction."""

    failures: int = 3 * SWEEP_ROWS
    takes_s: float = 1.0
    begun_s: list[float] = field(factory=list)

    async def newest_failure_id(self) -> int:
        """Return the last one's id."""
        await trio.lowlevel.checkpoint()
        return self.failures

    async def failure_ids(
        self, _wanted: FailureFilter, after_id: int, until_id: int, limit: int
    ) -> list[int]:
        """Return the next ids."""
        await trio.lowlevel.checkpoint()
        return list(range(after_id + 1, until_id + 1))[:limit]

    async def retry_failures(self, failure_ids: Sequence[int], _now_ms: int) -> list[Requeued]:
        """Begin a transaction."""
        return [Requeued(name) for name in await self.forget_failures(failure_ids)]

    async def forget_failures(self, failure_ids: Sequence[int]) -> list[FailureName]:
        """Begin a transaction."""
        self.begun_s.append(trio.current_time())
        await trio.sleep(self.takes_s)
        return [FailureName(failure_id, "q") for failure_id in failure_ids]


def jobs_failed_in(store: BusyStore) -> tuple[FailedJobs, list[Any]]:
    """Return the failed jobs of a store, and the lines of the error log."""
    error_log, errors = kept_errors()
    failed = FailedJobs(
        store=cast("Store", cast("Any", store)),
        clock=Clock(),
        error_log=error_log,
        requeued=lambda _names: None,
    )
    return failed, errors


@pytest.mark.parametrize("what", ["requeued", "deleted"])
async def test_a_sweep_that_is_cut_short_is_told_in_the_log(autojump_clock: MockClock, what: str) -> None:
    """Its client has left, so what has become of those jobs would be told nowhere; the transaction that was
    under way is carried out, and told of too.
    """
    failed, errors = jobs_failed_in(BusyStore())
    with trio.move_on_after(1.5 + REST_SHARE) as time:
        await (failed.retry_all if what == "requeued" else failed.clear)(EVERY_FAILURE)
    assert time.cancelled_caught
    (line,) = errors
    assert (line["event"], line["jobs"]) == (f"failed jobs {what}", 2 * SWEEP_ROWS)


@pytest.mark.parametrize("what", ["requeued", "deleted"])
async def test_a_store_that_never_answers_does_not_hold_up_a_sweep(
    autojump_clock: MockClock, what: str
) -> None:
    """Nor the stop of the daemon that waits for it."""
    failed, _ = jobs_failed_in(BusyStore(takes_s=3600))
    with pytest.raises(StoreUnavailable):
        await (failed.retry_all if what == "requeued" else failed.clear)(EVERY_FAILURE)
    assert trio.current_time() == pytest.approx(TRANSACTION_S)


async def test_others_have_their_turn_while_many_are_swept(autojump_clock: MockClock) -> None:
    """Between two transactions the store is left alone for a while: another process may wait for it."""
    for is_retried in (True, False):
        store = BusyStore()
        failed, _ = jobs_failed_in(store)
        await (failed.retry_all if is_retried else failed.clear)(EVERY_FAILURE)
        pauses_s = [after - before for before, after in pairwise(store.begun_s)]
        assert pauses_s == [pytest.approx(1 + REST_SHARE)] * 2


async def test_only_what_a_filter_names_is_cleared(autojump_clock: MockClock) -> None:
    """Queue, category and time let a part through (README 20)."""
    async with open_desk(answering(PERMANENT)) as desk:
        first = await desk.side.push(category="a")
        (failed,) = [await desk.wait_for_failures(1)]
        await trio.sleep(10)
        second = await desk.side.push(category="a")
        third = await desk.side.push(category="b")
        await desk.wait_for_failures(3)
        failures = await desk.management.failed.list(EVERY_FAILURE, 0, 10)
        later_ms = failures[1].failed_at_ms
        wanted = FailureFilter(category="a", failed_before_ms=later_ms)
        assert await desk.management.failed.count(wanted) == 1
        assert (await desk.management.failed.clear(wanted)).done == failed == [first]
        wanted = FailureFilter(queue="default", category="a", failed_after_ms=later_ms)
        assert (await desk.management.failed.clear(wanted)).done == [second]
        assert (await desk.management.failed.clear(FailureFilter(queue="other"))).done == []
        assert await desk.failed_ids() == [third]


async def test_a_deleted_failure_is_gone(autojump_clock: MockClock) -> None:
    """Neither it nor its job is found again."""
    async with open_desk(answering(PERMANENT)) as desk:
        job_id = await desk.side.push()
        await desk.wait_for_failures(1)
        await desk.management.failed.delete(str(job_id))
        assert await desk.failed_ids() == []
        with pytest.raises(NotFailed):
            await desk.management.failed.delete(str(job_id))
