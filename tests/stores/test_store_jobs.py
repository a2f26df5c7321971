"""Pushing, claiming, finding and deleting jobs, on every store."""

from attrs import evolve

from tests.stores.conftest import OpenStore
from tests.stores.nodes import NOW, Node, claim_once, completed, failed, new_job, push_one
from trioworq.core.jobs import INT64_MAX, UINT32_MAX, Job, JobState, NewJob, Payload, PayloadForm
from trioworq.core.queues import QueueDefinition
from trioworq.stores.claims import CLAIM_BYTES, Claim
from trioworq.stores.interface import Store


def stored(job: NewJob, job_id: int) -> Job:
    return Job(
        id=job_id,
        queue=job.queue,
        category=job.category,
        url=job.url,
        payload=job.payload,
        state=JobState.WAITING,
        priority=job.priority,
        created_at_ms=job.created_at_ms,
        next_try_ms=job.next_try_ms,
        timeout_s=job.timeout_s,
        retry_delay_s=job.retry_delay_s,
        retries_left=job.max_retries,
        fail_count=0,
        attempt=0,
    )


async def test_pushed_job_is_found_as_it_was_pushed(store: Store) -> None:
    """Every field of a push can be read back, at the limits too."""
    largest = new_job(
        timeout_s=UINT32_MAX,
        retry_delay_s=UINT32_MAX,
        max_retries=UINT32_MAX,
        next_try_ms=INT64_MAX,
        priority=-1_000_000,
    )
    for job in (new_job(), largest):
        job_id = await push_one(store, job)
        assert await store.job("q", job_id) == stored(job, job_id)


async def test_job_is_found_under_its_own_queue_only(store: Store) -> None:
    """An id belongs to one queue; asking another one, or for another id, finds nothing."""
    job_id = await push_one(store, new_job())
    assert await store.job("other", job_id) is None
    assert await store.delete_job("other", job_id) is None
    assert await store.job("q", job_id + 1) is None
    assert await store.job("q", job_id) is not None


async def test_ids_grow_in_the_order_of_pushes(store: Store) -> None:
    """A later push has a greater id, whatever its queue."""
    ids = [await push_one(store, new_job(queue=queue)) for queue in "abcab"]
    assert ids == sorted(set(ids))
    assert ids[0] > 0


async def test_ids_are_not_used_again_after_the_jobs_are_gone(node: Node) -> None:
    """Deleting, completing and failing the newest jobs does not free their ids."""
    ids = [await push_one(node.store, new_job()) for _ in range(3)]
    first, second, third = await node.claim()
    await node.store.settle(completed(third))
    await node.store.settle(failed(second))
    await node.store.delete_job("q", first.id)
    assert await push_one(node.store, new_job()) > max(ids)


async def test_ids_are_not_used_again_after_a_restart(open_durable: OpenStore) -> None:
    """An empty job table does not forget the ids it has given (contract W16)."""
    async with open_durable("node-1") as store:
        ids = [await push_one(store, new_job()) for _ in range(3)]
        for job_id in ids:
            await store.delete_job("q", job_id)
    async with open_durable("node-2") as store:
        assert await push_one(store, new_job()) > max(ids)


async def test_jobs_and_definitions_survive_a_restart(open_durable: OpenStore) -> None:
    """What was answered is there when the store is opened again (I1)."""
    async with open_durable("node-1") as store:
        job_id = await push_one(store, new_job())
        await store.put_queue(QueueDefinition("q", 200, 20))
    async with open_durable("node-2") as store:
        assert await store.job("q", job_id) == stored(new_job(), job_id)
        assert await store.queues() == [QueueDefinition("q", 200, 20)]


async def test_claimed_job_is_running_and_its_attempt_has_grown(node: Node) -> None:
    """A claim returns the job as it is from now on, and it can be read back so."""
    job_id = await push_one(node.store, new_job())
    job = await node.claim_one()
    assert job == evolve(stored(new_job(), job_id), state=JobState.RUNNING, attempt=1, started_at_ms=NOW)
    assert await node.store.job("q", job_id) == job


async def test_running_job_is_not_claimed_again(node: Node) -> None:
    """Only waiting jobs are claimed (I3)."""
    await push_one(node.store, new_job())
    await node.claim_one()
    assert await node.claim(now_ms=NOW + 10**9) == []


async def test_jobs_are_claimed_by_priority_then_time_then_id(node: Node) -> None:
    """Lower priorities first, then earlier ones, then smaller ids (I9)."""
    keys = [(100, NOW), (5, NOW), (100, NOW - 9), (-7, NOW), (100, NOW), (5, NOW - 1), (-7, NOW)]
    pushed = [
        (priority, due, await push_one(node.store, new_job(priority=priority, next_try_ms=due)))
        for priority, due in keys
    ]
    claimed = await node.claim()
    assert [(job.priority, job.next_try_ms, job.id) for job in claimed] == sorted(pushed)


async def test_order_holds_from_one_claim_to_the_next(node: Node) -> None:
    """Claiming two at a time gives the same order as claiming all at once."""
    keys = [(100, NOW - 2), (1, NOW), (100, NOW - 3), (1, NOW - 1), (50, NOW)]
    pushed = [
        (priority, due, await push_one(node.store, new_job(priority=priority, next_try_ms=due)))
        for priority, due in keys
    ]
    claimed = [job for _ in range(3) for job in await node.claim(2)]
    assert [(job.priority, job.next_try_ms, job.id) for job in claimed] == sorted(pushed)


async def test_job_is_not_claimed_before_its_time(node: Node) -> None:
    """A job is due at next_try itself, not a millisecond earlier (I5)."""
    job_id = await push_one(node.store, new_job(next_try_ms=NOW + 5000))
    assert await node.claim(now_ms=NOW + 4999) == []
    assert [job.id for job in await node.claim(now_ms=NOW + 5000)] == [job_id]


async def test_deferred_job_of_a_better_priority_does_not_hold_up_due_ones(node: Node) -> None:
    """Priority orders due jobs only."""
    await push_one(node.store, new_job(priority=1, next_try_ms=NOW + 1))
    due = await push_one(node.store, new_job(priority=100))
    assert [job.id for job in await node.claim()] == [due]


async def test_claim_takes_no_more_than_its_limit(node: Node) -> None:
    """The rest stays waiting for the next claim; a limit of none takes none."""
    ids = [await push_one(node.store, new_job()) for _ in range(5)]
    assert await node.claim(0) == []
    assert [job.id for job in await node.claim(3)] == ids[:3]
    assert [job.id for job in await node.claim(3)] == ids[3:]
    assert await node.claim(3) == []


async def test_claim_takes_jobs_of_its_own_queue_only(node: Node) -> None:
    """Queues whose names begin alike are apart."""
    await push_one(node.store, new_job(queue="q2"))
    await push_one(node.store, new_job(queue="Q"))
    await push_one(node.store, new_job(queue="q "))
    assert await node.claim() == []


async def test_claim_under_an_epoch_that_is_not_current_takes_nothing(node: Node) -> None:
    """Older and never given epochs are refused, and so is a queue that nobody owns (I7)."""
    job_id = await push_one(node.store, new_job())
    await push_one(node.store, new_job(queue="unowned"))
    current = node.epochs["q"]
    for epoch in (current - 1, current + 1):
        assert await claim_once(node.store, Claim("q", epoch, 10, NOW)) == []
    for epoch in (0, 1):
        assert await claim_once(node.store, Claim("unowned", epoch, 10, NOW)) == []
    assert [job.id for job in await node.claim()] == [job_id]


async def test_deleted_job_is_returned_and_gone(node: Node) -> None:
    """A second delete, a claim and a lookup find nothing."""
    job_id = await push_one(node.store, new_job())
    assert await node.store.delete_job("q", job_id) == stored(new_job(), job_id)
    assert await node.store.delete_job("q", job_id) is None
    assert await node.store.job("q", job_id) is None
    assert await node.claim() == []


async def test_running_job_can_be_deleted(node: Node) -> None:
    """It is returned as it was, running."""
    await push_one(node.store, new_job())
    job = await node.claim_one()
    assert await node.store.delete_job("q", job.id) == job


async def test_due_queues_are_the_defined_ones_with_a_job_to_claim(node: Node) -> None:
    """Deferred and running jobs do not count, nor do jobs of a queue that is not defined."""
    store = node.store
    for name in ("q", "due", "deferred", "empty", "Q"):
        await store.put_queue(QueueDefinition(name, 200, 20))
    await push_one(store, new_job())
    await node.claim_one()
    await push_one(store, new_job(queue="due", priority=7))
    await push_one(store, new_job(queue="deferred", next_try_ms=NOW + 1000))
    await push_one(store, new_job(queue="undefined"))
    assert await store.due_queues(NOW) == ["due"]
    assert await store.due_queues(NOW + 999) == ["due"]
    assert sorted(await store.due_queues(NOW + 1000)) == ["deferred", "due"]


async def test_claim_of_large_payloads_ends_early(open_durable: OpenStore) -> None:
    """A claim stops soon after CLAIM_BYTES; the next ones go on where it stopped, each job once."""
    payload = Payload(PayloadForm.TEXT, b"x" * (CLAIM_BYTES // 2))
    async with open_durable("node-1") as store:
        node = Node(store)
        await node.hold("q")
        ids = [await push_one(store, new_job(payload=payload)) for _ in range(20)]
        claims = []
        while jobs := await node.claim(limit=20):
            claims.append([job.id for job in jobs])
        assert len(claims) > 1
        assert [job_id for claim in claims for job_id in claim] == ids


async def test_claim_of_many_small_jobs_is_not_cut(node: Node) -> None:
    """A claim that may take a hundred jobs takes a hundred, in order."""
    ids = [await push_one(node.store, new_job()) for _ in range(105)]
    assert [job.id for job in await node.claim(limit=100)] == ids[:100]
    assert [job.id for job in await node.claim(limit=100)] == ids[100:]
