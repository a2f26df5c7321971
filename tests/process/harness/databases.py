"""What the daemons keep their jobs in, and what can be done to it."""

import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Protocol

import trio
from attrs import frozen

from tests.mariadb import PASSWORD, USER, MariaDB
from trioworq.stores.interface import StoreError
from trioworq.stores.mysql.connection import open_connection
from trioworq.stores.mysql.dsn import parse

LOCK_WAIT_S = 5.0


class Database(Protocol):
    """What a cluster needs to know of its database."""

    @property
    def options(self) -> list[str]:
        """The options of a daemon that uses it, but for the DSN."""
        ...

    @property
    def dsn(self) -> str:
        """What goes into the daemons' environment as their DSN; holds a password, used or not."""
        ...

    async def read(self, query: str) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query, whatever the daemons do."""
        ...


@frozen
class SqliteFile:
    """One SQLite file."""

    path: Path

    @property
    def options(self) -> list[str]:
        """The driver and its file."""
        return ["--driver=sqlite", f"--sqlite-path={self.path}"]

    @property
    def dsn(self) -> str:
        """A DSN that is never used; its password must not be shown all the same."""
        return f"{USER}:{PASSWORD}@tcp(127.0.0.1:1)/unused"

    async def read(self, query: str) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query."""

        def rows() -> list[tuple[Any, ...]]:
            with closing(sqlite3.connect(self.path, timeout=LOCK_WAIT_S)) as connection:
                return connection.execute(query).fetchall()

        return await trio.to_thread.run_sync(rows)

    async def lock(self, lock_s: float) -> None:
        """Hold the write lock as a foreign process would; gives up where it cannot have it in time."""

        def hold() -> None:
            other = sqlite3.connect(self.path, isolation_level=None, timeout=LOCK_WAIT_S)
            with closing(other), suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
                time.sleep(lock_s)
                other.execute("ROLLBACK")

        await trio.to_thread.run_sync(hold)


@frozen
class MariaDBServer:
    """A database on a MariaDB server of our own, which can be killed and stalled."""

    server: MariaDB
    name: str = "jobs"

    @property
    def options(self) -> list[str]:
        """The driver."""
        return ["--driver=mysql"]

    @property
    def dsn(self) -> str:
        """The DSN of the database."""
        return self.server.dsn(self.name)

    async def read(self, query: str) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query."""
        async with open_connection(parse(self.dsn)) as connection:
            return (await connection.execute(query)).rows

    async def kill(self) -> None:
        """End the server as a crash would."""
        await trio.to_thread.run_sync(self.server.kill)

    async def start(self) -> None:
        """Start the server again and wait until it takes connections."""
        await trio.to_thread.run_sync(self.server.start)

    async def kill_connections(self) -> None:
        """Have the server close every connection to it but this one, or what is done on it."""
        with suppress(StoreError):
            async with open_connection(parse(self.dsn)) as connection:
                others = (
                    "SELECT id FROM information_schema.processlist WHERE user = %s AND id <> CONNECTION_ID()"
                )
                for (number,) in (await connection.execute(others, (USER,))).rows:
                    with suppress(StoreError):
                        await connection.send(b"KILL %d" % number)


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncIterator[SqliteFile]:
    """Keep jobs in a file of `folder`."""
    await trio.lowlevel.checkpoint()
    yield SqliteFile(folder / "jobs.db")


@asynccontextmanager
async def open_mariadb(folder: Path) -> AsyncIterator[MariaDBServer]:
    """Run a server in `folder`; it is stopped at the end, stalled or not."""
    place = folder / "mariadb"
    place.mkdir(parents=True)
    server = MariaDB(place)
    await trio.to_thread.run_sync(server.start)
    try:
        await trio.to_thread.run_sync(server.create_database, "jobs")
        yield MariaDBServer(server)
    finally:
        server.resume()
        server.stop()
