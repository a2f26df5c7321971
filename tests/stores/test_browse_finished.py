"""The history of a queue as people look for its jobs, on every store."""

from typing import Any

from attrs import evolve

from tests.stores.nodes import NOW, Node, new_job, push_one
from tests.stores.workers import completion, enqueue_one, pull_job
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import FinishedJob, Kind
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed
from trioworq.stores.browsing import FinishedSearch
from trioworq.stores.interface import PAGE_BYTES, Store

SAID = Result(ResultStatus.SUCCESS, 200, "done")
HOSTILE = 'it\'s \\ "%s" \U0001f4a5 _%'


def searching(kind: Kind = Kind.PUSH, **changes: Any) -> FinishedSearch:
    """Return a search through the history of queue q."""
    return evolve(FinishedSearch(kind=kind, queue="q", limit=2), **changes)


async def finish(node: Node, ended_at_ms: int, result: Result = SAID, **changes: Any) -> int:
    """Let a push job end well, in a queue where no other is due; return its id."""
    job_id = await push_one(node.store, new_job(**changes))
    (job,) = await node.claim(queue=changes.get("queue", "q"))
    assert await node.store.settle(Completed(job.id, job.attempt, job.finished(result, ended_at_ms)))
    return job_id


async def finish_pull(store: Store, key: str, ended_at_ms: int, queue: str = "q") -> int:
    """Let a pull job end well; return its id."""
    job_id = await enqueue_one(store, pull_job(key, queue=queue))
    await store.change(completion(key, queue=queue, finished_at_ms=ended_at_ms))
    return job_id


async def ids_of(store: Store, search: FinishedSearch) -> list[int]:
    """Return the ids of all jobs that are found, page by page, in order."""
    ids: list[int] = []
    while True:
        page = await store.search_finished(search)
        assert len(page.items) <= search.limit
        ids += [finished.job_id for finished in page.items]
        if page.next_cursor is None:
            return ids
        search = evolve(search, cursor=page.next_cursor)


async def test_finished_jobs_are_found_by_category_and_url(node: Node) -> None:
    """The last that ended first; ASCII letters of the URL match in either case."""
    store = node.store
    await node.hold("r")
    ids = [
        await finish(node, NOW + 5, category="a", url="http://A/1"),
        await finish(node, NOW + 9, category="b", url="http://a/2"),
        await finish(node, NOW + 1, category="a", url="http://b/1"),
        await finish(node, NOW + 5, category="b", url="http://b/2"),
    ]
    await finish(node, NOW + 5, queue="r", category="a", url="http://a/3")
    await finish_pull(store, "http://a/4", NOW + 5)
    shown = {
        (None, None): [1, 3, 0, 2],
        ("a", None): [0, 2],
        ("A", None): [],
        (None, "HTTP://a"): [1, 0],
        ("b", "/B"): [3],
        ("a", "absent"): [],
        (None, ""): [1, 3, 0, 2],
    }
    for (category, text), places in shown.items():
        search = searching(category=category, text=text)
        assert await ids_of(store, search) == [ids[place] for place in places], search
    assert await ids_of(store, searching(queue="Q")) == []


async def test_finished_pull_jobs_are_found_by_key(node: Node) -> None:
    """Their category is the empty one."""
    store = node.store
    first = await finish_pull(store, "Order 1", NOW + 2)
    second = await finish_pull(store, "order 2", NOW + 1)
    await finish_pull(store, "order 3", NOW, queue="other")
    await finish(node, NOW, url="order 4")
    for category, text, ids in (
        (None, None, [first, second]),
        ("", "ORDER", [first, second]),
        (None, "2", [second]),
        ("c", None, []),
        (None, "order 3", []),
    ):
        assert await ids_of(store, searching(Kind.PULL, category=category, text=text, limit=1)) == ids


async def test_found_jobs_are_shown_as_they_ended(node: Node) -> None:
    """As each is found by its id."""
    store = node.store
    finished = [
        await store.find_job(await finish(node, NOW + 1, category=HOSTILE, url=HOSTILE)),
        await store.find_job(await finish(node, NOW)),
    ]
    assert all(isinstance(each, FinishedJob) for each in finished)
    assert list((await store.search_finished(searching())).items) == finished
    assert list((await store.search_finished(searching(category=HOSTILE))).items) == finished[:1]
    for text in (HOSTILE, "%S", "\\ ", "_%"):
        assert list((await store.search_finished(searching(text=text))).items) == finished[:1]
    assert (await store.search_finished(searching(text="%%"))).items == []


async def test_search_goes_on_from_the_cursor_inclusive(node: Node) -> None:
    """In the order of the ids where jobs ended in the same millisecond; what ends meanwhile is not shown."""
    store = node.store
    ids = [await finish(node, NOW + number // 3) for number in range(7)][::-1]
    await finish(node, NOW + 99)
    for text in (None, "HTTP"):
        for place, job_id in enumerate(ids):
            cursor = Cursor(NOW + (len(ids) - 1 - place) // 3, job_id)
            page = await store.search_finished(searching(limit=9, cursor=cursor, text=text))
            assert [finished.job_id for finished in page.items] == ids[place:]
            assert page.next_cursor is None
    page = await store.search_finished(searching(limit=1, cursor=Cursor(NOW + 98, 1)))
    assert page.next_cursor == Cursor(NOW + 1, ids[1])


async def test_page_of_the_history_ends_before_it_grows_too_large(node: Node) -> None:
    """What workers said counts; I13."""
    long = evolve(SAID, message="x" * (PAGE_BYTES // 3))
    for number in range(4):
        await finish(node, NOW + number, long)
    page = await node.store.search_finished(searching(limit=10))
    assert len(page.items) == 2
    assert page.next_cursor is not None
    page = await node.store.search_finished(searching(limit=10, cursor=page.next_cursor))
    assert len(page.items) == 2
    assert page.next_cursor is None
