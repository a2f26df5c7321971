"""Failures in groups of the same cause, on every store."""

from tests.stores.conftest import OpenStore
from tests.stores.failing import fail_pull, fail_push, failure_id_of
from tests.stores.nodes import NOW, Node
from tests.stores.test_browse_failures import LEASE_ENDED, REFUSED, saying
from trioworq.core.failures import EVERY_FAILURE, FailureFilter, FailureGroup, error_of
from trioworq.core.jobs import Kind

GONE = "HTTP 500: order # is gone"
HOSTILE = 'it\'s \\ "%s" \U0001f4a5 _%'


async def test_failures_of_one_cause_are_one_group(node: Node) -> None:
    """Of one queue and category; the largest group comes first, of equals the one with the newest failure."""
    store = node.store
    first = await fail_push(node, category="c", result=saying("order 1 is gone"), failed_at_ms=NOW + 9)
    second = await fail_push(node, category="c", result=saying("order 2 is gone"), failed_at_ms=NOW + 3)
    third = await fail_push(node, category="c", result=saying("order 3 is gone"), failed_at_ms=NOW + 5)
    assert first < second < third
    other = await fail_push(node, category="d", result=saying("order 1 is gone"))
    elsewhere = await fail_push(node, queue="r", category="c", result=saying("order 1 is gone"))
    await fail_pull(store, "a", failed_at_ms=NOW + 1)
    pulled = await fail_pull(store, "b", failed_at_ms=NOW + 2)
    refused = await fail_push(node, category="c", result=REFUSED)
    assert await store.failure_groups(EVERY_FAILURE, 10) == [
        group("q", "c", GONE, await failure_id_of(store, third), count=3, first=NOW + 3, last=NOW + 9),
        group("q", "", LEASE_ENDED, await failure_id_of(store, pulled), Kind.PULL, count=2, last=NOW + 2),
        group("q", "c", error_of(REFUSED), await failure_id_of(store, refused)),
        group("r", "c", GONE, await failure_id_of(store, elsewhere)),
        group("q", "d", GONE, await failure_id_of(store, other)),
    ]


def group(
    queue: str,
    category: str,
    error: str,
    newest_id: int,
    kind: Kind = Kind.PUSH,
    *,
    count: int = 1,
    first: int = NOW + 1,
    last: int = NOW + 1,
) -> FailureGroup:
    """Return a group of failures."""
    return FailureGroup(
        kind=kind,
        queue=queue,
        category=category,
        error=error,
        count=count,
        first_failed_at_ms=first,
        last_failed_at_ms=last,
        newest_id=newest_id,
    )


async def test_groups_are_of_what_is_wanted_alone(node: Node) -> None:
    """Their counts and times are those of the failures that match."""
    store = node.store
    early = await fail_push(node, result=saying("order 1 is gone"), failed_at_ms=NOW + 1)
    late = await fail_push(node, result=saying("order 2 is gone"), failed_at_ms=NOW + 8)
    await fail_pull(store, "a")
    at_early = group("q", "c", GONE, await failure_id_of(store, early))
    at_late = group("q", "c", GONE, await failure_id_of(store, late), first=NOW + 8, last=NOW + 8)
    for wanted, expected in {
        FailureFilter(kind=Kind.PUSH, failed_before_ms=NOW + 8): [at_early],
        FailureFilter(failed_after_ms=NOW + 8): [at_late],
        FailureFilter(text="ORDER 2"): [at_late],
        FailureFilter(queue="q", text="order 1"): [at_early],
        FailureFilter(job_id=late): [at_late],
        FailureFilter(job_ids=frozenset({early})): [at_early],
        FailureFilter(queue="r"): [],
    }.items():
        assert await store.failure_groups(wanted, 10) == expected, wanted


async def test_no_more_groups_are_shown_than_asked_for(node: Node) -> None:
    """The largest."""
    store = node.store
    for name, count in (("a", 1), ("b", 3), ("c", 2)):
        for _ in range(count):
            await fail_push(node, category=name)
    groups = await store.failure_groups(EVERY_FAILURE, 2)
    assert [(each.category, each.count) for each in groups] == [("b", 3), ("c", 2)]


async def test_groups_of_any_names_and_errors_are_apart(node: Node) -> None:
    """By a letter's case, an accent or a blank at the end as well; the group's fields find its failures."""
    store = node.store
    for name in ("a", "A", "ä", "a ", HOSTILE, "x" * 255):
        await fail_push(node, category=name, result=saying(name, code=200))
    groups = await store.failure_groups(EVERY_FAILURE, 10)
    assert {each.category: each.error for each in groups} == {
        **{name: name for name in ("a", "A", "ä", HOSTILE, "x" * 255)},
        "a ": "a",
    }
    for each in groups:
        same = FailureFilter(kind=each.kind, queue=each.queue, category=each.category, error=each.error)
        assert await store.count_failures(same) == 1
        (found,) = await store.failed_jobs(same, 0, 10)
        assert found.id == each.newest_id


async def test_groups_change_with_their_failures(node: Node) -> None:
    """Those that are forgotten or run again are counted no more."""
    store = node.store
    ids = [
        await failure_id_of(store, await fail_push(node, failed_at_ms=NOW + number)) for number in range(3)
    ]
    await store.forget_failures([ids[2]])
    (left,) = await store.failure_groups(EVERY_FAILURE, 10)
    assert (left.count, left.newest_id, left.last_failed_at_ms) == (2, ids[1], NOW + 1)
    await store.forget_failures(ids)
    assert await store.failure_groups(EVERY_FAILURE, 10) == []


async def test_groups_are_the_same_after_a_restart(open_durable: OpenStore) -> None:
    """They are stored with the failures."""
    async with open_durable("node-1") as store:
        node = Node(store)
        await node.hold("q")
        await fail_push(node, result=saying("order 1 is gone"))
        groups = await store.failure_groups(EVERY_FAILURE, 10)
    async with open_durable("node-1") as store:
        assert await store.failure_groups(EVERY_FAILURE, 10) == groups
