"""The three lists of jobs and their pages, on every store."""

import random

import pytest

from tests.stores.nodes import NOW, Node, completed, new_job, push_one, retried
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import INT64_MAX, Job
from trioworq.stores.interface import JobQuery, JobSet, Store


async def ids(store: Store, jobs: JobSet, *, now_ms: int = NOW) -> list[int]:
    return [job.id for job in (await store.jobs(JobQuery("q", jobs, now_ms, 1000))).items]


def place(job: Job) -> tuple[int, int]:
    return job.next_try_ms, job.id


async def test_lists_of_an_unknown_queue_are_empty(store: Store) -> None:
    """There is nothing to show, whatever the list."""
    for jobs in JobSet:
        page = await store.jobs(JobQuery("none", jobs, NOW, 10))
        assert (list(page.items), page.next_cursor) == ([], None)


async def test_each_job_is_in_the_list_of_its_state(node: Node) -> None:
    """Running, waiting and deferred exclude one another; now itself is waiting (contract §1.10)."""
    store = node.store
    running = await push_one(store, new_job())
    await node.claim_one()
    waiting = await push_one(store, new_job())
    deferred = await push_one(store, new_job(next_try_ms=NOW + 1))
    await push_one(store, new_job(queue="other"))
    assert await ids(store, JobSet.RUNNING) == [running]
    assert await ids(store, JobSet.WAITING) == [waiting]
    assert await ids(store, JobSet.DEFERRED) == [deferred]


async def test_deferred_job_moves_to_waiting_as_time_passes(store: Store) -> None:
    """The given time alone decides between the two."""
    job_id = await push_one(store, new_job(next_try_ms=NOW + 1000))
    assert await ids(store, JobSet.DEFERRED, now_ms=NOW + 999) == [job_id]
    assert await ids(store, JobSet.WAITING, now_ms=NOW + 999) == []
    assert await ids(store, JobSet.DEFERRED, now_ms=NOW + 1000) == []
    assert await ids(store, JobSet.WAITING, now_ms=NOW + 1000) == [job_id]


async def test_retried_job_is_deferred(node: Node) -> None:
    """A job that failed and waits for its next try is in the list of deferred ones."""
    await push_one(node.store, new_job())
    job = await node.claim_one()
    await node.store.settle(retried(job, next_try_ms=NOW + 5000))
    assert await ids(node.store, JobSet.RUNNING) == []
    assert await ids(node.store, JobSet.DEFERRED) == [job.id]


async def test_lists_go_by_time_then_id_whatever_the_priority(store: Store) -> None:
    """Latest first by default, earliest first when ascending."""
    for due, priority in [(-5, 9), (-1, 1), (-5, 3), (0, 100), (-1, 7), (-9, 1)]:
        await push_one(store, new_job(next_try_ms=NOW + due, priority=priority))
    up = (await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 10, ascending=True))).items
    down = (await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 10))).items
    assert [place(job) for job in up] == sorted(place(job) for job in up)
    assert len(up) == 6
    assert down == up[::-1]


@pytest.mark.parametrize("ascending", [False, True])
async def test_page_begins_at_its_cursor_inclusive(store: Store, ascending: bool) -> None:
    """The cursor's own item is the first; among equal times the id decides (contract §1.10)."""
    for due in (-2, -1, -1, -1, 0):
        await push_one(store, new_job(next_try_ms=NOW + due))
    everything = (await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 10, ascending=ascending))).items
    for index, job in enumerate(everything):
        cursor = Cursor(*place(job))
        page = await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 2, cursor, ascending))
        assert page.items == everything[index : index + 2]
        following = [Cursor(*place(job)) for job in everything[index + 2 :]]
        assert page.next_cursor == (following[0] if following else None)


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("cursor", [Cursor(0, 0), Cursor(INT64_MAX, INT64_MAX), Cursor(NOW, 0)])
async def test_cursor_from_anywhere_stays_within_its_list(
    store: Store, ascending: bool, cursor: Cursor
) -> None:
    """A cursor of another list, or a made-up one, never shows jobs of another state."""
    waiting = await push_one(store, new_job())
    deferred = await push_one(store, new_job(next_try_ms=NOW + 1000))
    for jobs, job_id in ((JobSet.WAITING, waiting), (JobSet.DEFERRED, deferred)):
        page = await store.jobs(JobQuery("q", jobs, NOW, 10, cursor, ascending))
        assert {job.id for job in page.items} <= {job_id}


async def test_jobs_pushed_in_reverse_order_of_time_are_all_paged(store: Store) -> None:
    """Later ids with earlier times are not skipped, as they are by the original (contract W23)."""
    pushed = [await push_one(store, new_job(next_try_ms=NOW + due)) for due in (3000, 2000, 1000)]
    shown = []
    cursor = None
    for _ in range(3):
        page = await store.jobs(JobQuery("q", JobSet.DEFERRED, NOW, 1, cursor))
        shown += [job.id for job in page.items]
        cursor = page.next_cursor
    assert shown == pushed
    assert cursor is None


@pytest.mark.parametrize("ascending", [False, True])
async def test_paging_shows_each_job_once_while_others_come_and_go(node: Node, ascending: bool) -> None:
    """Jobs that stay are shown exactly once, in order, however many are added and removed meanwhile."""
    seed = random.getrandbits(32)
    print("seed", seed)  # noqa: T201  # shown when the test fails
    chance = random.Random(seed)
    store = node.store
    stay = {await push_one(store, new_job(next_try_ms=NOW - chance.randrange(8))) for _ in range(60)}
    passing: list[int] = []
    shown: list[Job] = []
    cursor: Cursor | None = None
    while True:
        page = await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 7, cursor, ascending))
        shown += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
        # The cursor's own item may go as well: it is a place, not a row.
        passing += [await push_one(store, new_job(next_try_ms=NOW - chance.randrange(8))) for _ in range(3)]
        gone = passing.pop(chance.randrange(len(passing)))
        await store.delete_job("q", gone)
    places = [place(job) for job in shown]
    assert places == sorted(places, reverse=not ascending)
    assert len(set(places)) == len(places)
    assert stay <= {job.id for job in shown}


async def test_lists_and_counts_agree_when_everything_has_ended(node: Node) -> None:
    """Completed and deleted jobs are in no list (I10)."""
    store = node.store
    for _ in range(4):
        await push_one(store, new_job())
    first, second, third, fourth = await node.claim()
    await store.settle(completed(first))
    await store.settle(retried(second, next_try_ms=NOW + 1000))
    await store.delete_job("q", third.id)
    assert await ids(store, JobSet.RUNNING) == [fourth.id]
    assert await ids(store, JobSet.WAITING) == []
    assert await ids(store, JobSet.DEFERRED) == [second.id]
