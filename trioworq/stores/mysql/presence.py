"""Presence marks of the nodes on one database: user-level locks, which end with their connections.

The server drops such a lock when its connection ends, however that ends, so who finds one free need not
wait for the leases of its node to lapse (design §5). A lock belongs to the writing connection, which tells
whose transaction it is that a node which stands still has left behind.

Some servers have no such locks, and in some clusters each member has its own. So a mark counts as missing
only on the server where its node says that it is, and a node that has got none says nothing.
"""

import hashlib
from collections.abc import Collection
from contextlib import suppress

from trioworq.core.suspicion import Peer
from trioworq.stores.interface import StoreBroken, StoreError
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.literals import fill

# How long to wait for the lock, in seconds, after the connection that had it was ended.
TAKE_OVER_S = 1

SERVER = "CONCAT(@@hostname, ':', @@port)"
# Where the mark of this session is: a variable, so that it ends with the session, as the mark does.
MARKED_ON = "COALESCE(@trioworq_marked_on, '')"
TAKE_MARK = f"SET @trioworq_marked_on = IF(GET_LOCK(%s, %s) = 1, {SERVER}, '')"
FIND_PEERS = (
    f"SELECT node_id, expires_at, server <> {SERVER} OR "  # noqa: S608  # a constant
    "IS_USED_LOCK(CONCAT(%s, CONVERT(node_id USING utf8mb4))) IS NOT NULL FROM node"
)
LIST_PEERS = "SELECT node_id, expires_at, 1 FROM node"


def lock_name(database: str, node_id: str = "") -> str:
    """Name a node's lock: short, because some servers allow 64 characters, and the database's own (W18)."""
    return f"trioworq_{hashlib.sha256(database.encode()).hexdigest()[:16]}_{node_id}"


async def mark(connection: Connection, database: str, node_id: str) -> None:
    """Have a connection carry a node's mark; an older one of the same node is ended.

    Where there are no such locks, others will wait for leases to lapse.
    """
    name = lock_name(database, node_id)
    with suppress(StoreError):
        # It may have ended by itself before we come to it, which the server calls an error.
        await _end_holder(connection, name)
    with suppress(StoreError):
        await connection.execute(TAKE_MARK, (name, TAKE_OVER_S))
        # The session has no autocommit, and is not to idle in a transaction.
        await connection.execute("COMMIT")


async def read_peers(connection: Connection, database: str) -> list[Peer]:
    """Return the nodes that are counted among the live ones."""
    try:
        found = await connection.execute(FIND_PEERS, (lock_name(database),))
    except StoreBroken:
        # A server that does not know such locks.
        found = await connection.execute(LIST_PEERS)
    return [
        Peer(node_id.decode(), expires_at_ms, bool(is_present))
        for node_id, expires_at_ms, is_present in found.rows
    ]


async def end(connection: Connection, database: str, node_ids: Collection[str]) -> None:
    """End the writing connections of nodes that stand still, and with them what these keep locked.

    A user may end its own connections; where it is another user's, the server's limits on idling do it.
    """
    for node_id in node_ids:
        with suppress(StoreError):
            await _end_holder(connection, lock_name(database, node_id))


async def _end_holder(connection: Connection, name: str) -> None:
    found = await connection.execute("SELECT IS_USED_LOCK(%s), CONNECTION_ID()", (name,))
    ((holder, own),) = found.rows
    if holder is not None and holder != own:
        await connection.send(fill("KILL %s", (holder,)))
