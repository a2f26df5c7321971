"""Who has which queue and chore, as the embedded store is told: steps of one transaction, each blocking."""

import json
import sqlite3
from collections.abc import Collection, Iterable

from trioworq.core import leases
from trioworq.core.jobs import INT64_MAX
from trioworq.core.leases import Held, Hold
from trioworq.core.queues import Owner
from trioworq.stores.operations import Report, TakeTurn

RELEASE_QUEUE = "UPDATE job SET state = 0 WHERE kind = 0 AND queue = ? AND state = 1"
_NAMED = "IN (SELECT value FROM json_each(?))"
END_LEASES = "UPDATE queue_owner SET expires_at = min(expires_at, ?) WHERE node_id = ?"
RENEW = f"UPDATE queue_owner SET host = ?, expires_at = ? WHERE queue {_NAMED}"  # noqa: S608  # a constant
TAKE = "REPLACE INTO queue_owner (queue, node_id, host, epoch, expires_at) VALUES (?, ?, ?, ?, ?)"
FIND_LEASES = f"SELECT queue, node_id, host, epoch, expires_at FROM queue_owner WHERE queue {_NAMED}"  # noqa: S608
# What the node has reported stays.
JOIN = (
    "INSERT INTO node (node_id, expires_at) VALUES (?, ?) "
    "ON CONFLICT (node_id) DO UPDATE SET expires_at = excluded.expires_at"
)
REPORT = "UPDATE node SET host = ?, report = ? WHERE node_id = ?"
LEAVE = "DELETE FROM node WHERE node_id = ?"
# A time that lies further ahead than the period is from before the clock was set back.
TAKE_TURN = (
    "INSERT INTO chore (name, done_at) VALUES (:name, :now) "
    "ON CONFLICT (name) DO UPDATE SET done_at = :now "
    "WHERE done_at <= :now - :period OR done_at > :now + :period"
)
LIVE = "SELECT node_id FROM node WHERE expires_at > ?"


def hold(connection: sqlite3.Connection, hold: Hold) -> Held:
    """Take or renew leases; return what is held now."""
    for node_id, seen_ms in hold.gone.items():
        _leave(connection, node_id, hold.now_ms, seen_ms)
    expires_at = hold.now_ms + hold.lease_ms
    if hold.is_leaving:
        connection.execute(LEAVE, (hold.node_id,))
    else:
        connection.execute(JOIN, (hold.node_id, expires_at))
    live = [node_id for (node_id,) in connection.execute(LIVE, (hold.now_ms,))]
    planned = leases.plan(hold, _read_leases(connection, hold.queues), live)
    connection.execute(RENEW, (hold.host, expires_at, _json_array(planned.renewed)))
    connection.executemany(
        TAKE,
        [(queue, hold.node_id, hold.host, epoch, expires_at) for queue, epoch in planned.taken.items()],
    )
    return planned.held(
        {queue: connection.execute(RELEASE_QUEUE, (queue,)).rowcount for queue in planned.taken}
    )


def _read_leases(connection: sqlite3.Connection, queues: Collection[str]) -> dict[str, Owner]:
    return {queue: Owner(*lease) for queue, *lease in connection.execute(FIND_LEASES, (_json_array(queues),))}


def give_back(
    connection: sqlite3.Connection, node_id: str, now_ms: int, queues: Collection[str] | None
) -> None:
    """End leases; the rows stay, so that the next epoch is a new one."""
    if queues is None:
        _leave(connection, node_id, now_ms, INT64_MAX)
    else:
        connection.execute(f"{END_LEASES} AND queue {_NAMED}", (now_ms, node_id, _json_array(queues)))


def _leave(connection: sqlite3.Connection, node_id: str, now_ms: int, seen_ms: int) -> None:
    """End the leases of a node and its place, as far as they end by `seen_ms`."""
    connection.execute(f"{END_LEASES} AND expires_at <= ?", (now_ms, node_id, seen_ms))
    connection.execute(f"{LEAVE} AND expires_at <= ?", (node_id, seen_ms))


def report(connection: sqlite3.Connection, report: Report) -> None:
    """Keep what a node says of itself, if it has a place."""
    connection.execute(REPORT, (report.host, report.report, report.node_id))


def take_turn(connection: sqlite3.Connection, turn: TakeTurn) -> bool:
    """Take a chore; return whether it is ours."""
    values = {"name": turn.chore.value, "now": turn.now_ms, "period": turn.period_ms}
    return connection.execute(TAKE_TURN, values).rowcount == 1


def _json_array(names: Iterable[str]) -> str:
    return json.dumps(list(names))
