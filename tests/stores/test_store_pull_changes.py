"""Keeping, ending and rescheduling pull jobs, and the runs that may, on every store."""

from functools import partial
from typing import Any

import pytest
from attrs import evolve

from tests.stores.nodes import NOW
from tests.stores.workers import (
    TIMEOUT_S,
    completion,
    enqueue_keys,
    enqueue_one,
    found,
    heartbeat,
    in_order,
    lease_end,
    pull_job,
    rescheduling,
    returning,
    take,
    take_one,
)
from trioworq.core.jobs import INT64_MAX, JobState
from trioworq.core.pull import INT32_MAX, Completion, Heartbeat, PullJob, Rescheduling, Run, Verdict
from trioworq.stores.interface import Store

WorkersChange = Heartbeat | Completion | Rescheduling

CHANGES = [
    pytest.param(heartbeat(saved_state=b"1"), id="heartbeat"),
    pytest.param(completion(), id="completion"),
    pytest.param(rescheduling(), id="rescheduling"),
]


async def taken(store: Store, **changes: Any) -> PullJob:
    """Enqueue a job and take it."""
    await enqueue_one(store, pull_job(**changes))
    return await take_one(store)


async def test_heartbeat_begins_the_lease_anew(store: Store) -> None:
    """It ends the job's own timeout from now; nothing else changes (contract pull §2.5)."""
    job = await taken(store)
    assert await store.change(heartbeat(now_ms=NOW + 7)) is Verdict.DONE
    assert await found(store) == evolve(job, lease_ends_at_ms=NOW + 7 + TIMEOUT_S * 1000)


async def test_lease_that_was_kept_does_not_end_when_it_would_have(store: Store) -> None:
    """It ends once, at its new end."""
    job = await taken(store)
    await store.change(heartbeat(now_ms=NOW + 7))
    assert await store.expire_leases(lease_end(job) + 7, 10) == []
    (ended,) = await store.expire_leases(lease_end(job) + 8, 10)
    assert (ended.id, ended.fail_count) == (job.id, 1)


async def test_heartbeat_after_the_lease_has_ended_keeps_the_job(store: Store) -> None:
    """As long as nobody has ended it (contract pull §2.5)."""
    job = await taken(store)
    late = lease_end(job) + 5000
    assert await store.change(heartbeat(now_ms=late)) is Verdict.DONE
    assert await store.expire_leases(late, 10) == []


async def test_heartbeat_saves_state_and_leaves_it_without(store: Store) -> None:
    """What is saved keeps its bytes until a heartbeat brings other ones (contract pull §2.5)."""
    await taken(store)
    expected = None
    for saved_state in (None, b'{ "a" : 1.0 }', None, b"null", None, b""):
        expected = expected if saved_state is None else saved_state
        assert await store.change(heartbeat(saved_state=saved_state)) is Verdict.DONE
        assert (await found(store)).saved_state == expected


async def test_completed_job_is_gone(store: Store) -> None:
    """It is not found, not taken, its lease does not end, and it has not failed."""
    job = await taken(store)
    assert await store.change(completion()) is Verdict.DONE
    assert await store.pull_job("q", "k") is None
    assert await store.expire_leases(lease_end(job) + 1, 10) == []
    assert await take(store, now_ms=NOW + 10**9) == []
    assert await store.change(completion()) is Verdict.ABSENT


async def test_waiting_job_can_be_completed(store: Store) -> None:
    """Handed out or not, due or not (contract pull §2.5)."""
    await enqueue_keys(store, "due")
    await enqueue_keys(store, "deferred", run_at_ms=NOW + 10)
    for key in ("due", "deferred"):
        assert await store.change(completion(key)) is Verdict.DONE
    assert await take(store, now_ms=NOW + 10) == []


async def test_rescheduled_job_waits_as_if_enqueued_anew(store: Store) -> None:
    """With all that the request says, its retries refilled; its id and the time of its creation stay."""
    await taken(store, priority=7, created_at_ms=NOW - 9)
    await store.change(heartbeat(saved_state=b"1"))
    await store.expire_leases(NOW + 10**9, 10)
    job = await take_one(store)
    assert (job.fail_count, job.retries_left) == (1, 1)
    changed = rescheduling(saved_state=b'{"s": 2}')
    assert await store.change(changed) is Verdict.DONE
    assert await found(store) == evolve(
        job,
        payload=b"[2]",
        saved_state=b'{"s": 2}',
        state=JobState.WAITING,
        run_at_ms=NOW + 5,
        timeout_s=7,
        max_retries=4,
        retries_left=4,
        fail_count=0,
        lease_ends_at_ms=None,
        started_at_ms=None,
    )


async def test_reschedule_without_a_state_clears_it(store: Store) -> None:
    """Absent is nothing, as for a job that is new (contract pull §2.5)."""
    await taken(store)
    await store.change(heartbeat(saved_state=b"1"))
    await store.change(rescheduling())
    assert (await found(store)).saved_state is None


async def test_reschedule_may_set_the_priority(store: Store) -> None:
    """Otherwise it stays (README 17); the order is that of the new one."""
    await enqueue_keys(store, "k", "other", priority=7)
    assert [job.key for job in await take(store)] == ["k", "other"]
    for key, priority in (("k", 8), ("other", None)):
        await store.change(rescheduling(key, priority=priority, run_at_ms=NOW))
    assert [(job.key, job.priority) for job in await take(store)] == [("other", 7), ("k", 8)]


async def test_rescheduled_job_is_taken_at_its_new_time(store: Store) -> None:
    """Not earlier (I5); that is another run, under a lease of its new timeout."""
    job = await taken(store)
    await store.change(rescheduling())
    assert await take(store, now_ms=NOW + 4) == []
    again = await take_one(store, now_ms=NOW + 5)
    assert again.run == Run(job.id, 2)
    assert (again.tries, again.lease_ends_at_ms) == (1, NOW + 5 + 7000)


async def test_reschedule_without_end_is_retried_without_end(store: Store) -> None:
    """And back: a number of retries takes the place of the other, whatever they were."""
    await taken(store)
    await store.change(rescheduling(max_retries=-1, run_at_ms=NOW))
    for _ in range(4):
        job = await take_one(store, now_ms=NOW + 10**6)
        (ended,) = await store.expire_leases(lease_end(job) + 1, 10)
        assert not ended.is_failed
    await take_one(store, now_ms=NOW + 10**6)
    await store.change(rescheduling(max_retries=0, run_at_ms=NOW))
    job = await take_one(store)
    (ended,) = await store.expire_leases(lease_end(job) + 1, 10)
    assert (ended.fail_count, ended.is_failed) == (1, True)


async def test_largest_numbers_of_a_rescheduling_are_kept(store: Store) -> None:
    """At both ends."""
    await taken(store)
    for sign in (1, -1):
        changed = rescheduling(
            run_at_ms=sign * INT64_MAX, timeout_s=sign * INT32_MAX, max_retries=sign * INT32_MAX
        )
        assert await store.change(evolve(changed, priority=sign * 1_000_000)) is Verdict.DONE
        job = await found(store)
        assert (job.run_at_ms, job.timeout_s) == (sign * INT64_MAX, sign * INT32_MAX)
        assert (job.max_retries, job.priority) == (sign * INT32_MAX, sign * 1_000_000)
        await take(store, now_ms=INT64_MAX)


async def test_returned_job_waits_as_if_it_had_never_been_taken(store: Store) -> None:
    """Its retries, its time and its saved state are untouched (I4); only the next run is another one."""
    await taken(store)
    await store.change(heartbeat(saved_state=b"1"))
    await store.expire_leases(NOW + 10**9, 10)
    waiting = await found(store)
    job = await take_one(store)
    assert await store.change(returning(job)) is Verdict.DONE
    assert await found(store) == evolve(waiting, attempt=2)
    assert await store.expire_leases(NOW + 10**9, 10) == []
    assert (await take_one(store)).run == Run(job.id, 3)


async def test_job_is_returned_by_its_present_run_only(store: Store) -> None:
    """Returning twice, or what another worker has by now, changes nothing (I3)."""
    first = await taken(store)
    assert await store.change(returning(first)) is Verdict.DONE
    assert await store.change(returning(first)) is Verdict.STALE
    second = await take_one(store)
    assert await store.change(returning(first)) is Verdict.STALE
    assert await found(store) == second


@pytest.mark.parametrize("change", CHANGES)
async def test_change_to_what_is_not_there_finds_nothing(store: Store, change: WorkersChange) -> None:
    """Whatever run it names, and whatever there is under other names."""
    await enqueue_one(store, pull_job(queue="other"))
    await enqueue_one(store, pull_job("other"))
    await take(store)
    await take(store, queue="other")
    for run in (None, Run(1, 1)):
        assert await store.change(evolve(change, run=run)) is Verdict.ABSENT
    others = [await store.pull_job("other", "k"), await store.pull_job("q", "other")]
    assert [(job.state, job.saved_state) for job in others if job is not None] == [
        (JobState.RUNNING, None)
    ] * 2


@pytest.mark.parametrize("change", [heartbeat(saved_state=b"1"), rescheduling()])
async def test_waiting_job_cannot_be_kept_or_rescheduled(store: Store, change: WorkersChange) -> None:
    """As if it were not there (contract pull §2.5); it stays as it is."""
    job_id = await enqueue_one(store, pull_job())
    assert await store.change(change) is Verdict.ABSENT
    assert await found(store) == pull_job().stored(job_id)


@pytest.mark.parametrize("change", CHANGES)
async def test_present_run_may_change_its_job(store: Store, change: WorkersChange) -> None:
    """Naming it is as good as naming none (README 13)."""
    job = await taken(store)
    assert await store.change(evolve(change, run=job.run)) is Verdict.DONE
    assert await store.pull_job("q", "k") != job


@pytest.mark.parametrize("change", CHANGES)
async def test_run_that_is_not_the_present_one_changes_nothing(store: Store, change: WorkersChange) -> None:
    """Neither an older one, nor one to come, nor one of another job (I3, README 13)."""
    first = await taken(store)
    await store.expire_leases(lease_end(first) + 1, 10)
    job = await take_one(store)
    for run in (Run(job.id, 1), Run(job.id, 3), Run(job.id + 1, 2), Run(0, 0)):
        assert await store.change(evolve(change, run=run)) is Verdict.STALE
    assert await found(store) == job


@pytest.mark.parametrize("change", CHANGES)
async def test_run_of_a_job_that_waits_again_changes_nothing(store: Store, change: WorkersChange) -> None:
    """Its lease has ended: the worker that comes late hears so (README 13)."""
    job = await taken(store)
    await store.expire_leases(lease_end(job) + 1, 10)
    waiting = await found(store)
    assert await store.change(evolve(change, run=job.run)) is Verdict.STALE
    assert await found(store) == waiting


@pytest.mark.parametrize("change", CHANGES)
async def test_run_of_an_earlier_job_of_the_same_key_changes_nothing(
    store: Store, change: WorkersChange
) -> None:
    """The job that has the key now is another one, its first run as well (I3)."""
    first = await taken(store)
    await store.change(completion())
    second = await taken(store)
    assert await store.change(evolve(change, run=first.run)) is Verdict.STALE
    assert await found(store) == second


async def test_changes_that_come_together_see_each_other(store: Store) -> None:
    """In the order in which they came: what one has ended is not there for the next."""
    job = await taken(store)
    verdicts = await in_order(
        partial(store.change, heartbeat(saved_state=b"1", run=job.run)),
        partial(store.change, heartbeat(saved_state=b"2")),
        partial(store.change, rescheduling(run=job.run)),
        partial(store.change, heartbeat(run=job.run)),
        partial(store.change, heartbeat()),
        partial(store.change, completion(run=job.run)),
        partial(store.change, completion()),
        partial(store.change, completion()),
        partial(store.change, heartbeat(run=job.run)),
    )
    done, absent, stale = Verdict.DONE, Verdict.ABSENT, Verdict.STALE
    assert verdicts == [done, done, done, stale, absent, stale, done, absent, absent]


async def test_last_of_the_changes_that_come_together_wins(store: Store) -> None:
    """The job is then as each of them has left it for the next."""
    await taken(store)
    await in_order(
        partial(store.change, heartbeat(saved_state=b"1")),
        partial(store.change, heartbeat(saved_state=b"2", now_ms=NOW + 1)),
        partial(store.change, heartbeat(now_ms=NOW + 2)),
    )
    job = await found(store)
    assert (job.saved_state, job.lease_ends_at_ms) == (b"2", NOW + 2 + TIMEOUT_S * 1000)


async def test_many_jobs_are_completed_together(store: Store) -> None:
    """Each of them, and no other: of the rest, some are stale and some not there."""
    await enqueue_keys(store, *map(str, range(30)))
    jobs = await take(store, 25)
    stale = Run(jobs[0].id, 7)
    runs = [stale if place % 5 == 0 else job.run for place, job in enumerate(jobs)]
    calls = [partial(store.change, completion(job.key, run=run)) for job, run in zip(jobs, runs, strict=True)]
    verdicts = await in_order(*calls, partial(store.change, completion("none")))
    assert verdicts == [Verdict.STALE if run == stale else Verdict.DONE for run in runs] + [Verdict.ABSENT]
    left = [key for key in map(str, range(30)) if await store.pull_job("q", key) is not None]
    assert left == ["0", "5", "10", "15", "20", *map(str, range(25, 30))]
