"""Pages that end because their items are large, on every store (I13)."""

import pytest
import trio

from tests.stores.nodes import NOW, Node, failed, new_job, push_one
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import FailedJob, Job, Payload, PayloadForm
from trioworq.core.results import Result, ResultStatus
from trioworq.stores.interface import PAGE_BYTES, FailureOrder, FailureQuery, JobQuery, JobSet, Store

SMALL = 10
LARGE = PAGE_BYTES * 2 // 5  # two to a page
OVERSIZED = PAGE_BYTES + 1


def sized(size: int) -> Payload:
    return Payload(PayloadForm.TEXT, bytes(size))


async def pages_of_jobs(store: Store, *, ascending: bool) -> list[list[Job]]:
    """Read the list of waiting jobs from its first page to its last."""
    pages: list[list[Job]] = []
    cursor: Cursor | None = None
    while True:
        page = await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 1000, cursor, ascending))
        pages.append(list(page.items))
        cursor = page.next_cursor
        if cursor is None:
            return pages


async def pages_of_failures(store: Store, order: FailureOrder) -> list[list[FailedJob]]:
    """Read the failure log from its first page to its last."""
    pages: list[list[FailedJob]] = []
    cursor: Cursor | None = None
    while True:
        page = await store.failures(FailureQuery("q", 1000, order, cursor))
        pages.append(list(page.items))
        cursor = page.next_cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize("ascending", [False, True])
async def test_page_ends_before_its_payloads_grow_too_large(store: Store, ascending: bool) -> None:
    """The next page begins with the job that did not fit; each is shown once, in order, payload and all."""
    sizes = [LARGE, LARGE, SMALL, LARGE, LARGE, LARGE, SMALL]
    pushed = [await push_one(store, new_job(next_try_ms=NOW - 1, payload=sized(size))) for size in sizes]
    pages = await pages_of_jobs(store, ascending=ascending)
    expected = [[0, 1, 2], [3, 4], [5, 6]] if ascending else [[6, 5, 4], [3, 2, 1], [0]]
    assert [[job.id for job in page] for page in pages] == [
        [pushed[index] for index in indexes] for indexes in expected
    ]
    assert [[len(job.payload.body) for job in page] for page in pages] == [
        [sizes[index] for index in indexes] for indexes in expected
    ]


async def test_small_jobs_before_large_ones_are_on_one_page(store: Store) -> None:
    """However many small ones come first, those that fill the page are found."""
    small = [await push_one(store, new_job(payload=sized(SMALL))) for _ in range(40)]
    large = [await push_one(store, new_job(payload=sized(LARGE))) for _ in range(3)]
    first, second = await pages_of_jobs(store, ascending=True)
    assert [job.id for job in first] == small + large[:2]
    assert [job.id for job in second] == large[2:]


async def test_job_larger_than_a_page_is_shown_alone(store: Store) -> None:
    """It has a page of its own, wherever it stands; a list never stops at it."""
    sizes = [SMALL, OVERSIZED, OVERSIZED, SMALL]
    pushed = [await push_one(store, new_job(payload=sized(size))) for size in sizes]
    pages = await pages_of_jobs(store, ascending=True)
    assert [[job.id for job in page] for page in pages] == [[job_id] for job_id in pushed]


async def test_urls_count_as_payloads_do(store: Store) -> None:
    """A thousand jobs without payload, but with the longest URLs, do not fit a page either."""
    url = "u" * 65_000
    for _ in range(PAGE_BYTES // len(url) + 1):
        await push_one(store, new_job(url=url, payload=sized(0)))
    first, second = await pages_of_jobs(store, ascending=True)
    assert (len(first), len(second)) == (PAGE_BYTES // len(url), 1)


@pytest.mark.parametrize("order", FailureOrder)
async def test_page_of_failures_ends_before_it_grows_too_large(node: Node, order: FailureOrder) -> None:
    """Payload and message of an entry count together; each is shown once, the oversized one alone."""
    sizes = [(LARGE, 0), (LARGE, SMALL), (LARGE, LARGE // 4), (0, LARGE), (OVERSIZED, SMALL), (SMALL, SMALL)]
    for payload_size, message_size in sizes:
        await push_one(node.store, new_job(payload=sized(payload_size)))
        # Two bytes a character.
        result = Result(ResultStatus.FAILURE, 500, "é" * (message_size // 2))
        await node.store.settle(failed(await node.claim_one(), result))
    pages = await pages_of_failures(node.store, order)
    shown = [
        [(len(entry.payload.body), len(entry.result.message.encode())) for entry in page] for page in pages
    ]
    newest_first = [(payload, message // 2 * 2) for payload, message in reversed(sizes)]
    assert shown == [newest_first[:1], newest_first[1:2], newest_first[2:4], newest_first[4:]]


async def test_longest_page_is_read_as_a_whole(store: Store) -> None:
    """A thousand small jobs are one page, in order, whatever the steps in which a store reads them."""
    async with trio.open_nursery() as pushes:
        for number in range(1001):
            pushes.start_soon(push_one, store, new_job(next_try_ms=NOW - number % 7))
    first, second = await pages_of_jobs(store, ascending=True)
    assert (len(first), len(second)) == (1000, 1)
    places = [(job.next_try_ms, job.id) for job in first + second]
    assert places == sorted(set(places))
