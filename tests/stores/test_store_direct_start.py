"""Direct start (design §4): a job is stored as running when it may be, on every store."""

from functools import partial
from typing import Any

import pytest
import trio
from attrs import evolve

from tests.stores.nodes import LEASE_MS, NOW, Node, Starter, completed, new_job, push_one, released
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Job, JobState, NewJob
from trioworq.stores.claims import Push
from trioworq.stores.interface import JobQuery, JobSet, Store


async def push_to(store: Store, starter: Starter, *jobs: NewJob) -> list[Job | InvalidRequest]:
    return await store.push([Push(job, starter.offer) for job in jobs])


async def running(store: Store) -> list[Job]:
    page = await store.jobs(JobQuery("q", JobSet.RUNNING, NOW, limit=100, ascending=True))
    return list(page.items)


async def test_job_is_stored_as_running_and_its_start_is_told(node: Node) -> None:
    """The first attempt has begun; no claim finds it, and it settles like a claimed one."""
    starter = Starter(node.epochs["q"])
    (stored,) = await push_to(node.store, starter, new_job())
    assert isinstance(stored, Job)
    assert (stored.state, stored.attempt) == (JobState.RUNNING, 1)
    assert starter.begun == [stored]
    assert starter.withdrawn == 0
    assert await node.store.job("q", stored.id) == stored
    assert await node.claim() == []
    assert await node.store.settle(completed(stored))
    assert await node.store.job("q", stored.id) is None


async def test_job_without_a_slot_waits(node: Node) -> None:
    """Where no slot is offered the job is claimed in its turn, behind those that had one."""
    starter = Starter(node.epochs["q"], slots=2)
    stored = await push_to(node.store, starter, *(new_job() for _ in range(5)))
    states = [job.state for job in stored if isinstance(job, Job)]
    assert states == [JobState.RUNNING] * 2 + [JobState.WAITING] * 3
    assert [job for job in stored if job in starter.begun] == stored[:2]
    assert [job.id for job in await node.claim()] == [job.id for job in stored[2:] if isinstance(job, Job)]


@pytest.mark.parametrize("age", [-1, 1], ids=["older", "newer"])
async def test_start_under_an_epoch_that_is_not_current_is_withdrawn(node: Node, age: int) -> None:
    """A node that has lost the queue stores the job to wait for the owner (I7)."""
    starter = Starter(node.epochs["q"] + age)
    (stored,) = await push_to(node.store, starter, new_job())
    assert isinstance(stored, Job)
    assert (stored.state, stored.attempt) == (JobState.WAITING, 0)
    assert (starter.begun, starter.withdrawn) == ([], 1)
    assert [job.id for job in await node.claim()] == [stored.id]


async def test_start_in_a_queue_that_nobody_owns_is_withdrawn(store: Store) -> None:
    """Without an owner there is no epoch to start under."""
    starter = Starter(1)
    (stored,) = await push_to(store, starter, new_job(queue="unowned"))
    assert isinstance(stored, Job)
    assert stored.state is JobState.WAITING
    assert starter.withdrawn == 1


async def test_start_behind_a_due_job_is_withdrawn(node: Node) -> None:
    """A job that waits is never overtaken, wherever it was pushed (I9)."""
    starter = Starter(node.epochs["q"])
    first = await push_one(node.store, new_job(priority=1000))
    (second,) = await push_to(node.store, starter, new_job())
    assert isinstance(second, Job)
    assert second.state is JobState.WAITING
    assert starter.withdrawn == 1
    assert {job.id for job in await node.claim()} == {first, second.id}


async def test_start_behind_deferred_jobs_and_other_queues_goes_ahead(node: Node) -> None:
    """Only what is due by the job's own time stands before it, and only in its own queue."""
    starter = Starter(node.epochs["q"])
    await push_one(node.store, new_job(next_try_ms=NOW + 1))
    await push_one(node.store, new_job(queue="other"))
    await node.hold("other")
    (stored,) = await push_to(node.store, starter, new_job())
    assert [stored] == starter.begun


async def test_a_released_job_stands_before_a_start(node: Node) -> None:
    """What a shutdown or a failure put back is in the queue like any other."""
    starter = Starter(node.epochs["q"])
    (first,) = await push_to(node.store, starter, new_job())
    assert isinstance(first, Job)
    await node.store.settle(released(first))
    (second,) = await push_to(node.store, starter, new_job())
    assert isinstance(second, Job)
    assert second.state is JobState.WAITING


async def test_started_jobs_are_released_when_the_queue_is_taken_over(node: Node) -> None:
    """The next owner finds them waiting, with nothing counted against them (I1, I4)."""
    starter = Starter(node.epochs["q"])
    (stored,) = await push_to(node.store, starter, new_job())
    assert isinstance(stored, Job)
    other = Node(node.store, "node-2")
    await other.hold("q", now_ms=NOW + LEASE_MS + 1)
    assert other.recovered == {"q": 1}
    (again,) = await other.claim(now_ms=NOW + LEASE_MS + 1)
    assert again == evolve(stored, attempt=2, started_at_ms=NOW + LEASE_MS + 1)
    assert not await node.store.settle(completed(stored))


async def test_jobs_of_many_queues_and_forms_keep_their_order(node: Node) -> None:
    """One transaction; each job is answered in its place, and ids grow in that order."""
    await node.hold("other")
    starter = Starter(node.epochs["q"])
    jobs = [new_job(queue=("q", "other")[number % 2], url=f"http://w/{number}") for number in range(40)]
    stored = await push_to(node.store, starter, *jobs)
    ids = [job.id for job in stored if isinstance(job, Job)]
    assert [job.url for job in stored if isinstance(job, Job)] == [job.url for job in jobs]
    assert ids == sorted(set(ids))
    assert len(ids) == 40
    for job in stored:
        assert isinstance(job, Job)
        assert await node.store.job(job.queue, job.id) == job


async def test_jobs_that_do_not_fit_are_refused_and_the_others_stored(node: Node) -> None:
    """A refused job has no slot and no row; its neighbours are not disturbed."""
    starter = Starter(node.epochs["q"])
    stored = await push_to(node.store, starter, new_job(), new_job(category="x" * 256), new_job())
    first, refused, third = stored
    assert isinstance(refused, InvalidRequest)
    assert "category" in str(refused)
    assert await running(node.store) == [first, third] == starter.begun


async def test_storing_nothing_stores_nothing(store: Store) -> None:
    """No jobs, or none that fits, is an answer too."""
    assert await store.push([]) == []
    (refused,) = await store.push([Push(new_job(url="x" * 70_000))])
    assert isinstance(refused, InvalidRequest)


async def test_no_job_starts_twice_while_a_claim_and_starts_compete(node: Node) -> None:
    """Claims and starts at the same time hand out each job once (I3)."""
    starter = Starter(node.epochs["q"], slots=10_000)
    claimed: list[Job] = []

    async def claim() -> None:
        for _ in range(20):
            claimed.extend(await node.claim(3))

    async def start(number: int) -> None:
        offer: Any = starter.offer if number % 3 else None
        for _ in range(10):
            await node.store.push([Push(new_job(), offer)])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(claim)
        for number in range(12):
            nursery.start_soon(partial(start, number))
    claimed += await node.claim(1000)
    ids = [job.id for job in (*claimed, *starter.begun)]
    assert len(ids) == len(set(ids)) == 120
    assert {job.id for job in await running(node.store)} <= set(ids)
