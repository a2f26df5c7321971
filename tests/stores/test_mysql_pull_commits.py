"""Pull jobs in the MySQL store: connections lost around a commit, and the order of one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from tests.stores.mysql_proxy import Cut, Proxy, proxy_to
from tests.stores.nodes import NOW
from tests.stores.workers import (
    completion,
    enqueue_keys,
    found,
    heartbeat,
    lease_end,
    pull_job,
    rescheduling,
    returning,
    take,
    take_one,
)
from trioworq.core.jobs import Kind
from trioworq.core.pull import Verdict
from trioworq.stores.claims import Take
from trioworq.stores.interface import FailureQuery, Store
from trioworq.stores.mysql import writes
from trioworq.stores.mysql.connection import open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.store import open_mysql_store
from trioworq.stores.mysql.writer import delayed
from trioworq.stores.operations import ExpireLeases, Operation

# More than anything here takes on the busiest machine.
A_MINUTE = 60


@asynccontextmanager
async def behind_a_proxy(dsn: str) -> AsyncIterator[tuple[Store, Proxy]]:
    """Open a store whose commits can be cut off."""
    with trio.fail_after(A_MINUTE):
        async with proxy_to(dsn) as (proxy, its_dsn), open_mysql_store(its_dsn, node_id="n") as store:
            yield store, proxy


@pytest.mark.parametrize("cut", list(Cut))
async def test_enqueue_whose_commit_was_cut_off_is_stored_once(mysql_dsn: str, cut: Cut) -> None:
    """Nobody is told that a key is taken by the job that was just enqueued under it (I1)."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        proxy.cuts = [cut, cut]
        ids = await store.enqueue([pull_job(key) for key in "ab"])
        assert proxy.cuts == []
        assert [(job.id, job.key) for job in await take(store)] == list(zip(ids, "ab", strict=True))


@pytest.mark.parametrize("cut", list(Cut))
async def test_take_whose_commit_was_cut_off_hands_each_job_out_once(mysql_dsn: str, cut: Cut) -> None:
    """In the run that the database knows."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        await enqueue_keys(store, *"abc")
        proxy.cuts = [cut]
        jobs = await take(store)
        assert [(job.key, job.attempt) for job in jobs] == [("a", 1), ("b", 1), ("c", 1)]
        assert await take(store) == []
        assert [await store.change(completion(job.key, run=job.run)) for job in jobs] == [Verdict.DONE] * 3


@pytest.mark.parametrize("cut", list(Cut))
async def test_change_whose_commit_was_cut_off_is_answered_truly(mysql_dsn: str, cut: Cut) -> None:
    """One that got through says so, though its first answer was lost."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        await enqueue_keys(store, "k")
        job = await take_one(store)
        for change in (heartbeat(run=job.run), returning(job)):
            proxy.cuts = [cut]
            assert await store.change(change) is Verdict.DONE
        job = await take_one(store)
        proxy.cuts = [cut]
        assert await store.change(rescheduling(run=job.run, run_at_ms=NOW)) is Verdict.DONE
        job = await take_one(store)
        proxy.cuts = [cut]
        assert await store.change(completion(run=job.run)) is Verdict.DONE
        assert await store.change(completion()) is Verdict.ABSENT


@pytest.mark.parametrize("cut", list(Cut))
async def test_leases_whose_commit_was_cut_off_end_once(mysql_dsn: str, cut: Cut) -> None:
    """With one retry less, or one entry in the failed store (I4, I11)."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        await enqueue_keys(store, "k", max_retries=3)
        await enqueue_keys(store, "last", max_retries=0)
        job, _ = await take(store)
        proxy.cuts = [cut]
        assert len(await store.expire_leases(lease_end(job) + 1, 10)) == 2
        assert (await found(store)).retries_left == 2
        page = await store.failures(FailureQuery("q", 10, kind=Kind.PULL))
        assert [failed.key for failed in page.items] == ["last"]


@pytest.mark.parametrize("is_careful", [False, True])
async def test_workers_are_heard_before_leases_are_ended_in_one_transaction(
    mysql_dsn: str, is_careful: bool
) -> None:
    """Whoever keeps a job or ends it together with that has been in time."""
    async with open_mysql_store(mysql_dsn, node_id="n") as store:
        await enqueue_keys(store, *"abcd", max_retries=0)
        jobs = await take(store)
        after = lease_end(jobs[0]) + 1
        operations: list[Operation] = [
            heartbeat("a", now_ms=after),
            completion("b", run=jobs[1].run),
            rescheduling("c"),
            ExpireLeases(after, 10),
        ]
        apply = partial(writes.apply, mark=b"SELECT 1", is_careful=is_careful)
        async with (
            open_connection(parse(mysql_dsn), autocommit=False) as connection,
            connection.transaction(),
        ):
            *verdicts, ended = await apply(connection, operations)
        assert verdicts == [Verdict.DONE] * 3
        assert isinstance(ended, list)
        assert [each.key for each in ended] == ["d"]


def test_leases_of_a_take_begin_when_it_could_be_carried_out() -> None:
    """While the database was away nobody had the jobs (I4); all else is as it was asked for."""
    operations: list[Operation] = [Take("q", 5, NOW), heartbeat(), ExpireLeases(NOW, 1)]
    assert delayed(operations, 0.01) is operations
    assert delayed(operations, 6.5) == [Take("q", 5, NOW + 6500), *operations[1:]]


async def test_take_that_waited_for_the_database_begins_its_leases_late(mysql_dsn: str) -> None:
    """As late as the time that it waited."""
    async with behind_a_proxy(mysql_dsn) as (store, proxy):
        await enqueue_keys(store, "k")
        proxy.pause_s = 1.0
        proxy.cuts = [Cut.BEFORE]
        job = await take_one(store)
        assert lease_end(job) >= NOW + job.timeout_s * 1000 + 1000
