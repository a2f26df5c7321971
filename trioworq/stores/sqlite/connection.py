"""An SQLite connection of ours: how it is opened, run and closed, and what its errors mean."""

import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import trio

from trioworq.core.errors import InvalidRequest
from trioworq.stores.batching import BatchRejected
from trioworq.stores.interface import StoreBroken, StoreError, StoreRefused, StoreUnavailable
from trioworq.stores.migrations import CREATE_VERSION, READ_VERSION, available, plan
from trioworq.stores.rows import Row

# How long a statement waits for another process's transaction.
BUSY_S = 5.0

# What a connection keeps of the file, a quarter of the default: jobs come and go at the ends of the indexes,
# the system caches the rest, and with a million jobs nothing is slower, nor with payloads of 10 kB.
CACHE_KIB = 512

_SWITCH_RETRY_S = 0.02

# STRICT tables.
_OLDEST_SQLITE = (3, 37, 0)

# Primary result codes. What passes by itself or is mended without a restart can be asked again.
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
_OF_ONE_ROW = {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}

P = ParamSpec("P")
T = TypeVar("T")


class Runner(Protocol):
    """Runs the blocking work of one connection, one piece at a time, all of it or nothing."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Run `work` and return what it returns; if cancelled, it either has not begun or is waited for."""
        ...


def threaded() -> Runner:
    """Return a runner that works in a thread, so that a commit's fsync does not hold the event loop."""
    limiter = trio.CapacityLimiter(1)

    async def run(work: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(work, limiter=limiter)

    return run


@contextmanager
def open_connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database file, make it durable, and close it at the end; any thread may use it in turn."""
    # Absolute, so that no name has a meaning of its own to SQLite, as ":memory:" has.
    connection = sqlite3.connect(
        path.absolute(), timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        yield connection
    finally:
        connection.close()


class Reader:
    """A connection for questions, with a thread of its own."""

    def __init__(self, connection: sqlite3.Connection, run: Runner) -> None:
        self._connection = connection
        self._run = run

    async def ask(
        self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `query` does; questions wait for each other. If cancelled: as `Runner` says."""

        def work() -> T:
            with translated():
                return query(self._connection, *args, **kwargs)

        return await self._run(work)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the write lock; commit at the end, or roll back and raise."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk or an I/O error may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all that is read meanwhile show the same moment; nothing may be left half read."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def only(connection: sqlite3.Connection, statement: str, arguments: Row) -> Row | None:
    """Run a statement to its end and return its one row, if any; a statement left open cannot commit."""
    rows: list[Row] = connection.execute(statement, arguments).fetchall()
    return rows[0] if rows else None


def prepare(path: Path) -> None:
    """Make the file at `path` a database of the present schema; blocks, up to a few seconds.

    Safe when several processes start together. Raises StoreRefused.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        oldest = ".".join(map(str, _OLDEST_SQLITE))
        raise StoreRefused(f"SQLite {sqlite3.sqlite_version} is too old: install {oldest} or newer")
    folder = path.absolute().parent
    if not os.path.isdir(folder):
        raise StoreRefused(f"sqlite_path: there is no folder {folder} to go into: create it or name another")
    try:
        with open_connection(path) as connection:
            use_wal(path, connection)
            _migrate(connection)
    except sqlite3.Error as error:
        raise _refusal(path, error) from error


def use_wal(path: Path, connection: sqlite3.Connection) -> None:
    """Let readers and the writer work side by side; raises StoreRefused where the file system cannot."""
    mode = _switch_to_wal(connection)
    if mode != "wal":
        raise StoreRefused(f"sqlite_path: {path} lies where SQLite cannot use a write-ahead log: move it")


def _switch_to_wal(connection: sqlite3.Connection) -> str:
    # The switch needs the file for itself, and SQLite waits for nobody then: two processes that start
    # together on a new file would refuse each other.
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            mode: str = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_SWITCH_RETRY_S)
        else:
            return mode


def _migrate(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        connection.execute(CREATE_VERSION)
        (current,) = connection.execute(READ_VERSION).fetchone()
        for migration in plan(current, available("sqlite")):
            for statement in (*migration.statements, migration.record_version):
                connection.execute(statement)


def _refusal(path: Path, error: sqlite3.Error) -> StoreRefused:
    match _primary_code(error):
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            advice = "it is not a sound SQLite database; move it away or name another"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            advice = "another process holds it locked; stop that process or name another"
        case _:
            advice = "check that the file and its folder can be written, or name another"
    return StoreRefused(f"sqlite_path: cannot use {path} ({error}): {advice}")


@contextmanager
def translated() -> Iterator[None]:
    """Raise what SQLite raises as what it means to those who asked.

    StoreUnavailable: nothing was stored, asking again may work. BatchRejected: one row's values are at
    fault. StoreBroken: all else that the database itself reports.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _meaning(error) from error
    except OverflowError as error:
        raise BatchRejected(InvalidRequest("A number is out of range")) from error
    except UnicodeEncodeError as error:
        raise BatchRejected(InvalidRequest("A text is not valid UTF-8")) from error


def _meaning(error: sqlite3.Error) -> StoreError | BatchRejected:
    code = _primary_code(error)
    if code in _PASSING:
        return StoreUnavailable(f"SQLite: {error}")
    if code in _OF_ONE_ROW or isinstance(error, sqlite3.DataError):
        return BatchRejected(InvalidRequest(f"A value does not fit: {error}"))
    return StoreBroken(f"SQLite: {error}")


def _primary_code(error: sqlite3.Error) -> int:
    # Errors of the Python module itself carry no code.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
