"""Finished jobs in the MySQL store: batches, lost connections, packets."""

from functools import partial
from pathlib import Path

import pytest
from attrs import evolve

from tests.mariadb import MariaDB, administer
from tests.stores.mysql_proxy import Cut
from tests.stores.nodes import NOW, Node, completed, new_job, push_one
from tests.stores.test_mysql import gather, payload
from tests.stores.test_mysql_pull_commits import behind_a_proxy
from tests.stores.workers import completion, enqueue_keys, found, take
from trioworq.core.jobs import FinishedJob, Job
from trioworq.core.load import EndedCount
from trioworq.core.pull import PullChange, Verdict
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed
from trioworq.stores.mysql.store import open_mysql_store

SUCCESS = Result(ResultStatus.SUCCESS, 200, "done")


def finished(job: Job, result: Result = SUCCESS) -> Completed:
    """The attempt succeeded, which is to be remembered."""
    return evolve(completed(job), finished=job.finished(result, NOW + 5))


async def claimed(node: Node, count: int) -> list[Job]:
    """Push jobs and start them."""
    await node.hold("q")
    for _ in range(count):
        await push_one(node.store, new_job())
    return await node.claim()


@pytest.mark.parametrize("cut", list(Cut))
async def test_completion_whose_commit_was_cut_off_is_remembered_once(mysql_dsn: str, cut: Cut) -> None:
    """And answered truly, whichever kind the job is of."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        one, two = await claimed(Node(store), 2)
        await enqueue_keys(store, "k")
        (job,) = await take(store)
        proxy.cuts = [cut]
        assert await gather(*(partial(store.settle, finished(each)) for each in (one, two))) == [True, True]
        proxy.cuts = [cut]
        assert await store.change(completion(run=job.run, finished_at_ms=NOW + 5)) is Verdict.DONE
        assert await store.count_ended() == EndedCount(0, 3)


async def test_late_completion_in_a_batch_is_not_remembered(mysql_dsn: str) -> None:
    """Completions share their statements, and those of jobs that have moved on leave nothing behind (I3)."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        node = Node(store)
        running = await claimed(node, 6)
        late = evolve(finished(running[3]), attempt=99)
        settlements = [*map(finished, running[:3]), late, *map(finished, running[4:])]
        answers = await gather(*(partial(store.settle, each) for each in settlements))
        assert answers == [True, True, True, False, True, True]
        assert await store.find_job(running[3].id) == running[3]
        assert [await store.settle(late), await store.settle(finished(running[0]))] == [False, False]
        assert await store.count_ended() == EndedCount(0, 5)


async def test_late_completions_of_pull_jobs_in_a_batch_are_not_remembered(mysql_dsn: str) -> None:
    """Of those that name their runs, and of those that do not; each that is done has its own time."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        await enqueue_keys(store, *"abcd")
        runs = {job.key: job for job in await take(store)}
        changes: list[PullChange] = [
            completion("a", run=runs["a"].run, finished_at_ms=NOW + 1),
            completion("b", run=runs["b"].run, finished_at_ms=NOW + 2),
            completion("c", run=runs["a"].run, finished_at_ms=NOW + 3),
            completion("d", finished_at_ms=NOW + 4),
            completion("e", finished_at_ms=NOW + 5),
        ]
        verdicts = await gather(*(partial(store.change, each) for each in changes))
        assert verdicts == [*[Verdict.DONE] * 2, Verdict.STALE, Verdict.DONE, Verdict.ABSENT]
        ends = {}
        for key, job in runs.items():
            ended = await store.find_job(job.id)
            ends[key] = ended.ended_at_ms if isinstance(ended, FinishedJob) else None
        assert ends == {"a": NOW + 1, "b": NOW + 2, "c": None, "d": NOW + 4}
        assert await found(store, "c") == runs["c"]


async def test_what_fits_no_statement_is_not_remembered(tmp_path: Path) -> None:
    """The job has ended all the same, alone or in company."""
    with MariaDB(tmp_path, options=["--max-allowed-packet=1M"]) as server:
        server.create_database("jobs")
        async with open_mysql_store(server.dsn("jobs"), node_id="n") as store:
            first, second, third = await claimed(Node(store), 3)
            large = evolve(SUCCESS, message="x" * 2**20)
            assert await store.settle(finished(first, large)) is True
            together = [finished(second, large), finished(third)]
            assert await gather(*(partial(store.settle, each) for each in together)) == [True, True]
            assert store.commits.failures == 0
            assert [await store.find_job(each.id) for each in (first, second)] == [None, None]
            assert isinstance(await store.find_job(third.id), FinishedJob)


async def test_history_is_written_in_as_many_statements_as_the_server_takes(tmp_path: Path) -> None:
    """A batch of jobs with large payloads is more than one packet."""
    with MariaDB(tmp_path, options=["--max-allowed-packet=1M"]) as server:
        server.create_database("jobs")
        async with open_mysql_store(server.dsn("jobs"), node_id="n") as store:
            node = Node(store)
            await node.hold("q")
            for _ in range(40):
                await push_one(store, new_job(payload=payload(60_000)))
            running = await node.claim()
            answers = await gather(*(partial(store.settle, finished(job)) for job in running))
            assert answers == [True] * 40
            assert store.commits.failures == 0
            assert await store.count_ended() == EndedCount(0, 40)


async def test_job_under_an_id_that_is_remembered_can_end(mysql_dsn: str) -> None:
    """A server that has lost count of its ids, as some do in a crash, keeps no job running for ever."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        node = Node(store)
        (first,) = await claimed(node, 1)
        await store.settle(finished(first))
        administer(mysql_dsn, "DELETE FROM job", "ALTER TABLE job AUTO_INCREMENT = 1")
        await enqueue_keys(store, "k")
        assert await store.change(completion(finished_at_ms=NOW)) is Verdict.DONE
        assert isinstance(await store.find_job(first.id), FinishedJob)
