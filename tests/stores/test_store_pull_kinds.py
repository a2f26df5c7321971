"""Push and pull queues of one name are two queues, on every store (contract one-port §5.2)."""

from attrs import evolve

from tests.stores.nodes import (
    LEASE_MS,
    NOW,
    Node,
    Starter,
    completed,
    failed,
    new_job,
    push_one,
    released,
    retried,
)
from tests.stores.workers import (
    completion,
    enqueue_keys,
    enqueue_one,
    found,
    heartbeat,
    lease_end,
    pull_job,
    rescheduling,
    take,
    take_one,
)
from trioworq.core.jobs import JobState, Kind
from trioworq.core.pull import Run, Verdict
from trioworq.core.queues import QueueDefinition
from trioworq.stores.claims import Push
from trioworq.stores.interface import FailureOrder, FailureQuery, JobQuery, JobSet, Outlook


async def test_claims_and_takes_find_jobs_of_their_own_kind(node: Node) -> None:
    """Whatever the other's priority and time are."""
    store = node.store
    pulled = await enqueue_one(store, pull_job(priority=-9, run_at_ms=NOW - 9))
    pushed = await push_one(store, new_job(priority=-5, next_try_ms=NOW - 5))
    second = await enqueue_one(store, pull_job("second"))
    assert [job.id for job in await node.claim()] == [pushed]
    assert [job.id for job in await take(store)] == [pulled, second]
    assert await node.claim() == []
    assert await take(store) == []


async def test_lists_show_push_jobs_only(node: Node) -> None:
    """Waiting, running or deferred, a pull job is in none of them (contract one-port §5.2)."""
    store = node.store
    await enqueue_keys(store, "running", "waiting")
    await take(store, 1)
    await enqueue_keys(store, "deferred", run_at_ms=NOW + 1000)
    for jobs in JobSet:
        assert (await store.jobs(JobQuery("q", jobs, NOW, 100))).items == []


async def test_pull_job_is_no_push_job_by_its_id(node: Node) -> None:
    """Neither found nor deleted nor settled, waiting or handed out; ids are of both kinds."""
    store = node.store
    job_id = await enqueue_one(store, pull_job())
    for _ in range(2):
        before = await found(store)
        assert await store.job("q", job_id) is None
        assert await store.delete_job("q", job_id) is None
        assert await found(store) == before
        await take(store)


async def test_pull_jobs_make_no_push_queue_due(node: Node) -> None:
    """The dispatcher is not woken for jobs that it cannot send."""
    store = node.store
    await store.put_queue(QueueDefinition("q", 200, 20))
    await enqueue_keys(store, "k")
    assert await store.due_queues(NOW) == []


async def test_pull_job_that_waits_holds_up_no_direct_start(node: Node) -> None:
    """A push starts at once if no push job is due before it (I9)."""
    store = node.store
    await enqueue_keys(store, "k", run_at_ms=NOW - 5)
    starter = Starter(node.epochs["q"])
    await store.push([Push(new_job(), starter.offer)])
    assert [job.state for job in starter.begun] == [JobState.RUNNING]


async def test_take_over_of_a_push_queue_leaves_pull_jobs_to_their_workers(node: Node) -> None:
    """What another owner puts back to waiting are push jobs."""
    store = node.store
    await enqueue_keys(store, "k")
    job = await take_one(store)
    await push_one(store, new_job())
    await node.claim_one()
    other = Node(store, "node-2")
    await other.hold("q", now_ms=NOW + LEASE_MS)
    assert other.recovered == {"q": 1}
    assert await found(store) == job


async def test_leases_of_push_jobs_are_not_those_of_pull_jobs(node: Node) -> None:
    """A push job that runs has no lease that could end."""
    store = node.store
    pushed = await push_one(store, new_job())
    await node.claim_one()
    assert await store.outlook(["q"]) == Outlook(None, {})
    assert await store.expire_leases(NOW + 10**10, 10) == []
    running = await store.job("q", pushed)
    assert running is not None
    assert running.state is JobState.RUNNING


async def test_push_job_that_waits_is_not_in_the_outlook(node: Node) -> None:
    """Only pull jobs are asked for."""
    await push_one(node.store, new_job())
    await enqueue_keys(node.store, "k", run_at_ms=NOW + 3)
    assert (await node.store.outlook(["q"])).first_tries_ms == {"q": NOW + 3}


async def test_push_job_has_no_key(node: Node) -> None:
    """No name finds or changes one, neither the empty one nor its id (README 11)."""
    store = node.store
    job_id = await push_one(store, new_job())
    job = await node.claim_one()
    for key in ("", str(job_id), "NULL"):
        assert await store.pull_job("q", key) is None
        for change in (heartbeat(key), completion(key), rescheduling(key)):
            assert await store.change(change) is Verdict.ABSENT
            assert await store.change(evolve(change, run=Run(job_id, 1))) is Verdict.ABSENT
    assert await store.job("q", job_id) == job


async def test_many_push_jobs_share_a_queue_without_keys(node: Node) -> None:
    """That keys are unique concerns those who have one."""
    ids = [await push_one(node.store, new_job()) for _ in range(3)]
    await enqueue_keys(node.store, "")
    assert [job.id for job in await node.claim()] == ids


async def test_each_kind_has_a_failure_log_of_its_own(node: Node) -> None:
    """Of the same queue name, in both orders, with ids that are of both (README 12)."""
    store = node.store
    ids: dict[Kind, list[int]] = {Kind.PUSH: [], Kind.PULL: []}
    for number in range(3):
        await push_one(store, new_job())
        job = await node.claim_one()
        await store.settle(failed(job))
        ids[Kind.PUSH].insert(0, job.id)
        await enqueue_keys(store, str(number), max_retries=0)
        pulled = await take_one(store)
        await store.expire_leases(lease_end(pulled) + 1, 10)
        ids[Kind.PULL].insert(0, pulled.id)
    entry_ids: set[int] = set()
    for kind in Kind:
        for order in FailureOrder:
            page = await store.failures(FailureQuery("q", 100, order, kind=kind))
            assert [entry.job_id for entry in page.items] == ids[kind]
            assert {entry.kind for entry in page.items} == {kind}
        entry_ids.update(entry.id for entry in page.items)
    assert len(entry_ids) == 6


async def test_pull_failure_is_no_entry_of_the_push_queues_log(node: Node) -> None:
    """It is neither found nor deleted there (contract one-port §5.2)."""
    store = node.store
    await enqueue_keys(store, "k", max_retries=0)
    await store.expire_leases(lease_end(await take_one(store)) + 1, 10)
    (entry,) = (await store.failures(FailureQuery("q", 10, kind=Kind.PULL))).items
    assert await store.failure("q", entry.id) is None
    assert await store.delete_failure("q", entry.id) is None
    assert (await store.failures(FailureQuery("q", 10, kind=Kind.PULL))).items == [entry]


async def test_push_jobs_are_settled_beside_pull_jobs(node: Node) -> None:
    """In one queue name and with the same attempt; no settlement is one of a pull job."""
    store = node.store
    await enqueue_keys(store, "k")
    await push_one(store, new_job())
    pushed, pulled = await node.claim_one(), await take_one(store)
    assert pulled.attempt == pushed.attempt
    for settlement in (completed, released, retried, failed):
        assert await store.settle(settlement(evolve(pushed, id=pulled.id))) is False
    assert await found(store) == pulled
    assert await store.settle(completed(pushed)) is True
    assert await found(store) == pulled
