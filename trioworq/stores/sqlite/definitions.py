"""Queues, routings and pauses as the embedded store is told of them: steps of one transaction."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import sqlite3

from attrs import astuple

from trioworq.core.errors import NoSuchQueue
from trioworq.core.jobs import Kind
from trioworq.core.queues import QueueDefinition
from trioworq.core.routing import Routing
from trioworq.stores.operations import PutQueue, SetPaused
from trioworq.stores.rows import QUEUE
from trioworq.stores.sqlite.connection import only
from trioworq.stores.sqlite.reads import read_queue

PAUSE = "INSERT OR IGNORE INTO paused (kind, queue) VALUES (?, ?)"
RESUME = "DELETE FROM paused WHERE kind = ? AND queue = ?"


def put_queue(connection: sqlite3.Connection, operation: PutQueue) -> bool:
    """Define a queue; return whether that changed anything."""
    definition = operation.definition
    present = read_queue(connection, definition.name)
    if present == definition or (present is not None and not operation.replaces):
        return False
    connection.execute(f"REPLACE INTO queue ({QUEUE}) VALUES (?, ?, ?, ?, ?, ?)", astuple(definition))
    count_change(connection, "queue")
    return True


def delete_queue(connection: sqlite3.Connection, name: str) -> QueueDefinition | None:
    """Remove a definition, and the queue's pause with it."""
    row = only(connection, f"DELETE FROM queue WHERE name = ? RETURNING {QUEUE}", (name,))
    if row is None:
        return None
    count_change(connection, "queue")
    _set_paused(connection, Kind.PUSH, name, is_paused=False)
    return QueueDefinition(*row)


def put_routing(connection: sqlite3.Connection, routing: Routing) -> bool | NoSuchQueue:
    """Route a category; return whether that changed anything."""
    if read_queue(connection, routing.queue) is None:
        return NoSuchQueue(routing.queue)
    present = only(connection, "SELECT queue FROM routing WHERE category = ?", (routing.category,))
    if present == (routing.queue,):
        return False
    connection.execute("REPLACE INTO routing (category, queue) VALUES (?, ?)", astuple(routing))
    count_change(connection, "routing")
    return True


def delete_routing(connection: sqlite3.Connection, category: str) -> Routing | None:
    """Remove a routing."""
    row = only(connection, "DELETE FROM routing WHERE category = ? RETURNING category, queue", (category,))
    if row is None:
        return None
    count_change(connection, "routing")
    return Routing(*row)


def set_paused(connection: sqlite3.Connection, operation: SetPaused) -> bool | NoSuchQueue:
    """Pause or resume a queue; return whether that changed anything."""
    if operation.kind is Kind.PUSH and read_queue(connection, operation.queue) is None:
        return NoSuchQueue(operation.queue)
    return _set_paused(connection, operation.kind, operation.queue, is_paused=operation.is_paused)


def _set_paused(connection: sqlite3.Connection, kind: Kind, queue: str, *, is_paused: bool) -> bool:
    is_change = connection.execute(PAUSE if is_paused else RESUME, (kind, queue)).rowcount == 1
    if is_change:
        count_change(connection, "pause")
    return is_change


def count_change(connection: sqlite3.Connection, name: str) -> None:
    """Let other nodes see that something has changed."""
    connection.execute("UPDATE config_revision SET revision = revision + 1 WHERE name = ?", (name,))
