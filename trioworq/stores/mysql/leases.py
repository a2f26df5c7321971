"""Ownership as a MySQL or MariaDB database is told of it: steps of a transaction that the caller commits.

A node touches the rows of its own leases, and of leases that it takes; it never waits for a transaction of
a node that is alive and well.
"""

from collections.abc import Collection

from trioworq.core import leases
from trioworq.core.jobs import INT64_MAX
from trioworq.core.leases import Held, Hold
from trioworq.core.queues import Owner
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.errors import Conflict, Duplicate
from trioworq.stores.mysql.literals import fill, rows
from trioworq.stores.mysql.presence import MARKED_ON
from trioworq.stores.mysql.reads import owner_of

RELEASE_QUEUE = "UPDATE job FORCE INDEX (job_list) SET state = 0 WHERE kind = 0 AND queue = %s AND state = 1"
JOIN = (
    f"INSERT INTO node (node_id, expires_at, server) VALUES (%s, %s, {MARKED_ON}) "  # noqa: S608  # a constant
    "ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at), server = VALUES(server)"
)
LEAVE = "DELETE FROM node WHERE node_id = %s"
LIVE = "SELECT node_id FROM node WHERE expires_at > %s"
# By the index of nodes, so that rows of other nodes are not even looked at: they may be locked.
_OWN = "UPDATE queue_owner FORCE INDEX (queue_owner_node) SET "
RENEW = f"{_OWN} host = %s, expires_at = %s WHERE node_id = %s"
END_LEASES = f"{_OWN} expires_at = LEAST(expires_at, %s) WHERE node_id = %s"
# Without a lock: what is taken on the strength of it is compared again.
FIND_LEASES = b"SELECT queue, node_id, host, epoch, expires_at FROM queue_owner WHERE queue IN (%s)"
MAKE = "INSERT INTO queue_owner (queue, node_id, host, epoch, expires_at) VALUES (%s, %s, %s, %s, %s)"
TAKE = (
    "UPDATE queue_owner SET node_id = %s, host = %s, epoch = %s, expires_at = %s "
    "WHERE queue = %s AND node_id = %s AND epoch = %s AND expires_at = %s"
)


async def hold(connection: Connection, hold: Hold) -> Held:
    """Take or renew leases; return what is held now."""
    expires_at = hold.now_ms + hold.lease_ms
    ends = [statement for gone in sorted(hold.gone.items()) for statement in _leave(*gone, hold.now_ms)]
    *_, found_live, found_leases = await connection.send_all(
        [
            *ends,
            fill(LEAVE, (hold.node_id,)) if hold.is_leaving else fill(JOIN, (hold.node_id, expires_at)),
            *_of_queues(fill(RENEW, (hold.host, expires_at, hold.node_id)), hold.wanted),
            fill(LIVE, (hold.now_ms,)),
            FIND_LEASES % _places(hold.queues or [""]),
        ]
    )
    present = {row[0].decode(): owner_of(row[1:]) for row in found_leases.rows}
    live = [node_id.decode() for (node_id,) in found_live.rows]
    planned = leases.plan(hold, present, live)
    recovered = {}
    for queue, epoch in planned.taken.items():
        if await _take(connection, hold, queue, epoch, present.get(queue)):
            recovered[queue] = (await connection.execute(RELEASE_QUEUE, (queue,))).affected
    return planned.held(recovered)


async def _take(connection: Connection, hold: Hold, queue: str, epoch: int, last: Owner | None) -> bool:
    """Begin an epoch; False when another node has just done so."""
    owner = (hold.node_id, hold.host, epoch, hold.now_ms + hold.lease_ms)
    if last is not None:
        seen = (last.node_id, last.epoch, last.expires_at_ms)
        return (await connection.execute(TAKE, (*owner, queue, *seen))).affected == 1
    try:
        await connection.execute(MAKE, (queue, *owner))
    except Duplicate as error:
        # A row that was made meanwhile: look again.
        raise Conflict("MySQL: another node has just taken the queue") from error
    return True


async def give_back(
    connection: Connection, node_id: str, now_ms: int, queues: Collection[str] | None
) -> None:
    """End leases; the rows stay, so that the next epoch is a new one."""
    if queues is None:
        await connection.send_all(_leave(node_id, INT64_MAX, now_ms))
    else:
        await connection.send_all(_of_queues(fill(END_LEASES, (now_ms, node_id)), queues))


def _leave(node_id: str, seen_ms: int, now_ms: int) -> list[bytes]:
    """Return the statements that end the leases of a node and its place, as far as they end by `seen_ms`."""
    return [
        fill(f"{END_LEASES} AND expires_at <= %s", (now_ms, node_id, seen_ms)),
        fill(f"{LEAVE} AND expires_at <= %s", (node_id, seen_ms)),
    ]


def _of_queues(statement: bytes, queues: Collection[str]) -> list[bytes]:
    """Restrict a statement to some queues; no statement for none."""
    return [b"%s AND queue IN (%s)" % (statement, _places(queues))] if queues else []


def _places(queues: Collection[str]) -> bytes:
    return rows("%s", [(queue,) for queue in queues])
