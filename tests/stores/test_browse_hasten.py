"""Jobs that are made to hurry, on every store."""

from attrs import evolve

from tests.stores.failing import fail_push
from tests.stores.nodes import NOW, Node, completed, new_job, push_one, retried
from tests.stores.workers import enqueue_one, found, heartbeat, pull_job, rescheduling, take, take_one
from trioworq.core.jobs import Job, JobState
from trioworq.stores.interface import Store


async def test_deferred_push_job_is_due_now(node: Node) -> None:
    """Nothing else of it changes; it is claimed at once."""
    store = node.store
    job_id = await push_one(store, new_job(next_try_ms=NOW + 9000, priority=7))
    before = await store.job("q", job_id)
    assert before is not None
    assert await node.claim() == []
    hastened = evolve(before, next_try_ms=NOW)
    assert await store.hasten(job_id, NOW) == hastened
    assert await store.job("q", job_id) == hastened
    assert [job.id for job in await node.claim()] == [job_id]


async def test_job_that_waits_for_its_retry_is_tried_now(node: Node) -> None:
    """With what it has left of its retries, and its next attempt."""
    store = node.store
    await push_one(store, new_job())
    tried = await node.claim_one()
    await store.settle(retried(tried, next_try_ms=NOW + 5000))
    hastened = await store.hasten(tried.id, NOW + 1)
    assert isinstance(hastened, Job)
    assert (hastened.next_try_ms, hastened.fail_count, hastened.retries_left) == (NOW + 1, 1, 2)
    again = await node.claim_one(now_ms=NOW + 1)
    assert (again.id, again.attempt) == (tried.id, tried.attempt + 1)


async def test_deferred_pull_job_is_due_now(store: Store) -> None:
    """With its saved state and its lease's length; it is handed out at once."""
    await enqueue_one(store, pull_job())
    await take_one(store)
    await store.change(rescheduling(saved_state=b"[3]", run_at_ms=NOW + 60_000))
    before = await found(store)
    assert await take(store) == []
    hastened = evolve(before, run_at_ms=NOW)
    assert await store.hasten(before.id, NOW) == hastened
    assert await found(store) == hastened
    assert (await take_one(store)).id == before.id


async def test_job_that_is_due_stays_as_it_is(store: Store) -> None:
    """It has its place before those that come later."""
    pushed = await push_one(store, new_job(next_try_ms=NOW - 5))
    pulled = await enqueue_one(store, pull_job(run_at_ms=NOW - 5))
    for job_id in (pushed, pulled):
        before = await store.find_job(job_id)
        assert await store.hasten(job_id, NOW) == before
        assert await store.find_job(job_id) == before


async def test_job_that_runs_is_left_alone(node: Node) -> None:
    """Its time is that of its attempt."""
    store = node.store
    await push_one(store, new_job(next_try_ms=NOW + 3))
    running = await node.claim_one(now_ms=NOW + 3)
    assert running.state is JobState.RUNNING
    assert await store.hasten(running.id, NOW) is None
    assert await store.job("q", running.id) == running
    await enqueue_one(store, pull_job(run_at_ms=NOW + 3))
    leased = await take_one(store, now_ms=NOW + 3)
    assert await store.hasten(leased.id, NOW) is None
    assert await found(store) == leased
    await store.change(heartbeat())


async def test_job_that_is_gone_cannot_be_hastened(node: Node) -> None:
    """Be it done, failed, or never there."""
    store = node.store
    done = await push_one(store, new_job())
    await store.settle(completed(await node.claim_one()))
    for job_id in (done, await fail_push(node), 10**9, 0):
        assert await store.hasten(job_id, NOW) is None
    assert await store.count_jobs(NOW) == []


async def test_only_the_job_that_is_named_hurries(node: Node) -> None:
    """Others of its queue wait for their time."""
    store = node.store
    ids = [await push_one(store, new_job(next_try_ms=NOW + 5)) for _ in range(3)]
    await store.hasten(ids[1], NOW)
    assert [job.id for job in await node.claim()] == [ids[1]]
