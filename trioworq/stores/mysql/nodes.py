"""Live nodes, and the queues that they own, as a MySQL or MariaDB database is told and asked of them."""

from trioworq.core.nodes import LiveNode
from trioworq.core.queues import Owner
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.conversations import Conversation
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.reads import owner_of
from trioworq.stores.operations import Report

REPORT = "UPDATE node SET host = %s, report = %s WHERE node_id = %s"
NODES = "SELECT node_id, host, COALESCE(report, '') FROM node WHERE expires_at > %s ORDER BY host, node_id"
OWNERS = "SELECT queue, node_id, host, epoch, expires_at FROM queue_owner WHERE expires_at > %s"


def report(operation: Report) -> Conversation[None]:
    """Keep what a live node says of itself."""
    yield [fill(REPORT, (operation.host, operation.report, operation.node_id))]


async def read_nodes(connection: Connection, now_ms: int) -> list[LiveNode]:
    """Return the nodes that are live."""
    found = await connection.execute(NODES, (now_ms,))
    return [LiveNode(node_id.decode(), host.decode(), said) for node_id, host, said in found.rows]


async def read_owners(connection: Connection, now_ms: int) -> dict[str, Owner]:
    """Return who holds the leases of queues."""
    found = await connection.execute(OWNERS, (now_ms,))
    return {queue.decode(): owner_of(tuple(owner)) for queue, *owner in found.rows}
