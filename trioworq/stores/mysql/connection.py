"""One connection to MySQL or MariaDB. Nothing above this module and `wire` knows trio_mysql.

A connection belongs to one task. Whatever leaves a statement half done, a cancellation included, closes
it: nothing is ever asked on a connection whose state is in doubt.
"""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import trio
from trio_mysql import err
from trio_mysql.constants import SERVER_STATUS

from trioworq.core.errors import InvalidRequest
from trioworq.stores.interface import StoreBroken, StoreError, StoreRefused, StoreUnavailable
from trioworq.stores.mysql.dsn import Dsn
from trioworq.stores.mysql.errors import (
    ACCESS_DENIED,
    UNKNOWN_DATABASE,
    UNKNOWN_LOGIN_METHOD,
    CommitUnknown,
    Conflict,
    ConnectionLost,
    meaning,
)
from trioworq.stores.mysql.literals import Value, fill
from trioworq.stores.mysql.login import LoginRefused
from trioworq.stores.mysql.wire import Result, Wire

# The server gives up before we do, so that a slow statement costs its answer and not the connection: first
# on a lock, then on the statement. What is left of `Dsn.statement_s` is for the way there and back.
LOCK_WAIT_S = 1
STATEMENT_SHARE = 0.7

# A node that stands still in a transaction must not keep its locks longer than this.
IDLE_IN_TRANSACTION_S = 5

# What any two kernels take between them. Statements that go out together must fit: else the server, with an
# answer that we do not read yet, and we, with a statement that it does not read yet, could wait for ever.
_SENT_AT_ONCE_BYTES = 64 * 1024

ROLLBACK_S = 5.0
GOODBYE_S = 1.0

_SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"


class Connection:
    """An open connection; made by `open_connection`."""

    def __init__(self, wire: Wire, statement_s: float) -> None:
        self._wire = wire
        self._statement_s = statement_s
        self._is_busy = False
        # Set once the session is: the longest statement that the server takes, in bytes, and the distance
        # between the ids of neighbouring rows.
        self.max_packet_bytes = 1024 * 1024
        self.id_step = 1

    @property
    def is_mariadb(self) -> bool:
        """Whether the server is MariaDB rather than MySQL or one that speaks like it."""
        return "mariadb" in self._wire.server_version.lower()

    @property
    def is_open(self) -> bool:
        """Whether statements can still be sent."""
        return bool(self._wire.open)

    async def execute(self, statement: str, values: Sequence[Value] = ()) -> Result:
        """Send a statement with `values` in place of its `%s` and return what it gave; see `send`."""
        return await self.send(fill(statement, values))

    async def send(self, statement: bytes) -> Result:
        """Send a complete statement and return what it gave; see `send_all`."""
        (result,) = await self.send_all((statement,))
        return result

    async def send_all(self, statements: Sequence[bytes]) -> list[Result]:
        """Send complete statements, without waiting between them, and return what each gave.

        The server carries them out in order, all of them; the first error is raised when all have been
        answered. So a COMMIT does not belong here, as it would follow a statement that failed.

        Raises ConnectionLost when no answer came within the DSN's time, and what `mysql.errors` lists. If
        cancelled: the connection is closed, and each statement may or may not have been carried out.
        """
        if self._is_busy:
            raise trio.BusyResourceError("another task is using this connection")
        for statement in statements:
            self._check_size(statement)
        self._is_busy = True
        results: list[Result] = []
        try:
            for group in _groups(statements):
                results += await self._ask(group)
        finally:
            self._is_busy = False
        if not statements:
            await trio.lowlevel.checkpoint()
        return results

    def _check_size(self, statement: bytes) -> None:
        if len(statement) >= self.max_packet_bytes:
            # The server would drop the connection, and with it the transaction.
            raise InvalidRequest(
                f"{len(statement)} bytes do not fit the database: its max_allowed_packet is "
                f"{self.max_packet_bytes} bytes"
            )

    async def _ask(self, statements: Sequence[bytes]) -> list[Result]:
        results: list[Result] = []
        failure: Exception | None = None
        with self._closed_on_doubt(), trio.fail_after(self._statement_s) as patience:
            await self._wire.send(statements)
            for statement in statements:
                try:
                    results.append(await self._wire.receive(statement))
                except err.MySQLError as error:
                    # The connection is sound, and the other statements' answers are still to come.
                    if isinstance(_meaning(error), ConnectionLost):
                        raise
                    failure = failure or error
                patience.deadline = trio.current_time() + self._statement_s
            if failure is not None:
                raise failure
        return results

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit what the block did, or roll it back and let the block's exception out.

        The session must have been opened without autocommit. Raises CommitUnknown when the connection was
        lost during the commit. If cancelled: rolled back, if need be by closing the connection.
        """
        try:
            yield
            await self._commit()
        except BaseException:
            with trio.move_on_after(ROLLBACK_S, shield=True):
                await self._roll_back()
            raise

    async def _commit(self) -> None:
        try:
            await self.execute("COMMIT")
        except Conflict:
            raise
        except StoreUnavailable as error:
            # Whatever broke in, the commit may have been done before.
            self.close()
            raise CommitUnknown(*error.args) from error

    async def _roll_back(self) -> None:
        if not self.is_open:
            return
        try:
            await self.execute("ROLLBACK")
        except StoreError:
            # The exception that ended the transaction is the one to tell of.
            self.close()

    async def say_goodbye(self) -> None:
        """Tell the server that we leave, so that it does not count an aborted connection."""
        if self.is_open:
            await self._wire.aclose()

    def close(self) -> None:
        """Close the socket at once, whatever is under way."""
        self._wire.close_socket()

    @contextmanager
    def _closed_on_doubt(self) -> Iterator[None]:
        """Close the connection unless the statement was answered; say in our words what happened."""
        try:
            yield
        except err.MySQLError as error:
            meant = _meaning(error)
            if isinstance(meant, ConnectionLost):
                self.close()
            raise meant from error
        except trio.TooSlowError as error:
            self.close()
            raise ConnectionLost(f"MySQL: no answer within {self._statement_s:g} s") from error
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as error:
            self.close()
            raise ConnectionLost(f"MySQL: connection lost: {error}") from error
        except Exception as error:
            self.close()
            raise ConnectionLost(f"MySQL: malformed answer: {error!r}") from error
        except BaseException:
            self.close()
            raise


@asynccontextmanager
async def open_connection(dsn: Dsn, *, autocommit: bool = True) -> AsyncIterator[Connection]:
    """Connect, log in, set the session up, and close the connection at the end of the block.

    Raises ConnectionLost when the server cannot be reached in time, and StoreRefused when it does not let
    us in or cannot be used safely. If cancelled: closed.
    """
    connection = await _connect(dsn, autocommit=autocommit)
    try:
        yield connection
    finally:
        with trio.move_on_after(GOODBYE_S, shield=True):
            await connection.say_goodbye()
        connection.close()


async def _connect(dsn: Dsn, *, autocommit: bool) -> Connection:
    try:
        with trio.fail_after(dsn.connect_s):
            wire = await _open_wire(dsn)
    except trio.TooSlowError as error:
        raise ConnectionLost(f"MySQL: no answer from {dsn.place} within {dsn.connect_s:g} s") from error
    connection = Connection(wire, dsn.statement_s)
    try:
        await _set_up(connection, dsn, autocommit=autocommit)
    except BaseException:
        connection.close()
        raise
    return connection


async def _open_wire(dsn: Dsn) -> Wire:
    wire = Wire(dsn)
    try:
        transport = await _open_transport(dsn)
    except OSError as error:
        raise ConnectionLost(f"MySQL: cannot reach {dsn.place}: {error}") from error
    try:
        await wire.connect(transport)
    except Exception as error:
        wire.close_socket()
        raise _login_meaning(dsn, error) from error
    except BaseException:
        wire.close_socket()
        raise
    return wire


async def _open_transport(dsn: Dsn) -> trio.SocketStream:
    if dsn.socket_path is None:
        return await trio.open_tcp_stream(dsn.host, dsn.port)
    return await trio.open_unix_socket(dsn.socket_path)


def _login_meaning(dsn: Dsn, error: Exception) -> Exception:
    """Say what a login that failed means; the server's own texts name the user but never the password."""
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        reason = error.__cause__ or error
        return StoreRefused(f"mysql_dsn: TLS with {dsn.place} failed ({reason}): check the option tls")
    if isinstance(error, LoginRefused):
        return StoreRefused(f"mysql_dsn: cannot log in at {dsn.place}: {error}")
    match error.args:
        case (int(code), str(message)) if isinstance(error, err.MySQLError):
            return _refusal(dsn, code, message)
    return ConnectionLost(f"MySQL: no login at {dsn.place}: {error}")


def _refusal(dsn: Dsn, code: int, message: str) -> Exception:
    if code == UNKNOWN_DATABASE:
        create = f"CREATE DATABASE `{dsn.database.replace('`', '``')}`"
        return StoreRefused(f"mysql_dsn: the database does not exist: make it with {create}")
    if code in ACCESS_DENIED:
        return StoreRefused(f"mysql_dsn: {message} ({code}): check user, password and grants")
    if code == UNKNOWN_LOGIN_METHOD:
        return StoreRefused(f"mysql_dsn: {message}: give the user another authentication plugin")
    return ConnectionLost(f"MySQL: no login at {dsn.place}: {message} ({code})")


async def _set_up(connection: Connection, dsn: Dsn, *, autocommit: bool) -> None:
    """Make the session the same whatever the server's defaults are."""
    statement_s = max(1, int(dsn.statement_s * STATEMENT_SHARE))
    limits = (
        f"max_statement_time = {statement_s}, idle_transaction_timeout = {IDLE_IN_TRANSACTION_S}"
        if connection.is_mariadb
        else f"max_execution_time = {statement_s * 1000}"
    )
    if not autocommit and not connection.is_mariadb:
        # MySQL has no limit for idling in a transaction, only one for idling.
        limits += f", wait_timeout = {IDLE_IN_TRANSACTION_S}"
    await connection.execute("SET NAMES utf8mb4")
    await connection.execute(
        f"SET time_zone = '+00:00', sql_mode = '{_SQL_MODE}', autocommit = {int(autocommit)}, "
        f"innodb_lock_wait_timeout = {min(LOCK_WAIT_S, statement_s)}, {limits}"
    )
    await connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    if connection._wire.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES:
        raise StoreBroken("MySQL: the server keeps NO_BACKSLASH_ESCAPES in sql_mode")
    found = await connection.execute("SELECT @@max_allowed_packet, @@auto_increment_increment")
    ((connection.max_packet_bytes, connection.id_step),) = found.rows


def _meaning(error: err.MySQLError) -> Exception:
    """Tell the server's own errors, after which the connection is sound, from those of the library."""
    match error.args:
        case (int(code), str(message)) if not 2000 <= code < 3000:
            return meaning(code, message)
    return ConnectionLost(f"MySQL: connection lost: {error}")


def _groups(statements: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Split statements, in order, into those that go out together."""
    group: list[bytes] = []
    size = 0
    for statement in statements:
        size += len(statement)
        if group and size > _SENT_AT_ONCE_BYTES:
            yield group
            group, size = [], len(statement)
        group.append(statement)
    if group:
        yield group
