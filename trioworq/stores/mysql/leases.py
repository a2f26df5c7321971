"""Ownership as a MySQL or MariaDB database is told of it: steps of a transaction that the caller commits."""

from collections.abc import Collection

from trioworq.stores import leases
from trioworq.stores.interface import Hold, Tenure
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.errors import Conflict, Duplicate
from trioworq.stores.mysql.literals import fill, rows
from trioworq.stores.mysql.reads import owner_of

RELEASE_QUEUE = (
    "UPDATE job FORCE INDEX (job_list) SET state = 0, started_at = NULL "
    "WHERE kind = 0 AND queue = %s AND state = 1"
)

GIVE_BACK = "UPDATE queue_owner SET expires_at = 0 WHERE node_id = %s"


async def hold(connection: Connection, hold: Hold) -> dict[str, Tenure]:
    """Take or renew leases; return the tenure of each queue that is held now."""
    if not hold.queues:
        return {}
    found = await connection.send(lock_leases(hold.queues))
    present = {row[0].decode(): owner_of(row[1:]) for row in found.rows}
    planned = leases.plan(hold, present)
    await _renew(connection, hold, planned.renewed)
    recovered = {
        queue: await _take_over(connection, hold, queue, epoch, is_new=queue not in present)
        for queue, epoch in planned.taken.items()
    }
    return planned.tenures(recovered)


def lock_leases(queues: Collection[str]) -> bytes:
    """Return the statement that reads and locks the leases of these queues."""
    # In the order of the key, as every node does, so that two of them do not wait for each other.
    return (
        b"SELECT queue, node_id, host, epoch, expires_at FROM queue_owner WHERE queue IN (%s) "
        b"ORDER BY queue FOR UPDATE" % rows("%s", [(queue,) for queue in queues])
    )


async def _renew(connection: Connection, hold: Hold, queues: Collection[str]) -> None:
    if queues:
        places = rows("%s", [(queue,) for queue in queues])
        lease = fill("host = %s, expires_at = %s", (hold.host, hold.now_ms + hold.lease_ms))
        await connection.send(b"UPDATE queue_owner SET %s WHERE queue IN (%s)" % (lease, places))


async def _take_over(connection: Connection, hold: Hold, queue: str, epoch: int, *, is_new: bool) -> int:
    """Begin an epoch; count the running jobs that go back to waiting."""
    expires_at = hold.now_ms + hold.lease_ms
    if is_new:
        # Not REPLACE: when another node makes the row at the same moment, one of the two must lose.
        statement = (
            "INSERT INTO queue_owner (node_id, host, epoch, expires_at, queue) VALUES (%s, %s, %s, %s, %s)"
        )
    else:
        statement = (
            "UPDATE queue_owner SET node_id = %s, host = %s, epoch = %s, expires_at = %s WHERE queue = %s"
        )
    try:
        await connection.execute(statement, (hold.node_id, hold.host, epoch, expires_at, queue))
    except Duplicate as error:
        raise Conflict("MySQL: another node has just taken the queue") from error
    return (await connection.execute(RELEASE_QUEUE, (queue,))).affected


async def give_back(connection: Connection, node_id: str) -> None:
    """End every lease of a node; the rows stay, so that the next epoch is a new one."""
    await connection.execute(GIVE_BACK, (node_id,))
