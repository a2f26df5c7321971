"""Any job is found by its id, and all are counted (contract jobs §3.3, README 23)."""

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.push_side import PERMANENT, SUCCESS, answering, hanging
from tests.manage.desk import open_desk
from trioworq.core.errors import NoSuchJobId
from trioworq.core.jobs import FailedJob, FinishedJob, Job
from trioworq.core.pull import PullJob
from trioworq.manage.lookup import JobStats


async def test_a_job_is_found_at_every_stage(autojump_clock: MockClock) -> None:
    """One id leads to the job where it waits, where it failed, and where it is remembered."""
    async with open_desk(answering(PERMANENT, SUCCESS)) as desk:
        lookup = desk.management.jobs
        job_id = str(await desk.side.push(run_after_s=1))
        assert isinstance(await lookup.find(job_id), Job)
        await desk.wait_for_failures(1)
        assert isinstance(await lookup.find(job_id), FailedJob)
        await desk.management.failed.retry(job_id)
        await desk.side.wait_until_empty()
        assert isinstance(await lookup.find(job_id), FinishedJob)


async def test_a_pull_job_is_found_by_the_same_ids(autojump_clock: MockClock) -> None:
    """Push and pull jobs are numbered together."""
    async with open_desk(hanging()) as desk:
        await desk.pull_side.enqueue("k")
        job = await desk.pull_side.fetch_one()
        assert isinstance(await desk.management.jobs.find(str(job.id)), PullJob)


@pytest.mark.parametrize("job_id", ["1", "", "x", "-1", "01", "9" * 400])
async def test_what_no_job_is_called_is_not_found(autojump_clock: MockClock, job_id: str) -> None:
    """An id that is none is one that no job has."""
    async with open_desk(hanging()) as desk:
        with pytest.raises(NoSuchJobId, match="not found: No such job"):
            await desk.management.jobs.find(job_id)


async def test_jobs_of_both_kinds_are_counted(autojump_clock: MockClock) -> None:
    """Deferred jobs are not queued, as in RQ; a name of a queue is that of both kinds (README 23)."""
    async with open_desk(hanging()) as desk:
        await desk.side.define("q", max_workers=1)
        await desk.side.define("default", max_workers=1)
        for _ in range(3):
            await desk.side.push()
        await desk.side.push(run_after_s=60)
        await desk.pull_side.enqueue("a", "b", "c", timeout_s=3)
        await desk.pull_side.fetch_one()
        await trio.sleep(1)
        assert await desk.management.jobs.stats() == JobStats(queued=4, failed=0, started=2, finished=0)
        await trio.sleep(5)
        await desk.pull_side.pull.complete("q", "b")
        stats = desk.management.jobs.stats
        assert await stats("q") == JobStats(queued=1, failed=1, started=0, finished=1)
        assert await stats("default") == JobStats(queued=2, failed=0, started=1, finished=0)
        assert await stats("none") == JobStats(queued=0, failed=0, started=0, finished=0)
