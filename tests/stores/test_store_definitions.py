"""Queue definitions, routings and the revision that tells of their changes, on every store."""

from typing import Any

import pytest
from attrs import evolve

from tests.stores.nodes import Node, new_job, push_one
from trioworq.core.errors import NoSuchQueue
from trioworq.core.jobs import MAX_PRIORITY, UINT32_MAX
from trioworq.core.queues import QueueDefinition
from trioworq.core.routing import Routing
from trioworq.stores.interface import Store

DEFINITION = QueueDefinition("q", 200, 20)


async def revision(store: Store) -> tuple[int, int]:
    revision = await store.revision()
    return revision.queues, revision.routings


@pytest.mark.parametrize(
    "definition",
    [
        DEFINITION,
        QueueDefinition("q", 100, 1, max_dispatches_per_second=0.000001, max_burst_size=1),
        QueueDefinition("q", UINT32_MAX, UINT32_MAX, 1234567.890123, UINT32_MAX),
        QueueDefinition("q", 1, 1, 0.1 + 0.2, 1),
        QueueDefinition("q", 1, 1, priority=-MAX_PRIORITY),
    ],
)
async def test_definition_is_read_back_as_it_was_put(store: Store, definition: QueueDefinition) -> None:
    """Rates keep all their digits (contract W25)."""
    assert await store.put_queue(definition) is True
    assert await store.queue("q") == definition
    assert await store.queues() == [definition]


async def test_undefined_queue_is_none(store: Store) -> None:
    """Nothing is defined in an empty store."""
    assert await store.queue("q") is None
    assert await store.queues() == []


async def test_definition_is_replaced_as_a_whole(store: Store) -> None:
    """A later definition leaves nothing of the earlier one."""
    await store.put_queue(QueueDefinition("q", 100, 5, 2.5, 3))
    assert await store.put_queue(DEFINITION) is True
    assert await store.queues() == [DEFINITION]


async def test_definition_with_another_priority_is_another(store: Store) -> None:
    """The revision tells of it, and what is deleted is returned with it."""
    await store.put_queue(DEFINITION)
    before = await revision(store)
    changed = evolve(DEFINITION, priority=7)
    assert await store.put_queue(changed) is True
    assert await revision(store) == (before[0] + 1, before[1])
    assert await store.queue("q") == changed
    assert await store.delete_queue("q") == changed


async def test_same_definition_again_changes_nothing(store: Store) -> None:
    """The revision stays, so no node looks (contract §1.5)."""
    await store.put_queue(DEFINITION)
    before = await revision(store)
    assert await store.put_queue(DEFINITION) is False
    assert await revision(store) == before


@pytest.mark.parametrize(
    "change",
    [
        {"polling_interval_ms": 201},
        {"max_workers": 21},
        {"max_dispatches_per_second": 1.5},
        {"max_burst_size": 2},
    ],
)
async def test_any_change_of_a_definition_is_a_new_revision(store: Store, change: dict[str, Any]) -> None:
    """Only the queues' revision grows."""
    await store.put_queue(DEFINITION)
    queues, routings = await revision(store)
    assert await store.put_queue(evolve(DEFINITION, **change)) is True
    assert await revision(store) == (queues + 1, routings)


async def test_queue_is_added_once(store: Store) -> None:
    """What is defined already stays as it is, and its revision too."""
    queues, routings = await revision(store)
    assert await store.add_queue(DEFINITION) is True
    assert await revision(store) == (queues + 1, routings)
    assert await store.add_queue(evolve(DEFINITION, max_workers=7)) is False
    assert await store.queues() == [DEFINITION]
    assert await revision(store) == (queues + 1, routings)


async def test_queues_are_ordered_by_the_bytes_of_their_names(store: Store) -> None:
    """Upper case before lower, and beyond ASCII by UTF-8."""
    names = ["b", "B", "a", "é", "z", "\U0001f600", "\uffff", "a b", "a", "_"]
    for name in names:
        await store.put_queue(QueueDefinition(name, 200, 20))
    found = [definition.name for definition in await store.queues()]
    assert found == sorted(set(names), key=str.encode)


async def test_names_that_differ_in_case_or_spaces_are_different_queues(store: Store) -> None:
    """Nothing is folded or trimmed (contract W17)."""
    names = ["q", "Q", "q ", " q", "q\t"]
    for number, name in enumerate(names, 1):
        assert await store.put_queue(QueueDefinition(name, 200, number)) is True
    for number, name in enumerate(names, 1):
        assert await store.queue(name) == QueueDefinition(name, 200, number)
    assert await store.delete_queue("q ") == QueueDefinition("q ", 200, 3)
    assert len(await store.queues()) == 4


async def test_deleted_queue_is_returned_and_a_new_revision(store: Store) -> None:
    """A second delete finds nothing and changes nothing."""
    await store.put_queue(DEFINITION)
    queues, routings = await revision(store)
    assert await store.delete_queue("q") == DEFINITION
    assert await revision(store) == (queues + 1, routings)
    assert await store.queue("q") is None
    assert await store.delete_queue("q") is None
    assert await revision(store) == (queues + 1, routings)


async def test_jobs_and_routings_outlive_the_definition(node: Node) -> None:
    """They are there again when the queue is (contract §1.5)."""
    store = node.store
    await store.put_queue(DEFINITION)
    await store.put_routing(Routing("c", "q"))
    job_id = await push_one(store, new_job())
    await store.delete_queue("q")
    assert await store.routings() == [Routing("c", "q")]
    assert await store.job("q", job_id) is not None
    await store.put_queue(DEFINITION)
    assert [job.id for job in await node.claim()] == [job_id]


async def test_routing_to_an_undefined_queue_is_refused(store: Store) -> None:
    """Nothing is stored and no revision made (contract §1.6); an existing routing stays."""
    await store.put_queue(DEFINITION)
    await store.put_routing(Routing("c", "q"))
    before = await revision(store)
    for category in ("c", "d"):
        with pytest.raises(NoSuchQueue, match="No such queue: none"):
            await store.put_routing(Routing(category, "none"))
    assert await store.routings() == [Routing("c", "q")]
    assert await revision(store) == before


async def test_routing_is_put_repointed_and_deleted(store: Store) -> None:
    """Each change is a new revision of the routings alone; a repetition is none."""
    await store.put_queue(DEFINITION)
    await store.put_queue(QueueDefinition("r", 200, 20))
    queues, routings = await revision(store)
    assert await store.put_routing(Routing("c", "q")) is True
    assert await store.put_routing(Routing("c", "q")) is False
    assert await revision(store) == (queues, routings + 1)
    assert await store.put_routing(Routing("c", "r")) is True
    assert await store.routings() == [Routing("c", "r")]
    assert await revision(store) == (queues, routings + 2)
    assert await store.delete_routing("c") == Routing("c", "r")
    assert await store.delete_routing("c") is None
    assert await store.routings() == []
    assert await revision(store) == (queues, routings + 3)


async def test_routings_are_ordered_by_queue_then_category(store: Store) -> None:
    """By bytes, with a/b, a b and A apart."""
    for name in ("b", "A", "a"):
        await store.put_queue(QueueDefinition(name, 200, 20))
    pairs = [("z", "b"), ("y", "A"), ("a/b", "a"), ("a b", "a"), ("x", "A"), ("é", "A")]
    for category, queue in pairs:
        await store.put_routing(Routing(category, queue))
    found = [(routing.queue, routing.category) for routing in await store.routings()]
    assert found == sorted((queue, category) for category, queue in pairs)
