"""Failures as people look for them: by what failed, by a part of a text, and newest first; on every store."""

import pytest
from attrs import evolve

from tests.stores.failing import fail_pull, fail_push, failed_job_ids, failure_id_of
from tests.stores.nodes import NOW, Node
from tests.stores.workers import pull_job, take
from trioworq.core.cursors import Cursor
from trioworq.core.failures import EVERY_FAILURE, FailureFilter, error_of
from trioworq.core.jobs import INT64_MAX, Kind, Payload, PayloadForm
from trioworq.core.pull import timeout_message
from trioworq.core.results import Result, ResultStatus
from trioworq.stores.browsing import SEARCHED_JOBS
from trioworq.stores.interface import PAGE_BYTES, FailureQuery, Store


def saying(message: str, code: int = 500) -> Result:
    """Return what a worker may answer."""
    return Result(ResultStatus.FAILURE, code, message)


LEASE_ENDED = error_of(Result(ResultStatus.FAILURE, 0, timeout_message(1)))
REFUSED = Result(ResultStatus.INTERNAL_FAILURE, 0, "Request failed: connection refused")


async def job_ids(store: Store, wanted: FailureFilter) -> list[int]:
    """Return the ids of jobs that failed, the newest failure first, by pages of two."""
    found: list[int] = []
    cursor = None
    while True:
        page = await store.newest_failures(wanted, cursor, 2)
        assert len(page.items) <= 2
        found += [entry.job_id for entry in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def expect(store: Store, wanted: FailureFilter, ids: list[int]) -> None:
    """Check that all that can be asked of a part of the failed store finds these jobs, the oldest first."""
    assert await failed_job_ids(store, wanted) == ids, wanted
    assert await store.count_failures(wanted) == len(ids), wanted
    failure_ids = [await failure_id_of(store, job_id) for job_id in ids]
    assert await store.failure_ids(wanted, 0, INT64_MAX, 100) == failure_ids, wanted
    assert await job_ids(store, wanted) == ids[::-1], wanted
    assert sum(group.count for group in await store.failure_groups(wanted, 100)) == len(ids), wanted


async def test_an_empty_store_has_no_newest_failures(store: Store) -> None:
    """Nor groups of them."""
    page = await store.newest_failures(EVERY_FAILURE, None, 10)
    assert (list(page.items), page.next_cursor) == ([], None)
    assert await store.failure_groups(EVERY_FAILURE, 10) == []


async def test_failures_are_chosen_by_kind_error_and_ids(node: Node) -> None:
    """Alike in lists, counts, ids, groups, and newest first."""
    store = node.store
    ids = [
        await fail_push(node, category="c", result=saying("order 17 is gone")),
        await fail_push(node, category="d", result=saying("order 18 is gone"), failed_at_ms=NOW + 30),
        await fail_push(node, category="c", result=REFUSED),
        await fail_pull(store, "a"),
        await fail_push(node, queue="other", category="c", result=saying("order 19 is gone")),
        await fail_pull(store, "b", queue="other", failed_at_ms=NOW + 20),
    ]
    gone = "HTTP 500: order # is gone"
    chosen = {
        EVERY_FAILURE: [0, 1, 2, 3, 4, 5],
        FailureFilter(kind=Kind.PUSH): [0, 1, 2, 4],
        FailureFilter(kind=Kind.PULL): [3, 5],
        FailureFilter(kind=Kind.PUSH, queue="q"): [0, 1, 2],
        FailureFilter(kind=Kind.PULL, queue="q"): [3],
        FailureFilter(kind=Kind.PULL, category=""): [],
        FailureFilter(queue="q"): [0, 1, 2, 3],
        FailureFilter(error=gone): [0, 1, 4],
        FailureFilter(error=gone.lower()): [],
        FailureFilter(error=""): [],
        FailureFilter(error=LEASE_ENDED): [3, 5],
        FailureFilter(error=LEASE_ENDED, kind=Kind.PUSH): [],
        FailureFilter(error=error_of(REFUSED)): [2],
        FailureFilter(error=gone, queue="q", category="c", kind=Kind.PUSH): [0],
        FailureFilter(error=gone, queue="q", failed_after_ms=NOW + 30): [1],
        FailureFilter(error=gone, failed_before_ms=NOW + 30): [0, 4],
        FailureFilter(job_ids=frozenset()): [],
        FailureFilter(job_ids=frozenset({ids[1], ids[3], 10**9})): [1, 3],
        FailureFilter(job_ids=frozenset({ids[1], ids[3]}), queue="q", kind=Kind.PULL): [3],
        FailureFilter(job_ids=frozenset({ids[0], ids[1]}), job_id=ids[1]): [1],
        FailureFilter(job_ids=frozenset({ids[0], ids[1]}), error=gone, category="d"): [1],
    }
    for wanted, places in chosen.items():
        await expect(store, wanted, [ids[place] for place in places])


async def test_failures_are_chosen_by_a_part_of_their_texts(node: Node) -> None:
    """Of the message, the URL or the key; not of names or payloads. ASCII letters match in either case."""
    store = node.store
    ids = [
        await fail_push(node, url="http://Worker-1/Path", result=saying("It BROKE\nbadly")),
        await fail_push(node, url="http://w/", result=saying('100% of _everything_ \\ it\'s "Ä" \U0001f4a5')),
        await fail_pull(store, "Order-17"),
        await fail_push(node, url="http://w/1000", category="broke", result=saying("")),
    ]
    chosen = {
        "": [0, 1, 2, 3],
        "broke": [0],
        "iT bRoKe\nB": [0],
        "worker-1/p": [0],
        "order-1": [2],
        "LEASE": [2],
        "%": [1],
        "100%": [1],
        "1_0": [],
        "_every": [1],
        "\\": [1],
        "it's": [1],
        '"Ä"': [1],
        '"ä"': [],
        "\U0001f4a5": [1],
        "100": [1, 3],
        "absent": [],
    }
    for text, places in chosen.items():
        await expect(store, FailureFilter(text=text), [ids[place] for place in places])
    await expect(store, FailureFilter(text="http", queue="q", kind=Kind.PUSH, category="c"), ids[:2])
    await expect(store, FailureFilter(text="order", job_ids=frozenset(ids[:3])), [ids[2]])


async def test_newest_failures_are_in_the_order_of_their_ids(node: Node) -> None:
    """Whatever the times of their jobs; each entry is that of the log."""
    store = node.store
    ids = [
        await fail_push(node, created_at_ms=NOW - 1),
        await fail_pull(store, "a", failed_at_ms=NOW + 50),
        await fail_push(node, queue="other", created_at_ms=NOW - 9),
        await fail_pull(store, "b"),
    ]
    page = await store.newest_failures(EVERY_FAILURE, None, 10)
    assert [entry.job_id for entry in page.items] == ids[::-1]
    assert page.next_cursor is None
    assert list(page.items) == list(await store.failed_jobs(EVERY_FAILURE, 0, 10))[::-1]
    page = await store.newest_failures(FailureFilter(queue="q", kind=Kind.PUSH), None, 10)
    assert page.items == (await store.failures(FailureQuery("q", 10))).items


@pytest.mark.parametrize("wanted", [EVERY_FAILURE, FailureFilter(queue="q"), FailureFilter(text="broke")])
async def test_newest_failures_go_on_from_the_cursor_inclusive(node: Node, wanted: FailureFilter) -> None:
    """Of which the id alone counts; those that fail meanwhile are not shown a page later."""
    store = node.store
    ids = [await failure_id_of(store, await fail_push(node)) for _ in range(5)]
    page = await store.newest_failures(wanted, None, 2)
    assert [entry.id for entry in page.items] == [ids[4], ids[3]]
    assert page.next_cursor is not None
    assert page.next_cursor.id == ids[2]
    await fail_push(node)
    for time_ms in (0, INT64_MAX):
        page = await store.newest_failures(wanted, Cursor(time_ms, ids[2]), 3)
        assert [entry.id for entry in page.items] == ids[2::-1]
        assert page.next_cursor is None


async def test_page_of_newest_failures_ends_before_it_grows_too_large(node: Node) -> None:
    """Payloads count, and one that is larger than a page is shown alone (I13)."""
    sizes = [PAGE_BYTES + 1, PAGE_BYTES // 2, PAGE_BYTES // 2 - 1000]
    for size in sizes:
        await fail_push(node, payload=Payload(PayloadForm.TEXT, bytes(size)))
    shown = []
    cursor = None
    for _ in range(2):
        page = await node.store.newest_failures(EVERY_FAILURE, cursor, 10)
        shown.append([len(entry.payload.body) for entry in page.items])
        cursor = page.next_cursor
    assert shown == [sizes[:0:-1], sizes[:1]]
    assert cursor is None


async def fail_many(store: Store, count: int) -> None:
    """Let so many pull jobs fail, while no other is due or leased."""
    await store.enqueue([pull_job(str(number), max_retries=0, timeout_s=0) for number in range(count)])
    while await take(store, 2000):
        ended = await store.expire_leases(NOW + 1, 2000)
        assert all(each.is_failed for each in ended)
        count -= len(ended)
    assert count == 0


async def test_search_of_failures_stops_after_so_many(store: Store) -> None:
    """What it has found by then is its page, be it nothing; the next one goes on from there."""
    await fail_pull(store, "the oldest")
    await fail_pull(store, "the first")
    await fail_many(store, SEARCHED_JOBS - 1)
    oldest, first = await store.failure_ids(EVERY_FAILURE, 0, INT64_MAX, 2)
    for more in (FailureFilter(), FailureFilter(queue="q"), FailureFilter(queue="q", kind=Kind.PULL)):
        wanted = evolve(more, text="the ")
        page = await store.newest_failures(wanted, None, 10)
        assert [entry.id for entry in page.items] == [first]
        assert page.next_cursor is not None
        assert page.next_cursor.id == oldest
        page = await store.newest_failures(wanted, page.next_cursor, 10)
        assert [entry.id for entry in page.items] == [oldest]
        assert page.next_cursor is None
        page = await store.newest_failures(evolve(wanted, text="oldest"), None, 10)
        assert (list(page.items), page.next_cursor and page.next_cursor.id) == ([], oldest)
    page = await store.newest_failures(FailureFilter(error=""), None, 10)
    assert (list(page.items), page.next_cursor and page.next_cursor.id) == ([], oldest)


async def test_failures_that_an_index_leads_to_are_found_however_many_others_there_are(store: Store) -> None:
    """By their queue or the ids of their jobs; nothing is passed over on the way there."""
    job_id = await fail_pull(store, "the first", queue="rare")
    await fail_many(store, SEARCHED_JOBS + 1)
    for wanted in (
        FailureFilter(queue="rare"),
        FailureFilter(queue="rare", text="the "),
        FailureFilter(job_id=job_id),
        FailureFilter(job_ids=frozenset({job_id}), text="the "),
    ):
        page = await store.newest_failures(wanted, None, 10)
        assert [entry.job_id for entry in page.items] == [job_id]
        assert page.next_cursor is None
