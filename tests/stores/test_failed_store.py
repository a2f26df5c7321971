"""The failed store of both kinds as it is listed, counted, gone through and emptied, on every store."""

from tests.stores.failing import fail_pull, fail_push, failed_entry, failed_job_ids, failure_id_of
from tests.stores.nodes import NOW, Node
from tests.stores.workers import enqueue_one, heartbeat, pull_job, take
from trioworq.core.failures import EVERY_FAILURE, FailureFilter, FailureName
from trioworq.core.jobs import INT64_MAX, Kind, Payload, PayloadForm
from trioworq.stores.claims import CLAIM_BYTES
from trioworq.stores.interface import PAGE_BYTES, FailureQuery, Store

HOSTILE = 'it\'s \\ "%s" `q` \U0001f4a5 _%'


def sized(size: int) -> Payload:
    return Payload(PayloadForm.TEXT, bytes(size))


async def test_an_empty_store_has_no_failures(store: Store) -> None:
    """Nothing is listed, counted or found."""
    assert list(await store.failed_jobs(EVERY_FAILURE, 0, 10)) == []
    assert await store.count_failures(EVERY_FAILURE) == 0
    assert await store.failure_ids(EVERY_FAILURE, 0, INT64_MAX, 10) == []
    assert await store.newest_failure_id() == 0
    assert await store.outdated_failures(INT64_MAX, 10) == []


async def test_failures_of_both_kinds_are_in_one_list_the_oldest_first(node: Node) -> None:
    """In the order in which they were entered, whatever the times of their jobs."""
    store = node.store
    ids = [
        await fail_push(node, created_at_ms=NOW - 1),
        await fail_pull(store, "a"),
        await fail_push(node, queue="other", created_at_ms=NOW - 9),
        await fail_pull(store, "b", queue="other", failed_at_ms=NOW + 5),
        await fail_push(node, failed_at_ms=NOW),
    ]
    entries = await store.failed_jobs(EVERY_FAILURE, 0, 10)
    assert [entry.job_id for entry in entries] == ids
    assert [entry.id for entry in entries] == sorted(entry.id for entry in entries)
    assert [entry.kind for entry in entries] == [Kind.PUSH, Kind.PULL, Kind.PUSH, Kind.PULL, Kind.PUSH]


async def test_listed_entry_is_that_of_the_log(node: Node) -> None:
    """Both ways to a failure show all of it, when its last attempt began included."""
    await fail_push(node, priority=7)
    await fail_pull(node.store, priority=-7, payload=b"[1]")
    for entry, kind, priority in zip(
        await node.store.failed_jobs(EVERY_FAILURE, 0, 10), Kind, (7, -7), strict=True
    ):
        assert (entry.started_at_ms, entry.priority) == (NOW, priority)
        page = await node.store.failures(FailureQuery("q", 10, kind=kind))
        assert page.items == [entry]


async def test_offset_and_limit_cut_the_list(node: Node) -> None:
    """Each from where the one before ended shows every failure once; beyond the end there is nothing."""
    ids = [await fail_push(node) for _ in range(5)]
    found = [
        [entry.job_id for entry in await node.store.failed_jobs(EVERY_FAILURE, offset, 2)]
        for offset in (0, 2, 4, 5, 1000)
    ]
    assert found == [ids[:2], ids[2:4], ids[4:], [], []]


async def test_list_ends_before_it_grows_too_large(node: Node) -> None:
    """Payloads count, and one that is larger than a page is shown alone (I13)."""
    sizes = [PAGE_BYTES * 2 // 5, PAGE_BYTES * 2 // 5, PAGE_BYTES // 4, PAGE_BYTES + 1]
    ids = [await fail_push(node, payload=sized(size)) for size in sizes]
    found = [
        [entry.job_id for entry in await node.store.failed_jobs(EVERY_FAILURE, offset, 1000)]
        for offset in (0, 2, 3)
    ]
    assert found == [ids[:2], ids[2:3], ids[3:]]


async def test_what_fails_later_can_be_left_out(node: Node) -> None:
    """Who was shown a number of failures means these, and none that has come since."""
    store = node.store
    ids = [await fail_push(node), await fail_pull(store, "a")]
    wanted = FailureFilter(newest_id=await store.newest_failure_id())
    await fail_push(node)
    assert await store.count_failures(wanted) == 2
    assert [entry.job_id for entry in await store.failed_jobs(wanted, 0, 10)] == ids
    assert [entry.job_id for entry in (await store.newest_failures(wanted, None, 10)).items] == ids[::-1]
    assert len(await store.failure_ids(wanted, 0, INT64_MAX, 10)) == 2
    assert sum(group.count for group in await store.failure_groups(wanted, 10)) == 2
    assert await store.count_failures(FailureFilter(newest_id=0)) == 0


async def test_filters_choose_alike_in_lists_counts_and_ids(node: Node) -> None:
    """A queue is that of either kind, a category that of push jobs; times are from, and until before."""
    store = node.store
    ids = [
        await fail_push(node, category="c", failed_at_ms=NOW + 10),
        await fail_push(node, category="d", failed_at_ms=NOW + 30),
        await fail_push(node, queue="other", category="c", failed_at_ms=NOW + 20),
        await fail_pull(store, "a", failed_at_ms=NOW + 20),
        await fail_pull(store, "b", queue="c", failed_at_ms=NOW + 40),
        await fail_push(node, queue="c", category="", failed_at_ms=NOW + 5),
    ]
    chosen = {
        EVERY_FAILURE: [0, 1, 2, 3, 4, 5],
        FailureFilter(job_id=ids[2]): [2],
        FailureFilter(job_id=ids[3], queue="q"): [3],
        FailureFilter(job_id=ids[3], queue="other"): [],
        FailureFilter(job_id=0): [],
        FailureFilter(queue="q"): [0, 1, 3],
        FailureFilter(queue="c"): [4, 5],
        FailureFilter(queue="Q"): [],
        FailureFilter(category="c"): [0, 2],
        FailureFilter(category=""): [5],
        FailureFilter(category="C"): [],
        FailureFilter(failed_after_ms=NOW + 20): [1, 2, 3, 4],
        FailureFilter(failed_before_ms=NOW + 20): [0, 5],
        FailureFilter(failed_after_ms=NOW + 10, failed_before_ms=NOW + 30): [0, 2, 3],
        FailureFilter(failed_after_ms=NOW + 30, failed_before_ms=NOW + 10): [],
        FailureFilter(queue="q", category="c"): [0],
        FailureFilter(queue="q", failed_after_ms=NOW + 15): [1, 3],
        FailureFilter(category="c", failed_before_ms=NOW + 15): [0],
    }
    for wanted, places in chosen.items():
        assert await failed_job_ids(store, wanted) == [ids[place] for place in places], wanted
        assert await store.count_failures(wanted) == len(places), wanted
        found = await store.failure_ids(wanted, 0, INT64_MAX, 10)
        assert found == [await failure_id_of(store, ids[place]) for place in places], wanted


async def test_names_of_any_characters_are_found_by_them_alone(node: Node) -> None:
    """Nothing in a filter is more than text."""
    job_id = await fail_push(node, queue=HOSTILE, category=HOSTILE)
    other = await fail_push(node)
    for wanted in (FailureFilter(queue=HOSTILE), FailureFilter(category=HOSTILE)):
        assert await failed_job_ids(node.store, wanted) == [job_id]
    assert await node.store.count_failures(FailureFilter(queue="%")) == 0
    assert await failed_job_ids(node.store) == [job_id, other]


async def test_ids_come_from_a_range_ascending(node: Node) -> None:
    """Above the first, up to the second, no more than asked for: so a sweep meets each once."""
    ids = [await failure_id_of(node.store, await fail_push(node)) for _ in range(5)]
    assert await node.store.newest_failure_id() == ids[-1]
    find = node.store.failure_ids
    assert await find(EVERY_FAILURE, 0, ids[-1], 2) == ids[:2]
    assert await find(EVERY_FAILURE, ids[1], ids[-1], 10) == ids[2:]
    assert await find(EVERY_FAILURE, ids[1], ids[3], 10) == ids[2:4]
    assert await find(FailureFilter(queue="q"), ids[1], ids[3], 10) == ids[2:4]
    assert await find(EVERY_FAILURE, ids[-1], INT64_MAX, 10) == []


async def test_ids_end_before_their_payloads_grow_too_large(node: Node) -> None:
    """What one transaction puts back is bounded in bytes as well; one is found however large it is (I13)."""
    sizes = [CLAIM_BYTES // 2, CLAIM_BYTES // 2, 1, CLAIM_BYTES + 1]
    ids = [await failure_id_of(node.store, await fail_push(node, payload=sized(size))) for size in sizes]
    find = node.store.failure_ids
    assert await find(EVERY_FAILURE, 0, INT64_MAX, 10) == ids[:2]
    assert await find(EVERY_FAILURE, ids[1], INT64_MAX, 10) == ids[2:3]
    assert await find(FailureFilter(queue="q"), ids[2], INT64_MAX, 10) == ids[3:]


async def test_ids_end_before_saved_states_grow_too_large(store: Store) -> None:
    """What workers have saved goes back with the job, so it counts as well (I13)."""
    ids = []
    for key in "abc":
        await enqueue_one(store, pull_job(key, max_retries=0, timeout_s=0))
        await take(store)
        await store.change(heartbeat(key, b'"%s"' % (b"x" * (CLAIM_BYTES // 2 - 100))))
        (failed,) = await store.expire_leases(NOW + 1, 10)
        ids.append(await failure_id_of(store, failed.id))
    assert await store.failure_ids(EVERY_FAILURE, 0, INT64_MAX, 10) == ids[:2]
    assert await store.failure_ids(FailureFilter(queue="q"), ids[1], INT64_MAX, 10) == ids[2:]


async def test_newest_id_is_that_of_a_failure_that_is_there(node: Node) -> None:
    """Of either kind; when it is gone, the one before it."""
    store = node.store
    first = await failure_id_of(store, await fail_push(node))
    second = await failure_id_of(store, await fail_pull(store))
    assert await store.newest_failure_id() == second > first
    await store.forget_failures([second])
    assert await store.newest_failure_id() == first


async def test_forgotten_failures_are_named_and_gone(node: Node) -> None:
    """Of both kinds, in the order asked for; what was gone is None."""
    store = node.store
    pushed, pulled, left = await fail_push(node), await fail_pull(store), await fail_push(node)
    ids = [await failure_id_of(store, job_id) for job_id in (pulled, pushed)]
    assert await store.forget_failures([ids[0], 10**9, ids[1]]) == [
        FailureName(pulled, "q", "k"),
        None,
        FailureName(pushed, "q"),
    ]
    assert await store.forget_failures(ids) == [None, None]
    assert await failed_job_ids(store) == [left]
    for kind, entries in ((Kind.PUSH, [await failed_entry(store, left)]), (Kind.PULL, [])):
        assert (await store.failures(FailureQuery("q", 10, kind=kind))).items == entries
    assert await store.find_job(pushed) is None
    assert await store.forget_failures([]) == []


async def test_outdated_failures_are_those_from_before_a_time(node: Node) -> None:
    """Of both kinds, and no more than asked for."""
    store = node.store
    jobs = [
        await fail_push(node, failed_at_ms=NOW + 9),
        await fail_push(node, failed_at_ms=NOW + 1),
        await fail_pull(store, failed_at_ms=NOW + 5),
    ]
    newest, oldest, middle = [await failure_id_of(store, job_id) for job_id in jobs]
    assert set(await store.outdated_failures(NOW + 9, 10)) == {oldest, middle}
    assert await store.outdated_failures(NOW + 5, 10) == [oldest]
    assert await store.outdated_failures(NOW + 1, 10) == []
    assert len(await store.outdated_failures(INT64_MAX, 2)) == 2
    assert set(await store.outdated_failures(INT64_MAX, 3)) == {newest, oldest, middle}
