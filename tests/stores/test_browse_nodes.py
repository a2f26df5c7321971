"""The nodes that work on a store as people see them: their hosts, their reports, and their queues."""

import pytest

from tests.stores.conftest import OpenStore
from tests.stores.nodes import LEASE_MS, NOW, Node
from trioworq.core.jobs import INT64_MAX
from trioworq.core.nodes import LiveNode
from trioworq.core.queues import Owner
from trioworq.stores.interface import Store


async def test_nodes_are_shown_by_host_and_id(store: Store) -> None:
    """As they reported themselves last; those that have not yet come first."""
    for node_id in ("node-2", "node-1", "node-3", "node-4"):
        await Node(store, node_id).hold()
    await store.report("node-1", "b.test", b"old")
    await store.report("node-3", "a.test", b"3")
    await store.report("node-2", "a.test", b"")
    await store.report("node-1", "b.test", b"[1]")
    assert await store.nodes(NOW) == [
        LiveNode("node-4", ""),
        LiveNode("node-2", "a.test"),
        LiveNode("node-3", "a.test", b"3"),
        LiveNode("node-1", "b.test", b"[1]"),
    ]


async def test_report_stays_when_leases_are_renewed(store: Store) -> None:
    """A node renews them every second, and reports when it has something to say."""
    node = Node(store)
    await node.hold("q")
    await store.report("node-1", "h", b"[1]")
    await node.hold("q", now_ms=NOW + 1)
    assert await store.nodes(NOW) == [LiveNode("node-1", "h", b"[1]")]


async def test_report_of_a_node_that_is_not_live_is_dropped(store: Store) -> None:
    """It would be shown for ever."""
    await store.report("node-1", "h", b"[1]")
    assert await store.nodes(NOW) == []
    await Node(store).hold()
    assert await store.nodes(NOW) == [LiveNode("node-1", "")]


async def test_node_is_shown_until_its_end(store: Store) -> None:
    """Be it that it renews no more, leaves, or is found to be gone."""
    for node_id in ("node-1", "node-2", "node-3"):
        await Node(store, node_id).hold()
        await store.report(node_id, node_id, b"1")
    await store.give_back("node-2", NOW)
    assert [node.id for node in await store.nodes(NOW)] == ["node-1", "node-3"]
    await Node(store).hold(now_ms=NOW + 1, gone={"node-3": INT64_MAX})
    assert [node.id for node in await store.nodes(NOW + LEASE_MS)] == ["node-1"]
    assert await store.nodes(NOW + 1 + LEASE_MS) == []


async def test_node_that_comes_back_has_reported_nothing(store: Store) -> None:
    """What it said before it left may be true no more."""
    node = Node(store)
    await node.hold()
    await store.report("node-1", "h", b"[1]")
    await node.hold(is_leaving=True)
    await node.hold()
    assert await store.nodes(NOW) == [LiveNode("node-1", "")]


@pytest.mark.parametrize("report", [b"", b"\x00\xff'\\%", b"x" * 300_000])
async def test_report_is_given_back_byte_for_byte(store: Store, report: bytes) -> None:
    """Whatever it is, and however many queues it tells of."""
    await Node(store).hold()
    await store.report("node-1", "it's \\ \U0001f4a5", report)
    assert await store.nodes(NOW) == [LiveNode("node-1", "it's \\ \U0001f4a5", report)]


async def test_nodes_see_each_others_reports(open_durable: OpenStore) -> None:
    """Each can show them all."""
    async with open_durable("node-1") as first, open_durable("node-2") as second:
        await Node(first).hold()
        await first.report("node-1", "h", b"[1]")
        assert await second.nodes(NOW) == [LiveNode("node-1", "h", b"[1]")]


async def test_owners_are_those_whose_leases_have_not_ended(store: Store) -> None:
    """Of all queues at once, as each is shown by itself."""
    assert await store.owners(NOW) == {}
    await Node(store).hold("a", "b", "c")
    await Node(store, "node-2").hold("d", now_ms=NOW + 1)
    await store.give_back("node-1", NOW, ["b"])
    owners = await store.owners(NOW)
    assert owners == {
        "a": Owner("node-1", "node-1.test", 1, NOW + LEASE_MS),
        "c": Owner("node-1", "node-1.test", 1, NOW + LEASE_MS),
        "d": Owner("node-2", "node-2.test", 1, NOW + 1 + LEASE_MS),
    }
    assert owners == {queue: await store.owner(queue, NOW) for queue in "acd"}
    assert set(await store.owners(NOW + LEASE_MS)) == {"d"}
