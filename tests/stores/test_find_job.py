"""Any job by its id, at every stage of its life, and when its last attempt began; on every store."""

import trio
from attrs import evolve

from tests.stores.failing import failed_entry, failure_id_of
from tests.stores.nodes import LEASE_MS, NOW, Node, completed, failed, new_job, push_one, released, retried
from tests.stores.test_history import remembered
from tests.stores.workers import completion, enqueue_one, found, pull_job, returning, take_one
from trioworq.core.jobs import INT64_MAX, FinishedJob, Job, JobState
from trioworq.core.pull import PullJob
from trioworq.core.queues import QueueDefinition
from trioworq.stores.interface import Store

LATER = NOW + 500


async def test_push_job_is_found_at_every_stage(node: Node) -> None:
    """Waiting, running, retrying, failed, waiting again, finished; and not once it is deleted."""
    store = node.store
    await store.put_queue(QueueDefinition("q", 200, 20))
    job_id = await push_one(store, new_job())
    waiting = new_job().stored(job_id)
    assert await store.find_job(job_id) == waiting
    running = await node.claim_one()
    assert await store.find_job(job_id) == running
    await store.settle(retried(running, next_try_ms=LATER))
    retrying = evolve(running, state=JobState.WAITING, next_try_ms=LATER, retries_left=2, fail_count=1)
    assert await store.find_job(job_id) == retrying
    await store.settle(failed(await node.claim_one(now_ms=LATER)))
    assert await store.find_job(job_id) == await failed_entry(store, job_id)
    await store.retry_failures([await failure_id_of(store, job_id)], LATER)
    assert await store.find_job(job_id) == evolve(waiting, next_try_ms=LATER, attempt=2)
    settlement = remembered(await node.claim_one(now_ms=LATER))
    await store.settle(settlement)
    assert await store.find_job(job_id) == settlement.finished


async def test_pull_job_is_found_at_every_stage(store: Store) -> None:
    """Waiting, leased, failed, waiting again, finished."""
    job_id = await enqueue_one(store, pull_job(max_retries=0))
    assert await store.find_job(job_id) == pull_job(max_retries=0).stored(job_id)
    job = await take_one(store)
    assert await store.find_job(job_id) == job
    await store.expire_leases(NOW + 10**9, 10)
    assert await store.find_job(job_id) == await failed_entry(store, job_id)
    await store.retry_failures([await failure_id_of(store, job_id)], LATER)
    assert await store.find_job(job_id) == await found(store)
    await store.change(completion(finished_at_ms=LATER))
    finished = await store.find_job(job_id)
    assert isinstance(finished, FinishedJob)
    assert (finished.job_id, finished.key) == (job_id, "k")


async def test_job_that_is_nowhere_is_none(node: Node) -> None:
    """Deleted, never remembered, or never there."""
    store = node.store
    deleted = await push_one(store, new_job())
    await store.delete_job("q", deleted)
    await push_one(store, new_job())
    done = await node.claim_one()
    await store.settle(completed(done))
    pulled = await enqueue_one(store, pull_job())
    await store.change(completion())
    for job_id in (deleted, done.id, pulled, pulled + 1, 0, INT64_MAX):
        assert await store.find_job(job_id) is None


async def test_jobs_of_both_kinds_have_ids_of_one_sequence(store: Store) -> None:
    """An id names one job: which kind it is, is found with it."""
    ids = [await push_one(store, new_job()), await enqueue_one(store, pull_job())]
    assert ids == [ids[0], ids[0] + 1]
    assert [type(await store.find_job(job_id)) for job_id in ids] == [Job, PullJob]


async def test_job_that_moves_meanwhile_is_found_at_one_of_its_places(node: Node) -> None:
    """From one table to the other in one transaction: nobody sees it nowhere."""
    store = node.store
    await store.put_queue(QueueDefinition("q", 200, 20))
    ids = [await push_one(store, new_job()) for _ in range(20)]
    places: list[object] = []
    is_over = False

    async def watch(job_id: int) -> None:
        while not is_over:
            places.append(await store.find_job(job_id))

    async with trio.open_nursery() as watching:
        for job_id in ids[:4]:
            watching.start_soon(watch, job_id)
        for job in await node.claim(100):
            await store.settle(failed(job))
            await store.retry_failures([await store.newest_failure_id()], NOW)
        for job in await node.claim(100):
            await store.settle(remembered(job))
        is_over = True
    assert None not in places
    assert len(places) > 8


async def test_when_a_push_job_began_stays_known_while_it_waits_again(node: Node) -> None:
    """After a failed attempt, a released one, and one whose owner is gone: it is the last start."""
    store = node.store
    job_id = await push_one(store, new_job())

    async def started() -> int | None:
        job = await store.job("q", job_id)
        assert job is not None
        return job.started_at_ms

    assert await started() is None
    await store.settle(retried(await node.claim_one(now_ms=NOW + 1)))
    assert await started() == NOW + 1
    await store.settle(released(await node.claim_one(now_ms=NOW + 2)))
    assert await started() == NOW + 2
    await node.claim_one(now_ms=NOW + 3)
    await Node(store, "node-2").hold("q", now_ms=NOW + LEASE_MS + 1)
    assert await started() == NOW + 3


async def test_when_a_pull_job_began_stays_known_while_it_waits_again(store: Store) -> None:
    """After a lease that ended, and a worker that never got it."""
    await enqueue_one(store, pull_job(timeout_s=0))
    await take_one(store, now_ms=NOW + 1)
    await store.expire_leases(NOW + 2, 10)
    assert (await found(store)).started_at_ms == NOW + 1
    await store.change(returning(await take_one(store, now_ms=NOW + 3)))
    assert (await found(store)).started_at_ms == NOW + 3
