"""Leases of pull jobs that end, what becomes of the jobs, and what is next, on every store."""

import pytest
import trio
from attrs import evolve

from tests.stores.nodes import NOW
from tests.stores.workers import (
    TIMEOUT_S,
    completion,
    enqueue_keys,
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
from trioworq.core.jobs import FailedJob, JobState, Kind, Payload, PayloadForm
from trioworq.core.pull import PullJob, Run, TimedOut, Verdict
from trioworq.core.results import Result, ResultStatus
from trioworq.stores.interface import FailureQuery, Outlook, Store

END = NOW + TIMEOUT_S * 1000


async def failures(store: Store, queue: str = "q") -> list[FailedJob]:
    """Return the failed pull jobs of a queue, newest first."""
    return list((await store.failures(FailureQuery(queue, 100, kind=Kind.PULL))).items)


async def expire_one(store: Store, job: PullJob) -> TimedOut:
    """End the lease of a job, which is the only one that has ended."""
    (ended,) = await store.expire_leases(lease_end(job) + 1, 10)
    return ended


async def test_lease_has_ended_when_its_last_millisecond_is_over(store: Store) -> None:
    """Strictly: not at its end itself (contract pull §2.6)."""
    await enqueue_one(store, pull_job())
    job = await take_one(store)
    assert await store.expire_leases(END, 10) == []
    assert await found(store) == job
    assert len(await store.expire_leases(END + 1, 10)) == 1


@pytest.mark.parametrize("timeout_s", [0, -5])
async def test_lease_without_time_ends_with_the_millisecond(store: Store, timeout_s: int) -> None:
    """Such a job is handed out, and its lease is over at once (contract pull §2.3)."""
    await enqueue_one(store, pull_job(timeout_s=timeout_s))
    await take_one(store)
    assert len(await store.expire_leases(NOW + 1, 10)) == 1


async def test_job_whose_lease_has_ended_waits_as_before_with_one_retry_less(store: Store) -> None:
    """Its time, its place and its saved state are kept (contract pull §2.6)."""
    await enqueue_one(store, pull_job(run_at_ms=NOW - 3))
    job = await take_one(store)
    await store.change(heartbeat(saved_state=b"[1]"))
    assert await store.expire_leases(END + 1, 10) == [
        TimedOut(id=job.id, queue="q", key="k", fail_count=1, is_failed=False)
    ]
    assert await found(store) == evolve(
        job,
        state=JobState.WAITING,
        saved_state=b"[1]",
        retries_left=1,
        fail_count=1,
        lease_ends_at_ms=None,
    )
    assert await failures(store) == []


async def test_job_whose_lease_has_ended_is_taken_before_younger_ones(store: Store) -> None:
    """It is due since it was, so it is first in line again (contract pull §2.6)."""
    await enqueue_keys(store, "first")
    (first,) = await take(store)
    await enqueue_keys(store, "second", "third")
    await expire_one(store, first)
    assert [job.key for job in await take(store, 2)] == ["first", "second"]


async def test_each_run_of_a_job_is_another_one(store: Store) -> None:
    """Attempts only ever grow (I3), and `tries` says which this is."""
    job_id = await enqueue_one(store, pull_job())
    runs = []
    for _ in range(3):
        job = await take_one(store)
        runs.append((job.run, job.tries))
        await expire_one(store, job)
    assert runs == [(Run(job_id, 1), 1), (Run(job_id, 2), 2), (Run(job_id, 3), 3)]


@pytest.mark.parametrize("max_retries", [0, 1, 3])
async def test_job_is_tried_once_more_than_its_retries(store: Store, max_retries: int) -> None:
    """Then it has failed (I4); the last of its leases says so."""
    await enqueue_one(store, pull_job(max_retries=max_retries))
    ends = [await expire_one(store, await take_one(store)) for _ in range(max_retries + 1)]
    assert [end.fail_count for end in ends] == list(range(1, max_retries + 2))
    assert [end.is_failed for end in ends] == [False] * max_retries + [True]
    assert await store.pull_job("q", "k") is None
    assert await take(store, now_ms=NOW + 10**9) == []


async def test_job_is_retried_without_end_if_it_says_so(store: Store) -> None:
    """A negative number never runs out (contract pull §2.3)."""
    await enqueue_one(store, pull_job(max_retries=-1))
    for count in range(1, 6):
        ended = await expire_one(store, await take_one(store))
        assert (ended.fail_count, ended.is_failed) == (count, False)
    assert (await found(store)).max_retries == -1


async def test_failed_job_is_in_the_failed_store_once_and_nowhere_else(store: Store) -> None:
    """With its payload as it was sent and the reason (I11, README 21)."""
    await enqueue_one(store, pull_job(max_retries=1, payload=b" [1.0]", created_at_ms=NOW - 8))
    await expire_one(store, await take_one(store))
    job = await take_one(store)
    assert await store.expire_leases(END + 5, 10) == [
        TimedOut(id=job.id, queue="q", key="k", fail_count=2, is_failed=True)
    ]
    (entry,) = await failures(store)
    assert entry == FailedJob(
        id=entry.id,
        job_id=job.id,
        queue="q",
        category="",
        url="",
        payload=Payload(PayloadForm.JSON, b" [1.0]"),
        result=Result(ResultStatus.FAILURE, 0, "lease timed out after 2 attempts"),
        fail_count=2,
        failed_at_ms=END + 5,
        created_at_ms=NOW - 8,
        key="k",
        started_at_ms=NOW,
    )
    assert await store.expire_leases(END + 10**9, 10) == []
    assert await failures(store) == [entry]


async def test_failed_jobs_key_is_free(store: Store) -> None:
    """The next job of that key is another one, and fails for itself (I11)."""
    ids = []
    for _ in range(2):
        ids.append(await enqueue_one(store, pull_job(max_retries=0)))
        await expire_one(store, await take_one(store))
    entries = await failures(store)
    assert [entry.job_id for entry in entries] == [ids[1], ids[0]]
    assert {entry.result.message for entry in entries} == {"lease timed out after 1 attempt"}


async def test_workers_that_come_late_change_nothing(store: Store) -> None:
    """Whoever has lost the lease cannot keep the job, nor end it by its run (I3)."""
    await enqueue_one(store, pull_job())
    job = await take_one(store)
    await expire_one(store, job)
    assert await store.change(heartbeat()) is Verdict.ABSENT
    assert await store.change(completion(run=job.run)) is Verdict.STALE
    assert (await found(store)).state is JobState.WAITING


async def test_leases_that_ended_first_are_ended_first(store: Store) -> None:
    """No more than the limit at a time, of all queues; the rest are left for the next time."""
    timeouts = {"a": 5, "b": 1, "c": 4, "d": 2, "e": 3}
    for key, timeout_s in timeouts.items():
        await enqueue_one(store, pull_job(key, queue=key, timeout_s=timeout_s))
        await take(store, queue=key)
    ends = [await store.expire_leases(NOW + 4001, 2) for _ in range(3)]
    assert [[end.queue for end in each] for each in ends] == [["b", "d"], ["e", "c"], []]


async def test_waiting_jobs_have_no_lease_to_end(store: Store) -> None:
    """Nor have those that were returned, rescheduled or completed (I4)."""
    await enqueue_keys(store, *"abcd")
    first, *_ = await take(store, 3)
    await store.change(returning(first))
    await store.change(rescheduling("b"))
    await store.change(completion("c"))
    assert await store.expire_leases(NOW + 10**9, 10) == []
    assert await store.expire_leases(NOW + 10**9, 0) == []


async def test_leases_are_ended_once_however_many_try(store: Store) -> None:
    """Each is in the outcome of one call (I11)."""
    keys = list(map(str, range(40)))
    await enqueue_keys(store, *keys, max_retries=0)
    await take(store)
    ended: list[str] = []

    async def expire() -> None:
        ended.extend(end.key for end in await store.expire_leases(END + 1, 7))

    async with trio.open_nursery() as nodes:
        for _ in range(12):
            nodes.start_soon(expire)
    assert sorted(ended) == sorted(keys)
    assert sorted(entry.key or "" for entry in await failures(store)) == sorted(keys)


async def test_outlook_of_an_empty_store_is_empty(store: Store) -> None:
    """Nothing is next."""
    assert await store.outlook(["q", "other"]) == Outlook(None, {})


async def test_outlook_tells_when_the_first_waiting_job_of_each_queue_is_due(store: Store) -> None:
    """Of those asked for, whatever its priority; jobs that are handed out do not wait."""
    await enqueue_keys(store, "taken", run_at_ms=NOW - 5)
    await take(store)
    await enqueue_keys(store, "a", run_at_ms=NOW + 9, priority=1)
    await enqueue_keys(store, "b", run_at_ms=NOW + 7, priority=100)
    await enqueue_keys(store, "c", queue="due", run_at_ms=0)
    await enqueue_keys(store, "d", queue="unasked")
    outlook = await store.outlook(["q", "due", "empty"])
    assert outlook.first_tries_ms == {"q": NOW + 7, "due": 0}
    assert (await store.outlook([])).first_tries_ms == {}


async def test_outlook_may_be_asked_for_hundreds_of_queues(store: Store) -> None:
    """However many of them have jobs."""
    queues = [f"q{number}" for number in range(333)]
    await store.enqueue([pull_job(queue=queue) for queue in queues])
    assert (await store.outlook([*queues, "empty"])).first_tries_ms == dict.fromkeys(queues, NOW)


async def test_outlook_tells_when_the_first_lease_ends(store: Store) -> None:
    """Of all queues, as leases are taken, kept and given up."""
    for key, timeout_s in {"a": 9, "b": 5, "c": 7}.items():
        await enqueue_one(store, pull_job(key, queue=key, timeout_s=timeout_s))
        await take(store, queue=key)
    ends = [(await store.outlook([])).first_lease_end_ms]
    await store.change(heartbeat("b", queue="b", now_ms=NOW + 3000))
    ends.append((await store.outlook([])).first_lease_end_ms)
    await store.change(completion("c", queue="c"))
    ends.append((await store.outlook([])).first_lease_end_ms)
    await store.expire_leases(NOW + 8001, 10)
    ends.append((await store.outlook([])).first_lease_end_ms)
    await store.change(completion("a", queue="a"))
    ends.append((await store.outlook([])).first_lease_end_ms)
    assert ends == [NOW + 5000, NOW + 7000, NOW + 8000, NOW + 9000, None]
