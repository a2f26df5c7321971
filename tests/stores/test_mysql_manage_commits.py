"""Managing and watching in the MySQL store, when the connection is lost around a commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from tests.stores.failing import fail_pull, fail_push, failed_job_ids, failure_id_of
from tests.stores.mysql_proxy import Cut, Proxy, proxy_to
from tests.stores.nodes import NOW, Node, new_job, push_one
from tests.stores.workers import completion, enqueue_one, pull_job, take, take_one
from trioworq.core.failures import FailureName, Requeued
from trioworq.core.jobs import FinishedJob, Kind
from trioworq.core.load import EndedCount, Load, LoadPoint, LoadQuery, LoadSample, TypeName
from trioworq.core.pull import Verdict
from trioworq.core.queues import QueueDefinition
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed
from trioworq.stores.interface import Store
from trioworq.stores.managing import Chore
from trioworq.stores.mysql.store import open_mysql_store

pytestmark = pytest.mark.parametrize("cut", list(Cut))

# More than anything here takes on the busiest machine.
A_MINUTE = 60

DONE = Result(ResultStatus.SUCCESS, 200, "done")


@asynccontextmanager
async def behind_a_proxy(dsn: str) -> AsyncIterator[tuple[Store, Proxy]]:
    """Open a store with queue q, whose commits can be cut off."""
    with trio.fail_after(A_MINUTE):
        async with proxy_to(dsn) as (proxy, its_dsn), open_mysql_store(its_dsn, node_id="n") as store:
            await store.put_queue(QueueDefinition("q", 200, 20))
            yield store, proxy


async def test_jobs_whose_retry_was_cut_off_wait_once(mysql_dsn: str, cut: Cut) -> None:
    """Who asked is told of them, though they may have waited already when it was done again (I3, I10)."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        node = Node(store)
        pushed, pulled = await fail_push(node), await fail_pull(store)
        ids = [await failure_id_of(store, job_id) for job_id in (pushed, pulled)]
        proxy.cuts = [cut, cut]
        assert await store.retry_failures(ids, NOW) == [
            Requeued(FailureName(pushed, "q")),
            Requeued(FailureName(pulled, "q", "k")),
        ]
        assert proxy.cuts == []
        assert await store.count_ended() == EndedCount(0, 0)
        assert [(job.id, job.attempt) for job in await node.claim()] == [(pushed, 2)]
        assert [(job.id, job.attempt) for job in await take(store)] == [(pulled, 2)]


async def test_failures_whose_removal_was_cut_off_are_named(mysql_dsn: str, cut: Cut) -> None:
    """Nobody is told that what was removed for him had been gone."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        pulled = await fail_pull(store)
        failure_id = await failure_id_of(store, pulled)
        proxy.cuts = [cut]
        assert await store.forget_failures([failure_id]) == [FailureName(pulled, "q", "k")]
        assert await failed_job_ids(store) == []


async def test_jobs_whose_end_was_cut_off_are_remembered_once(mysql_dsn: str, cut: Cut) -> None:
    """As having ended well, in the attempt that was settled."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        node = Node(store)
        await node.hold("q")
        await push_one(store, new_job())
        job = await node.claim_one()
        proxy.cuts = [cut]
        assert await store.settle(Completed(job.id, job.attempt, job.finished(DONE, NOW + 1)))
        await enqueue_one(store, pull_job())
        pulled = await take_one(store)
        proxy.cuts = [cut]
        assert await store.change(completion(run=pulled.run, finished_at_ms=NOW + 2)) is Verdict.DONE
        assert await store.find_job(job.id) == job.finished(DONE, NOW + 1)
        assert isinstance(await store.find_job(pulled.id), FinishedJob)
        assert await store.count_ended() == EndedCount(0, 2)


async def test_pause_that_was_cut_off_is_counted_once(mysql_dsn: str, cut: Cut) -> None:
    """And is told as a change to who asked for it."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        before = (await store.look_round(NOW)).pauses
        proxy.cuts = [cut]
        assert await store.set_paused(Kind.PUSH, "q", is_paused=True)
        assert await store.paused_queues() == {(Kind.PUSH, "q")}
        assert (await store.look_round(NOW)).pauses == before + 1


async def test_sample_that_was_cut_off_is_stored_once(mysql_dsn: str, cut: Cut) -> None:
    """With types that have one number each, by the node whose turn it was."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        proxy.cuts = [cut, cut, cut]
        assert await store.take_turn(Chore.SAMPLE, NOW, 1000)
        (job_type,) = await store.name_types([TypeName(Kind.PUSH, "c")])
        await store.add_load(LoadSample(NOW, Load(1, 2, 3), {job_type.id: Load(1, 1, 1)}))
        assert proxy.cuts == []
        assert not await store.take_turn(Chore.SAMPLE, NOW + 1, 1000)
        assert await store.job_types() == [job_type]
        query = LoadQuery(first_ms=NOW, last_ms=NOW, limit=10)
        assert await store.load(query) == [LoadPoint(NOW, Load(1, 2, 3))]
