"""Failed jobs that wait again, on every store (contract jobs §3.3)."""

import pytest
import trio
from attrs import evolve

from tests.stores.failing import fail_pull, fail_push, failed_entry, failed_job_ids, failure_id_of
from tests.stores.nodes import A_FAILURE, NOW, Node, completed, failed, new_job, push_one, retried
from tests.stores.test_failed_store import HOSTILE
from tests.stores.workers import (
    completion,
    enqueue_one,
    found,
    heartbeat,
    in_order,
    pull_job,
    rescheduling,
    take,
    take_one,
)
from trioworq.core.failures import FailureName, Obstacle, Requeued
from trioworq.core.jobs import INT64_MAX, FailedJob, Job, JobState, Kind, Payload, PayloadForm
from trioworq.core.pull import Verdict
from trioworq.core.queues import QueueDefinition
from trioworq.core.retry import Failed
from trioworq.stores.interface import FailureQuery, JobQuery, JobSet, Store

LATER = NOW + 1000


@pytest.fixture
async def defined(node: Node) -> Node:
    """A node that holds queue q, which is defined."""
    await node.store.put_queue(QueueDefinition("q", 200, 20))
    return node


async def requeue(store: Store, *job_ids: int, now_ms: int = LATER) -> list[Requeued | None]:
    """Have failed jobs wait again."""
    return await store.retry_failures([await failure_id_of(store, job_id) for job_id in job_ids], now_ms)


async def test_push_job_waits_again_as_it_was_pushed(defined: Node) -> None:
    """Under its id, with its retries refilled, due now and not failed any more."""
    store = defined.store
    pushed = new_job(
        category=HOSTILE,
        url="http://worker/?a='b'",
        payload=Payload(PayloadForm.TEXT, b"\x00\xff'\\"),
        created_at_ms=NOW - 9,
        timeout_s=7,
        retry_delay_s=8,
        max_retries=1,
        priority=-5,
    )
    job_id = await push_one(store, pushed)
    await store.settle(retried(await defined.claim_one()))
    await store.settle(failed(await defined.claim_one()))
    assert await requeue(store, job_id) == [Requeued(FailureName(job_id, "q"))]
    job = await store.job("q", job_id)
    assert job == evolve(pushed.stored(job_id), next_try_ms=LATER, attempt=2)
    assert await store.find_job(job_id) == job
    assert (await store.failures(FailureQuery("q", 10))).items == []
    assert await failed_job_ids(store) == []


async def test_pull_job_waits_again_as_it_was_enqueued(store: Store) -> None:
    """Under its id and key, with what its worker has saved."""
    enqueued = pull_job(
        HOSTILE, payload=b"[1.0]", max_retries=1, priority=-5, timeout_s=1, created_at_ms=NOW - 9
    )
    job_id = await enqueue_one(store, enqueued)
    for _ in range(2):
        job = await take_one(store)
        await store.change(heartbeat(HOSTILE, b'{"done": 7}', now_ms=NOW))
        await store.expire_leases(NOW + 1001, 10)
    assert (await failed_entry(store, job_id)).fail_count == 2
    assert await requeue(store, job_id) == [Requeued(FailureName(job_id, "q", HOSTILE))]
    again = await found(store, HOSTILE)
    assert again == evolve(
        enqueued.stored(job_id), run_at_ms=LATER, attempt=job.attempt, saved_state=b'{"done": 7}'
    )
    assert await store.find_job(job_id) == again
    assert (await store.failures(FailureQuery("q", 10, kind=Kind.PULL))).items == []


async def test_rescheduled_pull_job_gets_back_what_it_was_rescheduled_with(store: Store) -> None:
    """Its last timeout, payload and number of retries are those that it fails with."""
    job_id = await enqueue_one(store, pull_job())
    await take(store)
    await store.change(rescheduling(run_at_ms=NOW, timeout_s=0, max_retries=1, payload=b'"p"'))
    for _ in range(2):
        await take_one(store)
        await store.expire_leases(NOW + 1, 10)
    await requeue(store, job_id)
    again = await found(store)
    assert (again.timeout_s, again.max_retries, again.retries_left) == (0, 1, 1)
    assert (again.payload, again.created_at_ms) == (b'"p"', NOW)


async def test_requeued_job_runs_and_fails_as_often_as_before(defined: Node) -> None:
    """Its retries are counted from the start; then it is a newer failure of the same job."""
    store = defined.store
    job_id = await push_one(store, new_job(max_retries=1))
    await store.settle(retried(await defined.claim_one()))
    await store.settle(failed(await defined.claim_one()))
    before = await failed_entry(store, job_id)
    await requeue(store, job_id, now_ms=NOW)
    job = await defined.claim_one()
    assert (job.retries_left, job.fail_count, job.attempt) == (1, 0, 3)
    await store.settle(retried(job))
    await store.settle(failed(await defined.claim_one()))
    after = await failed_entry(store, job_id)
    assert after == evolve(before, id=after.id)
    assert after.id > before.id


async def test_requeued_job_is_due_at_once_and_not_before(defined: Node) -> None:
    """It is claimed from the time of the request on, whenever it was due the first time (I5)."""
    store = defined.store
    job_id = await fail_push(defined)
    pulled = await fail_pull(store)
    await requeue(store, job_id, pulled)
    assert await defined.claim(now_ms=LATER - 1) == []
    assert await take(store, now_ms=LATER - 1) == []
    assert await store.due_queues(LATER) == ["q"]
    assert (await store.outlook(["q"])).first_tries_ms == {"q": LATER}
    (job,) = await defined.claim(now_ms=LATER)
    (pull,) = await take(store, now_ms=LATER)
    assert (job.id, job.started_at_ms, pull.id, pull.started_at_ms) == (job_id, LATER, pulled, LATER)


async def test_requeued_job_has_not_started_yet(defined: Node) -> None:
    """When its last attempt began is no concern of the new one's."""
    store = defined.store
    ids = [await fail_push(defined), await fail_pull(store)]
    await requeue(store, *ids)
    for job_id in ids:
        job = await store.find_job(job_id)
        assert job is not None
        assert job.started_at_ms is None


async def test_what_comes_late_of_a_failed_attempt_changes_nothing(defined: Node) -> None:
    """A requeued job's attempts have numbers of their own, also while the new one runs (I3)."""
    store = defined.store
    job_id = await push_one(store, new_job(max_retries=0))
    job = await defined.claim_one()
    await store.settle(failed(job))
    await requeue(store, job_id, now_ms=NOW)
    assert await store.settle(completed(job)) is False
    again = await defined.claim_one()
    assert again.attempt == job.attempt + 1
    assert await store.settle(completed(job)) is False
    assert await store.settle(completed(again)) is True


async def test_what_comes_late_of_a_failed_lease_changes_nothing(store: Store) -> None:
    """A worker that names its run is told that it is not the present one (README 13)."""
    job_id = await enqueue_one(store, pull_job(max_retries=0, timeout_s=0))
    job = await take_one(store)
    await store.expire_leases(NOW + 1, 10)
    await requeue(store, job_id, now_ms=NOW)
    assert await store.change(completion(run=job.run)) is Verdict.STALE
    again = await take_one(store)
    assert again.attempt == job.attempt + 1
    assert await store.change(heartbeat(run=job.run)) is Verdict.STALE
    assert await store.change(completion(run=job.run)) is Verdict.STALE
    assert await store.change(completion(run=again.run)) is Verdict.DONE


async def test_attempts_that_were_given_up_count_in_the_number_of_the_next(defined: Node) -> None:
    """A job may have been claimed far more often than it failed."""
    store = defined.store
    job_id = await push_one(store, new_job(max_retries=0))
    await defined.claim_one()
    backup = Node(store, "node-2")
    await backup.hold("q", now_ms=NOW + 10_001)
    job = await backup.claim_one()
    assert job.attempt == 2
    await store.settle(failed(job))
    await requeue(store, job_id, now_ms=NOW)
    assert (await backup.claim_one()).attempt == 3


async def test_job_whose_queue_is_gone_stays_failed(node: Node) -> None:
    """It would wait for nobody; once the queue is defined it can be run again."""
    store = node.store
    job_id = await fail_push(node)
    before = await failed_entry(store, job_id)
    outcome = [Requeued(FailureName(job_id, "q"), Obstacle.QUEUE_IS_GONE)]
    assert await requeue(store, job_id) == outcome
    assert await store.find_job(job_id) == before
    assert await store.job("q", job_id) is None
    await store.put_queue(QueueDefinition("q", 200, 20))
    assert await requeue(store, job_id) == [Requeued(FailureName(job_id, "q"))]


async def test_pull_job_needs_no_definition(node: Node) -> None:
    """A pull queue is there by its jobs; that of a push queue of the same name is another's."""
    store = node.store
    pushed, pulled = await fail_push(node), await fail_pull(store)
    assert await requeue(store, pushed, pulled) == [
        Requeued(FailureName(pushed, "q"), Obstacle.QUEUE_IS_GONE),
        Requeued(FailureName(pulled, "q", "k")),
    ]


async def test_job_whose_key_is_taken_stays_failed(store: Store) -> None:
    """Its client has enqueued it anew; when that one has ended, it can be run again."""
    job_id = await fail_pull(store)
    elsewhere = await fail_pull(store, queue="other")
    await enqueue_one(store, pull_job(payload=b'"new"'))
    before = await failed_entry(store, job_id)
    outcome = Requeued(FailureName(job_id, "q", "k"), Obstacle.KEY_IS_TAKEN)
    assert await requeue(store, job_id, elsewhere) == [
        outcome,
        Requeued(FailureName(elsewhere, "other", "k")),
    ]
    assert await failed_entry(store, job_id) == before
    assert (await found(store)).payload == b'"new"'
    await take(store)
    assert await requeue(store, job_id) == [outcome]
    await store.change(completion())
    assert await requeue(store, job_id) == [evolve(outcome, obstacle=None)]


async def test_of_two_failures_with_one_key_one_waits_again(store: Store) -> None:
    """The first that is asked for; the other finds the key taken, though it was free at the beginning."""
    ids = [await fail_pull(store), await fail_pull(store)]
    assert await requeue(store, *ids) == [
        Requeued(FailureName(ids[0], "q", "k")),
        Requeued(FailureName(ids[1], "q", "k"), Obstacle.KEY_IS_TAKEN),
    ]
    assert await failed_job_ids(store) == ids[1:]
    assert (await found(store)).id == ids[0]


async def test_failure_that_is_gone_is_none(defined: Node) -> None:
    """Never there, deleted, or retried before; the others are not kept from it."""
    store = defined.store
    deleted, first, second = [
        await failure_id_of(store, await fail_push(defined, created_at_ms=NOW - age)) for age in (3, 2, 1)
    ]
    await store.delete_failure("q", deleted)
    outcomes = await store.retry_failures([deleted, first, 10**9, second], LATER)
    assert [outcome is None for outcome in outcomes] == [True, False, True, False]
    assert await store.retry_failures([first, second], LATER) == [None, None]
    assert await store.retry_failures([], LATER) == []
    assert len((await store.jobs(JobQuery("q", JobSet.WAITING, LATER, 10))).items) == 2


async def test_of_those_who_ask_at_once_one_is_the_one(defined: Node) -> None:
    """A failure that is retried and removed at the same time is either, as a whole."""
    store = defined.store
    retry_id, forget_id = [await failure_id_of(store, await fail_push(defined)) for _ in range(2)]

    async def retry() -> int:
        outcomes = await store.retry_failures([retry_id, forget_id], LATER)
        return len([outcome for outcome in outcomes if outcome is not None])

    async def forget() -> int:
        names = await store.forget_failures([forget_id, retry_id])
        return len([name for name in names if name is not None])

    assert sum(await in_order(retry, forget, retry, forget, retry)) == 2
    assert await failed_job_ids(store) == []


async def test_hundreds_wait_again_in_one_transaction(defined: Node) -> None:
    """Of both kinds and mixed; each is itself again."""
    store = defined.store
    jobs = await _fail_many(defined, 100)
    pulled = [await fail_pull(store, str(number), payload=b"%d" % number) for number in range(20)]
    outcomes = await requeue(store, *pulled[:10], *jobs, *pulled[10:])
    assert [outcome and outcome.name.job_id for outcome in outcomes] == [*pulled[:10], *jobs, *pulled[10:]]
    assert all(outcome is not None and outcome.obstacle is None for outcome in outcomes)
    waiting = (await store.jobs(JobQuery("q", JobSet.WAITING, LATER, 1000, ascending=True))).items
    assert [(job.id, job.payload.body) for job in waiting] == [
        (job_id, payload) for job_id, payload in sorted(jobs.items())
    ]
    taken = await take(store, now_ms=LATER)
    assert [(job.id, job.payload) for job in taken] == [
        (job_id, b"%d" % number) for number, job_id in enumerate(pulled)
    ]


async def _fail_many(node: Node, count: int) -> dict[int, bytes]:
    """Let push jobs fail together; return their payloads by their ids."""
    payloads = {}
    for number in range(count):
        body = b"%d" % number
        payloads[await push_one(node.store, new_job(payload=Payload(PayloadForm.JSON, body)))] = body
    async with trio.open_nursery() as settling:
        for job in await node.claim(count):
            settling.start_soon(node.store.settle, Failed(job.id, job.attempt, A_FAILURE, 1, NOW))
    return payloads


async def test_requeued_job_stands_behind_none_that_is_less_urgent(defined: Node) -> None:
    """Its place is by (priority, next_try, id), as any job's (I9)."""
    store = defined.store
    urgent = await fail_push(defined, priority=1)
    usual = await fail_push(defined)
    waiting = await push_one(store, new_job(next_try_ms=LATER - 1))
    await requeue(store, usual, urgent)
    assert [job.id for job in await defined.claim(now_ms=LATER)] == [urgent, waiting, usual]


async def test_requeued_job_can_be_deleted_as_any_other(defined: Node) -> None:
    """It is in one place alone."""
    store = defined.store
    job_id = await fail_push(defined)
    await requeue(store, job_id)
    job = await store.delete_job("q", job_id)
    assert isinstance(job, Job)
    assert job.state is JobState.WAITING
    assert await store.find_job(job_id) is None


async def test_id_of_a_requeued_job_is_not_given_away(defined: Node) -> None:
    """The next job has a newer one, and a job that comes back takes none."""
    store = defined.store
    first, newest = await fail_push(defined), await fail_push(defined)
    await requeue(store, newest, first)
    assert await push_one(store, new_job(next_try_ms=INT64_MAX)) == newest + 1
    entry = await store.find_job(first)
    assert not isinstance(entry, FailedJob)
