"""Jobs of a queue as people look for them, and made to hurry; on every store."""

from typing import Any

import pytest
from attrs import evolve

from tests.stores.nodes import NOW, Node, new_job, push_one
from tests.stores.workers import enqueue_keys, enqueue_one, found, heartbeat, pull_job, take
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import Job, Kind, Payload, PayloadForm
from trioworq.core.pull import PullJob
from trioworq.stores.browsing import SEARCHED_JOBS, JobSearch
from trioworq.stores.claims import Push
from trioworq.stores.interface import PAGE_BYTES, JobQuery, JobSet, Store
from trioworq.stores.lists import Page

HOSTILE = 'it\'s \\ "%s" \U0001f4a5 _%'


def searching(jobs: JobSet, kind: Kind = Kind.PUSH, **changes: Any) -> JobSearch:
    """Return a search through jobs of queue q."""
    search = JobSearch(kind=kind, queue="q", jobs=jobs, now_ms=NOW, limit=2)
    return evolve(search, **changes)


async def ids_of(store: Store, search: JobSearch) -> list[int]:
    """Return the ids of all jobs that are found, page by page, in order."""
    ids: list[int] = []
    places: list[tuple[int, int]] = []
    while True:
        page = await store.search_jobs(search)
        assert len(page.items) <= search.limit
        ids += [job.id for job in page.items]
        places += [(due_ms(job), job.id) for job in page.items]
        if page.next_cursor is None:
            assert places == sorted(places)
            return ids
        search = evolve(search, cursor=page.next_cursor)


def due_ms(job: Job | PullJob) -> int:
    return job.next_try_ms if isinstance(job, Job) else job.run_at_ms


async def push_many(node: Node) -> list[int]:
    """Store push jobs, two to a set, the first of which run; return their ids."""
    first = [
        new_job(url="http://A/1", category="a", next_try_ms=NOW - 9),
        new_job(url="http://b/1", category="b", next_try_ms=NOW - 9),
    ]
    others = [
        new_job(url="http://a/2", category="b", next_try_ms=NOW),
        new_job(url="http://b/2", category="a", next_try_ms=NOW - 5, priority=9),
        new_job(url="http://a/3", category="a", next_try_ms=NOW + 2),
        new_job(url="http://b/3", category="b", next_try_ms=NOW + 1),
    ]
    ids = [await push_one(node.store, job) for job in first]
    await node.claim()
    return ids + [await push_one(node.store, job) for job in others]


async def test_push_jobs_are_found_by_set_category_and_url(node: Node) -> None:
    """Ascending by when they are due; ASCII letters of the URL match in either case."""
    store = node.store
    ids = await push_many(node)
    await push_one(store, new_job(queue="other", url="http://a/4", category="a"))
    await enqueue_keys(store, "http://a/5")
    shown = {
        (JobSet.RUNNING, None, None): [0, 1],
        (JobSet.WAITING, None, None): [3, 2],
        (JobSet.DEFERRED, None, None): [5, 4],
        (JobSet.RUNNING, "a", None): [0],
        (JobSet.WAITING, "a", None): [3],
        (JobSet.DEFERRED, "A", None): [],
        (JobSet.RUNNING, None, "//a"): [0],
        (JobSet.WAITING, None, "HTTP"): [3, 2],
        (JobSet.WAITING, "b", "HTTP://A"): [2],
        (JobSet.DEFERRED, "a", "b/"): [],
        (JobSet.DEFERRED, None, ""): [5, 4],
    }
    for (jobs, category, text), places in shown.items():
        search = searching(jobs, category=category, text=text)
        assert await ids_of(store, search) == [ids[place] for place in places], search
    assert await ids_of(store, searching(JobSet.WAITING, queue="Q")) == []


async def test_found_jobs_are_those_of_the_lists(node: Node) -> None:
    """Whole, and with the same places for cursors."""
    await push_many(node)
    for jobs in JobSet:
        query = JobQuery("q", jobs, NOW, 1, ascending=True)
        page = await node.store.search_jobs(searching(jobs, limit=1))
        assert page == await node.store.jobs(query)
        assert page.next_cursor is not None


async def test_pull_jobs_are_found_by_set_and_key(store: Store) -> None:
    """Their category is the empty one; jobs with a lease are those that run."""
    await enqueue_keys(store, "Run 1", "run 2", "run 3", run_at_ms=NOW - 1)
    await enqueue_keys(store, "other", queue="other")
    running = [job.id for job in await take(store, 2)]
    await take(store, queue="other")
    await store.change(heartbeat("run 2", b"[1]"))
    late = await enqueue_one(store, pull_job("late", run_at_ms=NOW + 2))
    soon = await enqueue_one(store, pull_job("soon", run_at_ms=NOW + 1, priority=1000))
    ancient = await enqueue_one(store, pull_job("ancient", run_at_ms=-5))
    left = (await found(store, "run 3")).id
    shown = {
        (JobSet.RUNNING, None, None): running,
        (JobSet.WAITING, None, None): [ancient, left],
        (JobSet.DEFERRED, None, None): [soon, late],
        (JobSet.RUNNING, None, "RUN 1"): running[:1],
        (JobSet.RUNNING, "", "2"): running[1:],
        (JobSet.RUNNING, "c", None): [],
        (JobSet.WAITING, None, "anc"): [ancient],
        (JobSet.DEFERRED, None, "o"): [soon],
    }
    for (jobs, category, text), ids in shown.items():
        search = searching(jobs, Kind.PULL, category=category, text=text, limit=1)
        assert await ids_of(store, search) == ids, search
    page = await store.search_jobs(searching(JobSet.RUNNING, Kind.PULL, limit=10))
    assert list(page.items) == [await found(store, "Run 1"), await found(store, "run 2")]


@pytest.mark.parametrize("kind", Kind)
async def test_search_goes_on_from_the_cursor_inclusive(store: Store, kind: Kind) -> None:
    """In the order of the ids where jobs are due in the same millisecond; ends cut nothing off."""
    await store.push([Push(new_job(next_try_ms=NOW + number // 3)) for number in range(9)])
    await store.enqueue([pull_job(str(number), run_at_ms=NOW + number // 3) for number in range(9)])
    everything = await store.search_jobs(searching(JobSet.WAITING, kind, now_ms=NOW + 9, limit=9))
    assert everything.next_cursor is None
    ids = [job.id for job in everything.items]
    for text in (None, "", "absent"):
        for place, job in enumerate(everything.items):
            search = searching(
                JobSet.WAITING,
                kind,
                now_ms=NOW + 9,
                limit=9,
                cursor=Cursor(due_ms(job), job.id),
                text=text,
            )
            page = await store.search_jobs(search)
            assert [each.id for each in page.items] == (ids[place:] if text != "absent" else [])
            assert page.next_cursor is None


async def test_any_characters_are_found_as_they_are(store: Store) -> None:
    """Nothing that is looked for is more than text."""
    job_id = await push_one(store, new_job(category=HOSTILE, url=f"http://w/{HOSTILE}"))
    await push_one(store, new_job())
    pull_id = await enqueue_one(store, pull_job(HOSTILE))
    await enqueue_one(store, pull_job("plain"))
    for text in (HOSTILE, "%s", "\\ ", "'", "\U0001f4a5"):
        assert await ids_of(store, searching(JobSet.WAITING, text=text)) == [job_id]
        assert await ids_of(store, searching(JobSet.WAITING, Kind.PULL, text=text)) == [pull_id]
    assert await ids_of(store, searching(JobSet.WAITING, category=HOSTILE)) == [job_id]
    for text in ("%%", "_ _", "__%"):
        assert await ids_of(store, searching(JobSet.WAITING, text=text)) == []


@pytest.mark.parametrize("kind", Kind)
async def test_page_of_a_search_ends_before_it_grows_too_large(store: Store, kind: Kind) -> None:
    """Payloads count, and one that is larger than a page is shown alone (I13)."""
    sizes = [PAGE_BYTES + 1, PAGE_BYTES // 2, PAGE_BYTES // 2 - 1000]
    for number, size in enumerate(sizes):
        payload = b'"%s"' % (b"x" * (size - 2))
        if kind is Kind.PUSH:
            await push_one(store, new_job(payload=Payload(PayloadForm.JSON, payload)))
        else:
            await enqueue_one(store, pull_job(str(number), payload=payload))
    shown = []
    search = searching(JobSet.WAITING, kind, limit=10)
    for _ in range(2):
        page = await store.search_jobs(search)
        shown.append(len(page.items))
        search = evolve(search, cursor=page.next_cursor)
    assert shown == [1, 2]
    assert search.cursor is None


@pytest.mark.parametrize("kind", Kind)
async def test_search_of_jobs_stops_after_so_many(store: Store, kind: Kind) -> None:
    """What it has found by then is its page, be it nothing; the next one goes on from there."""
    early = await _store_one(store, kind, "the early", NOW - 2)
    await store.push([Push(new_job(url="http://w/")) for _ in range(SEARCHED_JOBS - 1)])
    await store.enqueue([pull_job(str(number)) for number in range(SEARCHED_JOBS - 1)])
    last = await _store_one(store, kind, "the last", NOW)
    search = searching(JobSet.WAITING, kind, text="the ", limit=10)
    page = await store.search_jobs(search)
    assert ids_on(page) == [early]
    assert page.next_cursor == Cursor(NOW, last)
    page = await store.search_jobs(evolve(search, cursor=page.next_cursor))
    assert ids_on(page) == [last]
    assert page.next_cursor is None
    page = await store.search_jobs(evolve(search, text="last"))
    assert (ids_on(page), page.next_cursor) == ([], Cursor(NOW, last))
    page = await store.search_jobs(evolve(search, category="absent", text=None))
    assert (ids_on(page), page.next_cursor) == ([], Cursor(NOW, last))


async def _store_one(store: Store, kind: Kind, name: str, due_at_ms: int) -> int:
    if kind is Kind.PUSH:
        return await push_one(store, new_job(url=name, next_try_ms=due_at_ms))
    return await enqueue_one(store, pull_job(name, run_at_ms=due_at_ms))


def ids_on(page: Page[Job | PullJob]) -> list[int]:
    return [job.id for job in page.items]
