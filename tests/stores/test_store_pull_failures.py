"""Pages of failed pull jobs, on every store."""

import pytest

from tests.stores.nodes import NOW
from tests.stores.workers import enqueue_one, lease_end, pull_job, take_one
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import FailedJob, Kind
from trioworq.stores.interface import FailureOrder, FailureQuery, Store


async def fail(store: Store, *created_at_ms: int) -> None:
    """Let one job a time fail, in the order given."""
    for number, created_at in enumerate(created_at_ms):
        await enqueue_one(store, pull_job(str(number), max_retries=0, created_at_ms=created_at))
        await store.expire_leases(lease_end(await take_one(store)) + 1, 10)


async def log(store: Store, order: FailureOrder) -> list[FailedJob]:
    """Return the whole log of queue q in an order."""
    return list((await store.failures(FailureQuery("q", 100, order, kind=Kind.PULL))).items)


async def test_newest_failure_comes_first_whenever_it_was_created(store: Store) -> None:
    """Ordered by failure id, descending."""
    await fail(store, NOW - 1, NOW - 3, NOW - 2)
    assert [entry.key for entry in await log(store, FailureOrder.FAILED)] == ["2", "1", "0"]


async def test_by_creation_the_youngest_job_comes_first(store: Store) -> None:
    """Ordered by (created_at, failure id), descending: the id decides between jobs of one moment."""
    await fail(store, NOW - 1, NOW - 3, NOW - 1, NOW - 2, NOW - 3)
    assert [entry.key for entry in await log(store, FailureOrder.CREATED)] == ["2", "0", "3", "4", "1"]


@pytest.mark.parametrize("order", FailureOrder)
async def test_page_begins_at_its_cursor_inclusive(store: Store, order: FailureOrder) -> None:
    """From any item on, no more than asked for, with ties handled."""
    await fail(store, NOW - 1, NOW - 3, NOW - 1, NOW - 2, NOW - 3, NOW - 3)
    everything = await log(store, order)
    for index, entry in enumerate(everything):
        cursor = Cursor(entry.created_at_ms, entry.id)
        page = await store.failures(FailureQuery("q", 2, order, cursor, Kind.PULL))
        assert page.items == everything[index : index + 2]
        following = [Cursor(entry.created_at_ms, entry.id) for entry in everything[index + 2 :]]
        assert page.next_cursor == (following[0] if following else None)


async def test_failures_of_other_queues_are_not_shown(store: Store) -> None:
    """Each queue has its own log."""
    await fail(store, NOW)
    for order in FailureOrder:
        page = await store.failures(FailureQuery("other", 10, order, kind=Kind.PULL))
        assert (page.items, page.next_cursor) == ([], None)
