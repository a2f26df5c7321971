"""The failure log, its two orders and its pages, on every store."""

import pytest

from tests.stores.nodes import NOW, Node, failed, new_job, push_one
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import FailedJob
from trioworq.core.results import Result, ResultStatus
from trioworq.stores.interface import FailureOrder, FailureQuery


async def fail(node: Node, *created_at_ms: int) -> list[FailedJob]:
    """Let one job a time fail, in the order given; return the log, newest failure first."""
    for created_at in created_at_ms:
        await push_one(node.store, new_job(created_at_ms=created_at))
        await node.store.settle(failed(await node.claim_one()))
    return list((await node.store.failures(FailureQuery("q", 100))).items)


def in_order(log: list[FailedJob], order: FailureOrder) -> list[FailedJob]:
    if order is FailureOrder.FAILED:
        return log
    return sorted(log, key=lambda entry: (entry.created_at_ms, entry.id), reverse=True)


@pytest.mark.parametrize(
    "result",
    [
        Result(ResultStatus.FAILURE, 200, ""),
        Result(ResultStatus.PERMANENT_FAILURE, 503, "no\x00 more\n\U0001f4a5 'quoted' \"twice\" \\"),
        Result(ResultStatus.INTERNAL_FAILURE, 0, "x" * 130_000),
    ],
)
async def test_result_is_kept_as_it_was(node: Node, result: Result) -> None:
    """Status, code and message, the longest that the core makes included."""
    await push_one(node.store, new_job())
    await node.store.settle(failed(await node.claim_one(), result))
    (entry,) = (await node.store.failures(FailureQuery("q", 10))).items
    assert entry.result == result


async def test_failure_is_found_under_its_own_queue_only(node: Node) -> None:
    """Asking for another id or another queue finds nothing."""
    (entry,) = await fail(node, NOW)
    assert await node.store.failure("q", entry.id) == entry
    assert await node.store.failure("other", entry.id) is None
    assert await node.store.delete_failure("other", entry.id) is None
    assert await node.store.failure("q", entry.id + 1) is None


async def test_deleted_failure_is_returned_and_gone(node: Node) -> None:
    """The second delete finds nothing; the neighbours stay."""
    newest, middle, oldest = await fail(node, NOW, NOW, NOW)
    assert await node.store.delete_failure("q", middle.id) == middle
    assert await node.store.delete_failure("q", middle.id) is None
    assert await node.store.failure("q", middle.id) is None
    for order in FailureOrder:
        assert (await node.store.failures(FailureQuery("q", 10, order))).items == [newest, oldest]


async def test_failure_ids_are_not_used_again(node: Node) -> None:
    """Deleting the newest entry does not free its id."""
    (entry,) = await fail(node, NOW)
    await node.store.delete_failure("q", entry.id)
    (after,) = await fail(node, NOW)
    assert after.id > entry.id


async def test_failures_of_other_queues_are_not_shown(node: Node) -> None:
    """Each queue has its own log."""
    await fail(node, NOW)
    for order in FailureOrder:
        assert (await node.store.failures(FailureQuery("other", 10, order))).items == []


async def test_newest_failure_comes_first_whenever_it_was_created(node: Node) -> None:
    """Ordered by failure id, descending (contract §1.11)."""
    log = await fail(node, NOW - 1, NOW - 3, NOW - 2)
    assert [entry.id for entry in log] == sorted((entry.id for entry in log), reverse=True)
    assert [entry.created_at_ms for entry in log] == [NOW - 2, NOW - 3, NOW - 1]


async def test_by_creation_the_youngest_job_comes_first(node: Node) -> None:
    """Ordered by (created_at, failure id), descending: the id decides between jobs of one moment."""
    log = await fail(node, NOW - 1, NOW - 3, NOW - 1, NOW - 2, NOW - 3)
    found = (await node.store.failures(FailureQuery("q", 10, FailureOrder.CREATED))).items
    assert found == sorted(log, key=lambda entry: (entry.created_at_ms, entry.id), reverse=True)


@pytest.mark.parametrize("order", FailureOrder)
async def test_page_of_failures_begins_at_its_cursor_inclusive(node: Node, order: FailureOrder) -> None:
    """From any item on, no more than asked for, with ties handled."""
    await fail(node, NOW - 1, NOW - 3, NOW - 1, NOW - 2, NOW - 3, NOW - 3)
    everything = (await node.store.failures(FailureQuery("q", 10, order))).items
    for index, entry in enumerate(everything):
        cursor = Cursor(entry.created_at_ms, entry.id)
        page = await node.store.failures(FailureQuery("q", 2, order, cursor))
        assert page.items == everything[index : index + 2]
        following = [Cursor(entry.created_at_ms, entry.id) for entry in everything[index + 2 :]]
        assert page.next_cursor == (following[0] if following else None)


async def test_cursor_by_failure_counts_by_its_id_only(node: Node) -> None:
    """The time in it has no say in that order (contract §1.11)."""
    _newest, middle, oldest = await fail(node, NOW, NOW, NOW)
    for time_ms in (0, NOW + 10**9):
        query = FailureQuery("q", 10, FailureOrder.FAILED, Cursor(time_ms, middle.id))
        assert (await node.store.failures(query)).items == [middle, oldest]


@pytest.mark.parametrize("order", FailureOrder)
async def test_paging_shows_each_failure_once_while_others_come_and_go(
    node: Node, order: FailureOrder
) -> None:
    """New entries come before the first page and deleted ones leave, and no other is skipped or repeated."""
    log = await fail(node, *(NOW - number % 4 for number in range(24)))
    shown: list[int] = []
    cursor: Cursor | None = None
    while True:
        page = await node.store.failures(FailureQuery("q", 5, order, cursor))
        shown += [entry.id for entry in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        await node.store.delete_failure("q", page.items[0].id)
        await fail(node, NOW + 1)
    assert shown == [entry.id for entry in in_order(log, order)]
