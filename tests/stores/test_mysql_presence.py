"""Presence marks on MySQL: locks that end with the writing connection, and what they let others do."""

from collections.abc import AsyncIterator

import pytest
import trio

from tests.stores.nodes import LEASE_MS, NOW, Node, new_job, push_one
from trioworq.core.jobs import INT64_MAX
from trioworq.core.leases import Hold
from trioworq.core.suspicion import Peer
from trioworq.stores.interface import Store
from trioworq.stores.mysql import leases, presence
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.presence import end, lock_name, mark
from trioworq.stores.mysql.store import open_mysql_store

PATIENCE_S = 10


@pytest.fixture
async def other(mysql_dsn: str) -> AsyncIterator[Store]:
    """The same database as another node has it."""
    async with open_mysql_store(mysql_dsn, node_id="other") as opened:
        yield opened


@pytest.fixture
async def connection(mysql_dsn: str) -> AsyncIterator[Connection]:
    """A connection beside those of the stores."""
    async with open_connection(parse(mysql_dsn)) as opened:
        yield opened


async def peer(store: Store, node_id: str) -> Peer:
    """Return a node as another one sees it."""
    (found,) = [each for each in (await store.look_round(NOW)).peers if each.node_id == node_id]
    return found


async def wait_until_unmarked(store: Store, node_id: str) -> None:
    """Wait until the server has noticed the end of the connection that had a node's mark."""
    with trio.fail_after(PATIENCE_S):
        while (await peer(store, node_id)).is_present:
            await trio.sleep(0.01)


async def holder(connection: Connection, mysql_dsn: str, node_id: str) -> int | None:
    """Return the connection that has a node's mark."""
    name = lock_name(parse(mysql_dsn).database, node_id)
    ((found,),) = (await connection.execute("SELECT IS_USED_LOCK(%s)", (name,))).rows
    return found if found is None else int(found)


async def test_mark_ends_with_the_connection_and_comes_back_with_the_next_write(
    mysql_dsn: str, other: Store, connection: Connection
) -> None:
    """A node whose connection was killed is marked again before its write is carried out."""
    async with open_mysql_store(mysql_dsn, node_id="node-1") as store:
        node = Node(store)
        await node.hold("q")
        assert (await peer(other, "node-1")).is_present
        await connection.execute("KILL %s", (await holder(connection, mysql_dsn, "node-1"),))
        await wait_until_unmarked(other, "node-1")
        await node.hold("q")
        assert (await peer(other, "node-1")).is_present
    await wait_until_unmarked(other, "node-1")


async def test_mark_that_an_old_connection_still_has_is_taken_from_it(
    mysql_dsn: str, connection: Connection
) -> None:
    """A server that has not noticed the end of a connection does not keep its node from being seen."""
    database = parse(mysql_dsn).database
    async with open_connection(parse(mysql_dsn)) as lost, open_connection(parse(mysql_dsn)) as fresh:
        await mark(lost, database, "node-1")
        before = await holder(connection, mysql_dsn, "node-1")
        await mark(fresh, database, "node-1")
        after = await holder(connection, mysql_dsn, "node-1")
        ((own,),) = (await fresh.execute("SELECT CONNECTION_ID()")).rows
        assert before != after == own
        # The one that has it already keeps it.
        await mark(fresh, database, "node-1")
        assert await holder(connection, mysql_dsn, "node-1") == own


async def test_stalled_node_is_relieved_of_its_queue_whatever_it_has_locked(
    mysql_dsn: str, other: Store
) -> None:
    """It stands in a transaction that has locked its lease and its job; that is ended first (I7)."""
    async with open_mysql_store(mysql_dsn, node_id="node-1") as store:
        node, backup = Node(store), Node(other, "other")
        await node.hold("q")
        await push_one(store, new_job())
        await node.claim_one()
    database = parse(mysql_dsn).database
    async with open_connection(parse(mysql_dsn), autocommit=False) as stalled:
        await mark(stalled, database, "node-1")
        await stalled.execute("SELECT * FROM queue_owner WHERE queue = 'q' FOR UPDATE")
        await stalled.execute("SELECT * FROM job FOR UPDATE")
        await stalled.execute("UPDATE node SET expires_at = expires_at + 1 WHERE node_id = 'node-1'")
        with trio.fail_after(PATIENCE_S):
            assert "q" in await backup.hold("q", now_ms=NOW + LEASE_MS, gone={"node-1": INT64_MAX})
        assert backup.recovered == {"q": 1}


async def test_renewals_do_not_wait_for_another_nodes_transaction(mysql_dsn: str, other: Store) -> None:
    """A node that stalls while its leases last holds nobody up, not even those who want its queues."""
    async with open_mysql_store(mysql_dsn, node_id="node-1") as store:
        await Node(store).hold("q")
    own = Node(other, "other")
    await own.hold("mine")
    async with open_connection(parse(mysql_dsn), autocommit=False) as stalled:
        await stalled.execute("SELECT * FROM queue_owner WHERE queue = 'q' FOR UPDATE")
        started_at_s = trio.current_time()
        assert set(await own.hold("mine", "q", now_ms=NOW + 1)) == {"mine"}
        # A wait for a lock would have been ended after a second.
        assert trio.current_time() - started_at_s < 0.9


async def test_mark_on_another_server_counts_as_there(mysql_dsn: str, other: Store) -> None:
    """In a cluster whose members keep locks of their own, only leases tell who is gone."""
    async with open_mysql_store(mysql_dsn, node_id="node-1") as store:
        await Node(store).hold("q")
    await wait_until_unmarked(other, "node-1")
    async with open_connection(parse(mysql_dsn)) as connection:
        await connection.execute("UPDATE node SET server = 'elsewhere:3306'")
    assert (await peer(other, "node-1")).is_present


async def test_node_that_could_not_be_marked_counts_as_there(mysql_dsn: str, other: Store) -> None:
    """Only its leases tell whether it is gone, until it has a mark."""
    hold = Hold("node-1", "host", (), NOW, LEASE_MS)
    async with open_connection(parse(mysql_dsn)) as unmarked:
        await leases.hold(unmarked, hold)
        assert (await peer(other, "node-1")).is_present
        await mark(unmarked, parse(mysql_dsn).database, "node-1")
        await leases.hold(unmarked, hold)
    await wait_until_unmarked(other, "node-1")


async def test_all_nodes_count_as_there_where_the_server_has_no_such_locks(
    mysql_dsn: str, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases tell who is gone; looking round is no error."""
    monkeypatch.setattr(presence, "FIND_PEERS", presence.FIND_PEERS.replace("IS_USED_LOCK", "NO_SUCH_LOCK"))
    async with open_mysql_store(mysql_dsn, node_id="node-1") as store:
        await Node(store).hold("q")
    assert (await peer(other, "node-1")).is_present


async def test_nodes_of_another_database_are_not_seen_or_ended(
    mysql_dsn: str, connection: Connection
) -> None:
    """Two clusters on one server never disturb each other, even with nodes of the same name (W18)."""
    database = parse(mysql_dsn).database
    async with open_connection(parse(mysql_dsn)) as foreign:
        await mark(foreign, f"{database}2", "node-1")
        await mark(connection, database, "node-1")
        await end(connection, database, ["node-1"])
        await foreign.execute("SELECT 1")
    assert lock_name(database, "node-1") != lock_name(f"{database}2", "node-1")
    assert len(lock_name("d" * 64, "0123456789abcdef")) <= 64


async def test_ending_a_node_that_has_no_connection_does_nothing(
    mysql_dsn: str, connection: Connection
) -> None:
    """It is gone for good, as the hint says."""
    await end(connection, parse(mysql_dsn).database, ["nobody", "no-one"])
    assert connection.is_open
