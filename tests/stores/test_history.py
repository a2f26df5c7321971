"""What is remembered of jobs that ended well, on every store (README 22)."""

import trio
from attrs import evolve

from tests.stores.nodes import NOW, Node, completed, new_job, push_one, retried
from tests.stores.workers import completion, enqueue_keys, enqueue_one, heartbeat, pull_job, take, take_one
from trioworq.core.jobs import (
    INT64_MAX,
    KEPT_PAYLOAD_BYTES,
    NO_PAYLOAD,
    FinishedJob,
    Job,
    Payload,
    PayloadForm,
)
from trioworq.core.load import EndedCount
from trioworq.core.pull import Run, Verdict
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed
from trioworq.stores.interface import Store

SAID = Result(ResultStatus.SUCCESS, 299, 'it\'s \\ "%s" `done` \U0001f4a5\x00')
FIRST, LAST = NOW - 5, NOW + 3600_000


def remembered(job: Job, result: Result = SAID, ended_at_ms: int = NOW + 8) -> Completed:
    """The attempt succeeded, and that is to be remembered."""
    return Completed(job.id, job.attempt, job.finished(result, ended_at_ms))


async def finish(node: Node, *, queue: str = "q", ended_at_ms: int = NOW) -> int:
    """Let a push job end well, in a queue where no other is due; return its id."""
    await push_one(node.store, new_job(queue=queue))
    if queue not in node.epochs:
        await node.hold(queue)
    (job,) = await node.claim(queue=queue)
    assert await node.store.settle(remembered(job, ended_at_ms=ended_at_ms))
    return job.id


async def finish_pull(store: Store, *, queue: str = "q", ended_at_ms: int = NOW) -> int:
    """Let a pull job end well; return its id."""
    job_id = await enqueue_one(store, pull_job(queue=queue))
    await store.change(completion(queue=queue, finished_at_ms=ended_at_ms))
    return job_id


async def test_finished_push_job_is_remembered_whole(node: Node) -> None:
    """As its worker ended it, with all that it was pushed with, when it began and how often it failed."""
    store = node.store
    pushed = new_job(
        category="it's", url="http://worker/'", priority=7, created_at_ms=NOW - 9, next_try_ms=NOW - 8
    )
    job_id = await push_one(store, pushed)
    await store.settle(retried(await node.claim_one(now_ms=NOW - 7), next_try_ms=NOW))
    job = await node.claim_one()
    assert await store.settle(remembered(job))
    assert await store.job("q", job_id) is None
    assert await store.find_job(job_id) == FinishedJob(
        job_id=job_id,
        queue="q",
        category="it's",
        url="http://worker/'",
        payload=pushed.payload,
        priority=7,
        result=SAID,
        fail_count=1,
        created_at_ms=NOW - 9,
        started_at_ms=NOW,
        ended_at_ms=NOW + 8,
    )


async def test_job_that_is_not_to_be_remembered_is_gone(node: Node) -> None:
    """A settlement says so, and leaves no trace."""
    store = node.store
    job_id = await push_one(store, new_job())
    assert await store.settle(completed(await node.claim_one()))
    assert await store.find_job(job_id) is None
    assert await store.count_ended() == EndedCount(0, 0)


async def test_settlement_that_changes_nothing_is_not_remembered(node: Node) -> None:
    """Of a job that has been deleted, or whose run is another by now (I3)."""
    store = node.store
    await push_one(store, new_job())
    deleted = await node.claim_one()
    await store.delete_job("q", deleted.id)
    await push_one(store, new_job())
    old = await node.claim_one()
    await store.settle(retried(old))
    job = await node.claim_one()
    for stale in (deleted, old):
        assert await store.settle(remembered(stale)) is False
    assert await store.count_ended() == EndedCount(0, 0)
    assert await store.find_job(job.id) == job


async def test_settlement_that_is_repeated_is_remembered_once(node: Node) -> None:
    """It is sent again when its outcome got lost; the first stands."""
    store = node.store
    await push_one(store, new_job())
    job = await node.claim_one()
    assert await store.settle(remembered(job)) is True
    assert await store.settle(remembered(job, ended_at_ms=NOW + 99)) is False
    found = await store.find_job(job.id)
    assert isinstance(found, FinishedJob)
    assert found.ended_at_ms == NOW + 8
    assert await store.count_ended() == EndedCount(0, 1)


async def test_payloads_are_remembered_in_their_forms_and_large_ones_left_out(node: Node) -> None:
    """One that was absent is not the same as one that was too large."""
    store = node.store
    payloads = [
        NO_PAYLOAD,
        Payload(PayloadForm.TEXT, b""),
        Payload(PayloadForm.TEXT, bytes(KEPT_PAYLOAD_BYTES)),
        Payload(PayloadForm.JSON, bytes(KEPT_PAYLOAD_BYTES + 1)),
    ]
    shown = []
    for payload in payloads:
        await push_one(store, new_job(payload=payload))
        job = await node.claim_one()
        await store.settle(remembered(job))
        found = await store.find_job(job.id)
        assert isinstance(found, FinishedJob)
        shown.append(found.payload)
    assert shown == [*payloads[:3], None]


async def test_each_of_many_that_end_together_is_remembered_as_itself(node: Node) -> None:
    """They share transactions; one that is not the running attempt any more spoils nothing."""
    store = node.store
    for number in range(60):
        await push_one(store, new_job(payload=Payload(PayloadForm.JSON, b"%d" % number)))
    jobs = await node.claim(60)
    unwanted, stale = jobs[7], jobs[9]
    await store.settle(retried(stale, next_try_ms=NOW + 1))
    settlements = [
        completed(job)
        if job is unwanted
        else remembered(job, evolve(SAID, message=f"done {job.id}"), ended_at_ms=NOW + job.id)
        for job in jobs
    ]
    async with trio.open_nursery() as settling:
        for settlement in settlements:
            settling.start_soon(store.settle, settlement)
    assert await store.count_ended() == EndedCount(0, 58)
    for job, settlement in zip(jobs, settlements, strict=True):
        found = await store.find_job(job.id)
        assert isinstance(found, Job) if job is stale else found == settlement.finished


async def test_finished_pull_job_is_remembered_whole(store: Store) -> None:
    """With its key; its worker gives no message, and its state is not kept."""
    job_id = await enqueue_one(
        store, pull_job("it's", payload=b"[1.0]", priority=7, created_at_ms=NOW - 9, timeout_s=1)
    )
    await take_one(store)
    await store.expire_leases(NOW + 1001, 10)
    job = await take_one(store, now_ms=NOW + 2000)
    await store.change(heartbeat("it's", b"1", now_ms=NOW + 2000))
    done = completion("it's", run=job.run, finished_at_ms=NOW + 3000)
    assert await store.change(done) is Verdict.DONE
    assert await store.pull_job("q", "it's") is None
    assert await store.find_job(job_id) == FinishedJob(
        job_id=job_id,
        queue="q",
        category="",
        url="",
        payload=Payload(PayloadForm.JSON, b"[1.0]"),
        priority=7,
        result=Result(ResultStatus.SUCCESS, 0, ""),
        fail_count=1,
        created_at_ms=NOW - 9,
        started_at_ms=NOW + 2000,
        ended_at_ms=NOW + 3000,
        key="it's",
    )
    assert await store.change(done) is Verdict.ABSENT
    assert await store.count_ended() == EndedCount(0, 1)


async def test_pull_job_that_was_never_handed_out_is_remembered_so(store: Store) -> None:
    """A client may end it while it waits."""
    job_id = await finish_pull(store)
    found = await store.find_job(job_id)
    assert isinstance(found, FinishedJob)
    assert (found.started_at_ms, found.ended_at_ms) == (None, NOW)


async def test_pull_completion_is_remembered_only_if_it_says_so_and_happens(store: Store) -> None:
    """Neither one without a time, nor one of a run that is another by now."""
    first = await enqueue_one(store, pull_job())
    assert await store.change(completion()) is Verdict.DONE
    second = await enqueue_one(store, pull_job())
    job = await take_one(store)
    stale = completion(run=Run(first, 1), finished_at_ms=NOW)
    assert await store.change(stale) is Verdict.STALE
    assert await store.find_job(first) is None
    assert await store.find_job(second) == job
    assert await store.count_ended() == EndedCount(0, 0)


async def test_large_payloads_of_pull_jobs_are_left_out(store: Store) -> None:
    """The largest that is kept is kept whole."""
    sizes = [KEPT_PAYLOAD_BYTES, KEPT_PAYLOAD_BYTES + 1]
    shown = []
    for size in sizes:
        job_id = await enqueue_one(store, pull_job(payload=b"9" * size))
        await store.change(completion(finished_at_ms=NOW))
        found = await store.find_job(job_id)
        assert isinstance(found, FinishedJob)
        shown.append(found.payload)
    assert shown == [Payload(PayloadForm.JSON, b"9" * KEPT_PAYLOAD_BYTES), None]


async def test_each_of_many_pull_jobs_that_end_together_is_remembered(store: Store) -> None:
    """They share transactions, handed out or not, with a run named or not, remembered or not."""
    keys = [str(number) for number in range(40)]
    ids = await enqueue_keys(store, *keys)
    runs = {job.key: job.run for job in await take(store, 20)}
    changes = [
        completion(
            key,
            run=runs.get(key) if number % 2 else None,
            finished_at_ms=NOW + number if number % 5 else None,
        )
        for number, key in enumerate(keys)
    ]
    async with trio.open_nursery() as ending:
        for change in changes:
            ending.start_soon(store.change, change)
    for job_id, change in zip(ids, changes, strict=True):
        found = await store.find_job(job_id)
        if change.finished_at_ms is None:
            assert found is None
        else:
            assert isinstance(found, FinishedJob)
            assert (found.key, found.ended_at_ms) == (change.key, change.finished_at_ms)


async def test_key_of_a_finished_job_is_free(store: Store) -> None:
    """History is no job: the same key again is another one, and each is found by its own id."""
    first, second = await finish_pull(store), await finish_pull(store)
    third = await enqueue_one(store, pull_job())
    for job_id in (first, second):
        assert isinstance(await store.find_job(job_id), FinishedJob)
    assert await store.count_ended() == EndedCount(0, 2)
    assert await store.pull_job("q", "k") == await store.find_job(third)


async def test_old_jobs_are_to_be_forgotten(node: Node) -> None:
    """Those that ended before the time, of every queue of both kinds; no more than asked for."""
    store = node.store
    ends = {
        await finish(node, ended_at_ms=NOW + 1): NOW + 1,
        await finish(node, queue="other", ended_at_ms=NOW): NOW,
        await finish(node, ended_at_ms=NOW + 2): NOW + 2,
        await finish_pull(store, ended_at_ms=NOW): NOW,
        await finish_pull(store, queue="p", ended_at_ms=NOW + 1): NOW + 1,
    }
    for before_ms in (FIRST, NOW, NOW + 1, NOW + 2, NOW + 3, INT64_MAX):
        found = await store.outdated_finished(before_ms, 10, 100)
        assert sorted(found) == sorted(job_id for job_id, end_ms in ends.items() if end_ms < before_ms)
    for limit in range(1, 6):
        found = await store.outdated_finished(LAST, 10, limit)
        assert len(set(found)) == len(found) == limit


async def test_of_each_queue_the_oldest_beyond_its_share_are_to_be_forgotten(node: Node) -> None:
    """The newest stay, of those that ended together the ones with greater ids; kinds are apart."""
    store = node.store
    ends_ms = (NOW + 5, NOW + 1, NOW + 3, NOW + 3)
    pushed = [await finish(node, ended_at_ms=end_ms) for end_ms in ends_ms]
    pulled = [await finish_pull(store, ended_at_ms=NOW + age) for age in range(2)]
    other = await finish(node, queue="other")
    oldest_first = [pushed[1], pushed[2], pushed[3], pushed[0]]
    for most in range(5):
        expected = {*oldest_first[: 4 - most], *pulled[: max(2 - most, 0)], *([] if most else [other])}
        assert set(await store.outdated_finished(FIRST, most, 100)) == expected
    assert set(await store.outdated_finished(NOW + 4, 2, 100)) == {*oldest_first[:3], *pulled, other}
    assert len(await store.outdated_finished(FIRST, 1, 2)) == 2


async def test_forgotten_jobs_are_gone(node: Node) -> None:
    """Those that were gone are nobody's concern; nothing else is touched."""
    store = node.store
    pushed, pulled, left = await finish(node), await finish_pull(store), await finish(node)
    waiting = await push_one(store, new_job())
    await store.forget_finished([pushed, 10**9, pulled, waiting, pushed])
    assert await store.find_job(pushed) is None
    assert await store.find_job(pulled) is None
    assert isinstance(await store.find_job(left), FinishedJob)
    assert isinstance(await store.find_job(waiting), Job)
    assert await store.outdated_finished(LAST, 0, 100) == [left]
    await store.forget_finished([])
    await store.forget_finished([left])
    assert await store.count_ended() == EndedCount(0, 0)
    assert await store.outdated_finished(LAST, 0, 100) == []


async def test_history_is_counted_by_the_name_of_its_queue(node: Node) -> None:
    """Queues of both kinds have the name."""
    store = node.store
    await finish(node)
    await finish(node, queue="other")
    await finish_pull(store)
    assert await store.count_ended() == EndedCount(0, 3)
    assert await store.count_ended("q") == EndedCount(0, 2)
    assert await store.count_ended("other") == EndedCount(0, 1)
    assert await store.count_ended("Q") == EndedCount(0, 0)
