"""Brings a MySQL or MariaDB database to the present schema, when a node starts."""

import hashlib
from contextlib import suppress

import trio
from attrs import evolve

from trioworq.stores.interface import StoreBroken, StoreRefused, StoreUnavailable
from trioworq.stores.migrations import CREATE_VERSION, READ_VERSION, available, plan
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.dsn import Dsn
from trioworq.stores.mysql.errors import ColumnExists, Duplicate
from trioworq.stores.mysql.link import Patience
from trioworq.stores.mysql.reads import read_clock_ms

# How long to wait before asking again a server that is not there yet.
RETRY_S = 0.25

# A change of a large table takes its time.
MIGRATION_S = 3600.0

# Marks of nodes that have written nothing for a week are swept away; see `mysql.writer`.
GONE_MS = 7 * 24 * 3600 * 1000
SWEEP = "DELETE FROM node_batch WHERE batch < %s"

QUEUE_COLUMNS = (
    "SELECT COUNT(*), COALESCE(SUM(column_name = 'max_burst_size'), 0) FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name = 'queue'"
)
SKIP_LOCKED = "SELECT 1 FROM (SELECT 1) AS one FOR UPDATE SKIP LOCKED"


async def prepare(dsn: Dsn, patience: Patience) -> int:
    """Wait for the server, make the database one of the present schema, and return the server's time in ms.

    Safe when several nodes start together, and to be run again after it was cut short. Raises StoreRefused.
    """
    deadline = trio.current_time() + patience.start_s
    while True:
        try:
            return await _prepare(evolve(dsn, statement_s=MIGRATION_S), int(patience.migration_s))
        except StoreUnavailable as error:
            if trio.current_time() > deadline:
                message = f"mysql_dsn: {error}: check that a server runs at {dsn.place}"
                raise StoreRefused(message) from error
        await trio.sleep(RETRY_S)


async def _prepare(dsn: Dsn, lock_s: int) -> int:
    async with open_connection(dsn) as connection:
        try:
            await _lock(connection, dsn.database, lock_s)
            await _check_for_strangers(connection)
            await check_age(connection)
            await migrate(connection)
            now_ms = await read_clock_ms(connection)
            await connection.execute(SWEEP, (now_ms - GONE_MS,))
        except StoreRefused:
            raise
        except StoreBroken as error:
            raise StoreRefused(f"mysql_dsn: the schema cannot be brought up to date: {error}") from error
        return now_ms


async def _lock(connection: Connection, database: str, lock_s: int) -> None:
    """Take the lock of those who change the schema; it is held until the connection ends."""
    found = await connection.execute("SELECT GET_LOCK(%s, %s)", (lock_name(database), lock_s))
    # Clusters without such locks answer otherwise; see `migrate`.
    if found.rows == ((0,),):
        raise StoreRefused(
            f"mysql_dsn: another node has been changing the schema for {lock_s} s: wait for it"
        )


async def _check_for_strangers(connection: Connection) -> None:
    """Raise StoreRefused for a database that Fireworq uses: it has tables of the same names."""
    ((columns, own),) = (await connection.execute(QUEUE_COLUMNS)).rows
    if columns and not own:
        raise StoreRefused(
            "mysql_dsn: the database holds tables of another program, such as Fireworq: make an empty "
            "database and name that"
        )


async def check_age(connection: Connection) -> None:
    """Raise StoreRefused for a server that cannot pass over locked rows."""
    try:
        await connection.execute(SKIP_LOCKED)
    except StoreBroken as error:
        raise StoreRefused(
            "mysql_dsn: the server knows no SKIP LOCKED: use MySQL 8.0, MariaDB 10.6 or newer"
        ) from error


async def migrate(connection: Connection) -> None:
    """Apply what the database lacks. Safe to be begun again, and even to be done by two nodes at once."""
    await connection.execute(CREATE_VERSION)
    ((current,),) = (await connection.execute(READ_VERSION)).rows
    for migration in plan(int(current), available("mysql")):
        # Each definition commits by itself, and an ALTER makes all of its changes or none. The version comes
        # last, so a start that was cut short is begun again here.
        for statement in migration.statements:
            with suppress(ColumnExists):
                await connection.send(statement.encode())
        with suppress(Duplicate):
            await connection.execute(migration.record_version)


def lock_name(database: str) -> str:
    """Name the lock: short, because some servers allow 64 characters, and the database's own (W18, W19)."""
    return "trioworq_schema_" + hashlib.sha256(database.encode()).hexdigest()[:32]
