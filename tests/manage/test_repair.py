"""What operators do to a single job, wherever it is."""

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.push_side import PERMANENT, SUCCESS, answering, hanging
from tests.manage.desk import Desk, open_desk
from trioworq.core.errors import NoSuchJob, NoSuchJobId, NotWaiting
from trioworq.core.jobs import FailedJob, FinishedJob, Job, JobState, Kind
from trioworq.core.pull import PullJob


async def id_of(desk: Desk, key: str) -> str:
    """Return the id of a pull job."""
    return str((await desk.pull_side.pull.job("q", key)).id)


async def test_a_deferred_push_job_is_started_now(autojump_clock: MockClock) -> None:
    """At once, and not with the next poll of an hour."""
    workers = answering(SUCCESS)
    async with open_desk(workers) as desk:
        await desk.side.define("default", polling_interval_ms=3_600_000)
        job_id = await desk.side.push(run_after_s=3600)
        began_s = trio.current_time()
        await desk.management.repair.run_now(str(job_id))
        await workers.wait_for_calls(1)
        assert trio.current_time() - began_s < 1


async def test_a_deferred_pull_job_is_handed_out_now(autojump_clock: MockClock) -> None:
    """To a worker that waits."""
    async with open_desk(hanging()) as desk:
        await desk.pull_side.enqueue("a", run_at_ms=desk.pull_side.after(3600))
        assert await desk.pull_side.fetch() == []
        await desk.management.repair.run_now(await id_of(desk, "a"))
        assert await desk.pull_side.fetch(wait_s=1) == ["a"]


@pytest.mark.parametrize("job_id", ["999", "0", "-1", "x", "", "9" * 30])
async def test_what_is_no_job_cannot_be_run_now(job_id: str, autojump_clock: MockClock) -> None:
    """Its id is named."""
    async with open_desk(hanging()) as desk:
        with pytest.raises(NotWaiting, match=f"^Job {job_id} does not wait$"):
            await desk.management.repair.run_now(job_id)


async def test_a_job_that_runs_is_not_run_again(autojump_clock: MockClock) -> None:
    """On either side."""
    workers = hanging()
    async with open_desk(workers) as desk:
        pushed = await desk.side.push()
        await workers.wait_for_calls(1)
        await desk.pull_side.enqueue("a")
        await desk.pull_side.fetch()
        for job_id in (str(pushed), await id_of(desk, "a")):
            with pytest.raises(NotWaiting):
                await desk.management.repair.run_now(job_id)
        assert len(workers.calls) == 1


async def test_a_running_push_job_is_cancelled(autojump_clock: MockClock) -> None:
    """Its worker is let go of (I12)."""
    workers = hanging()
    async with open_desk(workers) as desk:
        job_id = await desk.side.push()
        await workers.wait_for_calls(1)
        assert await desk.management.repair.delete(str(job_id)) is Kind.PUSH
        with trio.fail_after(10):
            while workers.in_flight:
                await trio.sleep(0.01)
        with pytest.raises(NoSuchJobId):
            await desk.management.jobs.find(str(job_id))


async def test_a_running_pull_job_is_deleted_and_not_remembered_as_finished(
    autojump_clock: MockClock,
) -> None:
    """Its worker learns of it when it asks."""
    async with open_desk(hanging()) as desk:
        await desk.pull_side.enqueue("a")
        job = await desk.pull_side.fetch_one()
        assert await desk.management.repair.delete(str(job.id)) is Kind.PULL
        with pytest.raises(NoSuchJob):
            await desk.pull_side.pull.heartbeat("q", "a")
        with pytest.raises(NoSuchJobId):
            await desk.management.jobs.find(str(job.id))


async def test_the_successor_of_a_pull_job_is_not_deleted_in_its_place(autojump_clock: MockClock) -> None:
    """Somebody completed the job and enqueued another of its name since it was looked up."""
    async with open_desk(hanging()) as desk:
        await desk.pull_side.enqueue("a")
        looked_up = await desk.pull_side.pull.job("q", "a")
        await desk.pull_side.pull.complete("q", "a")
        await desk.pull_side.enqueue("a")
        with pytest.raises(NoSuchJob):
            await desk.pull_side.pull.delete(looked_up)
        assert (await desk.pull_side.pull.job("q", "a")).state is JobState.WAITING


async def test_failed_and_finished_jobs_are_forgotten(autojump_clock: MockClock) -> None:
    """And nothing else of their queue."""
    async with open_desk(answering(PERMANENT, SUCCESS, PERMANENT, SUCCESS)) as desk:
        ids: list[str] = []
        for _ in range(4):
            ids.append(str(await desk.side.push()))
            await desk.side.wait_until_empty()
        found = [type(await desk.management.jobs.find(job_id)) for job_id in ids]
        assert found == [FailedJob, FinishedJob, FailedJob, FinishedJob]
        for job_id in ids[:2]:
            await desk.management.repair.delete(job_id)
            with pytest.raises(NoSuchJobId):
                await desk.management.repair.delete(job_id)
        left = [type(await desk.management.jobs.find(job_id)) for job_id in ids[2:]]
        assert left == [FailedJob, FinishedJob]


async def test_waiting_jobs_are_deleted(autojump_clock: MockClock) -> None:
    """Of both sides."""
    async with open_desk(hanging()) as desk:
        await desk.pull_side.enqueue("a")
        ids = [str(await desk.side.push(run_after_s=60)), await id_of(desk, "a")]
        assert [type(await desk.management.jobs.find(job_id)) for job_id in ids] == [Job, PullJob]
        for job_id in ids:
            await desk.management.repair.delete(job_id)
            with pytest.raises(NoSuchJobId):
                await desk.management.jobs.find(job_id)
