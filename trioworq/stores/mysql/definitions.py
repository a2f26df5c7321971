"""Queues, routings and pauses as a MySQL or MariaDB database is told of them.

Each function is a step of a transaction that the caller commits; a row is locked before it is judged.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from attrs import astuple

from trioworq.core.errors import NoSuchQueue
from trioworq.core.jobs import Kind
from trioworq.core.queues import QueueDefinition
from trioworq.core.routing import Routing
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.reads import FIND_QUEUE, queue_of
from trioworq.stores.operations import SetPaused
from trioworq.stores.rows import QUEUE

PAUSE = "INSERT IGNORE INTO paused (kind, queue) VALUES (%s, %s)"
RESUME = "DELETE FROM paused WHERE kind = %s AND queue = %s"


async def put_queue(connection: Connection, definition: QueueDefinition) -> bool:
    """Define a queue; True, and a new revision, if that changed anything."""
    if await _lock_queue(connection, definition.name) == definition:
        return False
    replace = f"REPLACE INTO queue ({QUEUE}) VALUES (%s, %s, %s, %s, %s, %s)"
    await connection.execute(replace, astuple(definition))
    await count_change(connection, "queue")
    return True


async def add_queue(connection: Connection, definition: QueueDefinition) -> bool:
    """Define a queue unless it is defined; True, and a new revision, if it was not."""
    # A row that is not there cannot be locked: only the insert itself tells.
    add = f"INSERT IGNORE INTO queue ({QUEUE}) VALUES (%s, %s, %s, %s, %s, %s)"
    added = await connection.execute(add, astuple(definition))
    if added.affected:
        await count_change(connection, "queue")
    return bool(added.affected)


async def _lock_queue(connection: Connection, name: str) -> QueueDefinition | None:
    found = await connection.execute(f"{FIND_QUEUE} FOR UPDATE", (name,))
    return queue_of(found.rows[0]) if found.rows else None


async def delete_queue(connection: Connection, name: str) -> QueueDefinition | None:
    """Remove a definition, and its pause with it, and return it."""
    definition = await _lock_queue(connection, name)
    if definition is not None:
        await connection.execute("DELETE FROM queue WHERE name = %s", (name,))
        await count_change(connection, "queue")
        await _change_pause(connection, RESUME, Kind.PUSH, name)
    return definition


async def set_paused(connection: Connection, operation: SetPaused) -> bool | NoSuchQueue:
    """Pause or resume a queue; True, and a new revision, if that changed anything."""
    kind, queue = operation.kind, operation.queue
    if kind is Kind.PUSH and await _lock_queue(connection, queue) is None:
        return NoSuchQueue(queue)
    return await _change_pause(connection, PAUSE if operation.is_paused else RESUME, kind, queue)


async def _change_pause(connection: Connection, statement: str, kind: Kind, queue: str) -> bool:
    changed = await connection.execute(statement, (kind.value, queue))
    if changed.affected:
        await count_change(connection, "pause")
    return bool(changed.affected)


async def put_routing(connection: Connection, routing: Routing) -> bool | NoSuchQueue:
    """Route a category to a queue that is defined; True, and a new revision, if that changed anything."""
    if await _lock_queue(connection, routing.queue) is None:
        return NoSuchQueue(routing.queue)
    if await _lock_routing(connection, routing.category) == routing:
        return False
    await connection.execute("REPLACE INTO routing (category, queue) VALUES (%s, %s)", astuple(routing))
    await count_change(connection, "routing")
    return True


async def _lock_routing(connection: Connection, category: str) -> Routing | None:
    found = await connection.execute("SELECT queue FROM routing WHERE category = %s FOR UPDATE", (category,))
    return Routing(category, found.rows[0][0].decode()) if found.rows else None


async def delete_routing(connection: Connection, category: str) -> Routing | None:
    """Remove a routing and return it."""
    routing = await _lock_routing(connection, category)
    if routing is not None:
        await connection.execute("DELETE FROM routing WHERE category = %s", (category,))
        await count_change(connection, "routing")
    return routing


async def count_change(connection: Connection, name: str) -> None:
    """Have the other nodes notice a change: of a "queue", a "routing" or a "pause", or the "deletion" of a
    running job.
    """
    await connection.execute("UPDATE config_revision SET revision = revision + 1 WHERE name = %s", (name,))
