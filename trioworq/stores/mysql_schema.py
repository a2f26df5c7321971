"""Brings a MySQL or MariaDB database to the present schema, when a node starts."""

import hashlib

import trio
from attrs import evolve

from trioworq.stores.interface import StoreBroken, StoreRefused, StoreUnavailable
from trioworq.stores.migrations import CREATE_VERSION, READ_VERSION, available, plan
from trioworq.stores.mysql_connection import Connection, open_connection
from trioworq.stores.mysql_dsn import Dsn
from trioworq.stores.mysql_link import Patience
from trioworq.stores.mysql_reads import read_clock_ms

# How long to wait before asking again a server that is not there yet.
RETRY_S = 0.25

# A change of a large table takes its time, and nodes that start together wait for it.
MIGRATION_S = 3600.0
LOCK_S = 600

# Marks of nodes that have written nothing for a week are swept away; see `mysql_writer`.
GONE_MS = 7 * 24 * 3600 * 1000
SWEEP = "DELETE FROM node_batch WHERE batch < %s"


async def prepare(dsn: Dsn, patience: Patience) -> int:
    """Wait for the server, make the database one of the present schema, and return the server's time in ms.

    Safe when several nodes start together, and to be run again after it was cut short. Raises StoreRefused.
    """
    deadline = trio.current_time() + patience.start_s
    while True:
        try:
            return await _prepare(evolve(dsn, statement_s=MIGRATION_S))
        except StoreUnavailable as error:
            if trio.current_time() > deadline:
                message = f"mysql_dsn: {error}: check that a server runs at {dsn.place}"
                raise StoreRefused(message) from error
        await trio.sleep(RETRY_S)


async def _prepare(dsn: Dsn) -> int:
    async with open_connection(dsn) as connection:
        try:
            # Held until the connection ends. Where a cluster has no such lock, what follows is still safe
            # to be done twice.
            await connection.execute("SELECT GET_LOCK(%s, %s)", (lock_name(dsn.database), LOCK_S))
            await _migrate(connection)
            now_ms = await read_clock_ms(connection)
            await connection.execute(SWEEP, (now_ms - GONE_MS,))
        except StoreRefused:
            raise
        except StoreBroken as error:
            raise StoreRefused(f"mysql_dsn: the schema cannot be brought up to date: {error}") from error
        return now_ms


async def _migrate(connection: Connection) -> None:
    await connection.execute(CREATE_VERSION)
    ((current,),) = (await connection.execute(READ_VERSION)).rows
    for migration in plan(int(current), available("mysql")):
        # Each definition commits by itself; the version comes last, so a start that was cut short is
        # begun again here.
        for statement in (*migration.statements, migration.record_version):
            await connection.send(statement.encode())


def lock_name(database: str) -> str:
    """Name the lock: short, because some servers allow 64 characters, and the database's own (W18, W19)."""
    return "trioworq_schema_" + hashlib.sha256(database.encode()).hexdigest()[:32]
