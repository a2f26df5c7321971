"""Several nodes on one database: any of them may do anything with any pull job, on every durable store."""

from collections.abc import Sequence

import trio

from tests.stores.conftest import OpenStore
from tests.stores.nodes import NOW
from tests.stores.workers import (
    completion,
    enqueue_one,
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
from trioworq.core.pull import Run, TimedOut, Verdict
from trioworq.stores.interface import FailureQuery, Store


async def failed_keys(store: Store) -> list[str]:
    """Return the keys of the jobs of queue q that have failed, in order."""
    page = await store.failures(FailureQuery("q", 1000, kind=Kind.PULL))
    return sorted(entry.key or "" for entry in page.items)


async def test_job_is_seen_and_changed_from_any_node(open_durable: OpenStore) -> None:
    """Enqueued on one, taken on the other, kept, ended and given up on whichever the worker asks."""
    async with open_durable("node-1") as first, open_durable("node-2") as second:
        await enqueue_one(first, pull_job())
        assert await second.enqueue([pull_job()]) == [None]
        job = await take_one(second)
        assert await take(first) == []
        assert await first.change(heartbeat(saved_state=b"1", now_ms=NOW + 1)) is Verdict.DONE
        assert (await found(second)).saved_state == b"1"
        assert await second.expire_leases(lease_end(job) + 1, 10) == []
        assert len(await second.expire_leases(lease_end(job) + 2, 10)) == 1
        assert await first.change(completion(run=job.run)) is Verdict.STALE
        assert (await first.outlook(["q"])).first_tries_ms == {"q": NOW}
        await first.change(returning(await take_one(first)))
        await take_one(second)
        assert await first.change(rescheduling(run_at_ms=NOW)) is Verdict.DONE
        again = await take_one(second)
        assert await first.change(completion(run=again.run)) is Verdict.DONE
        assert await second.pull_job("q", "k") is None


async def test_two_nodes_never_take_the_same_job(open_durable: OpenStore) -> None:
    """Each job is handed out once, by one of them; together they hand out all (I3)."""
    async with open_durable("node-1") as first, open_durable("node-2") as second:
        ids = await first.enqueue([pull_job(str(number)) for number in range(300)])
        taken: list[int] = []

        async def worker(store: Store) -> None:
            taken.extend(job.id for job in await take(store, 3))

        for _ in range(10):
            async with trio.open_nursery() as workers:
                for store in (first, second) * 5:
                    workers.start_soon(worker, store)
        assert sorted(taken) == ids


async def test_key_that_two_nodes_enqueue_has_one_winner(open_durable: OpenStore) -> None:
    """Alone or in a batch, whatever the order of the keys; the others hear that it is taken."""
    keys = [str(number) for number in range(40)]
    winners: list[int] = []

    async def enqueue(store: Store, keys: Sequence[str]) -> None:
        ids = await store.enqueue([pull_job(key) for key in keys])
        winners.extend(job_id for job_id in ids if job_id is not None)

    async with open_durable("node-1") as first, open_durable("node-2") as second:
        async with trio.open_nursery() as clients:
            for store in (first, second):
                clients.start_soon(enqueue, store, keys)
                clients.start_soon(enqueue, store, keys[::-1])
                for key in keys:
                    clients.start_soon(enqueue, store, [key])
        taken = await take(first)
        assert sorted(job.key for job in taken) == sorted(keys)
        assert sorted(job.id for job in taken) == sorted(winners)


async def test_lease_ends_once_though_two_nodes_end_it(open_durable: OpenStore) -> None:
    """One counts it; a job that has failed is in the failed store once (I4, I11)."""
    keys = [str(number) for number in range(60)]
    async with open_durable("node-1") as first, open_durable("node-2") as second:
        for place, key in enumerate(keys):
            await enqueue_one(first, pull_job(key, max_retries=place % 2))
        end_ms = lease_end((await take(first))[0])
        ended: list[TimedOut] = []

        async def expire(store: Store) -> None:
            while outcome := await store.expire_leases(end_ms + 1, 7):
                ended.extend(outcome)

        async with trio.open_nursery() as nodes:
            for store in (first, second, first, second):
                nodes.start_soon(expire, store)
        assert sorted(end.key for end in ended) == sorted(keys)
        assert {end.fail_count for end in ended} == {1}
        assert await failed_keys(second) == sorted(keys[::2])
        assert sorted(job.key for job in await take(second)) == sorted(keys[1::2])


async def test_nodes_at_work_together_lose_and_duplicate_nothing(open_durable: OpenStore) -> None:
    """Clients, workers and leases that end on both: every job ends once, no run is given twice (I3, I10)."""
    ids: dict[str, int] = {}
    runs: list[Run | None] = []
    completed: list[str] = []
    ended: list[TimedOut] = []

    async def client(store: Store, key: str) -> None:
        ids[key] = await enqueue_one(store, pull_job(key, timeout_s=0, max_retries=2))

    async def worker(taking: Store, completing: Store) -> None:
        for job in await take(taking, 3):
            runs.append(job.run)
            if await completing.change(completion(job.key, run=job.run)) is Verdict.DONE:
                completed.append(job.key)

    async def reaper(store: Store) -> None:
        ended.extend(await store.expire_leases(NOW + 1, 5))

    async with open_durable("node-1") as first, open_durable("node-2") as second:
        for turn in range(3):
            async with trio.open_nursery() as users:
                for number in range(40):
                    store, other = (first, second) if number % 2 else (second, first)
                    users.start_soon(client, store, f"{turn}-{number}")
                    users.start_soon(worker, store, other)
                    users.start_soon(reaper, store)
        left = [key for key in ids if await second.pull_job("q", key) is not None]
        failed = [end.key for end in ended if end.is_failed]
        assert len(ids) == len(set(ids.values())) == 120
        assert len(runs) == len(set(runs))
        assert sorted([*completed, *failed, *left]) == sorted(ids)
        assert await failed_keys(first) == sorted(failed)
