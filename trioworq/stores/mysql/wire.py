"""trio_mysql's connection with its faults mended; `connection` alone uses it."""

import ssl
from collections.abc import Sequence
from typing import Any

import trio
from attrs import frozen
from trio_mysql import connections, err
from trio_mysql.constants import CLIENT, COMMAND

from trioworq.stores.mysql.dsn import Dsn, Tls
from trioworq.stores.mysql.login import CachingSha2, LoginRefused, Unsafe

_PLUGINS = {
    "caching_sha2_password": CachingSha2,
    "mysql_clear_password": Unsafe,
    "mysql_old_password": Unsafe,
    "dialog": Unsafe,
}

_PACKET_BYTES = 2**24 - 1


@frozen
class Result:
    """What a statement gave: rows for a query, counts for a change."""

    rows: tuple[tuple[Any, ...], ...]
    affected: int
    insert_id: int


class Wire(connections.Connection):  # type: ignore[misc]  # trio_mysql has no types
    """A connection on the level of the protocol."""

    ssl: bool

    def __init__(self, dsn: Dsn) -> None:
        # Bytes, because a text would be sent as Latin-1; and use_unicode, because without it a result set
        # breaks off in the middle.
        super().__init__(
            host=dsn.host,
            password=dsn.password.encode(),
            database=dsn.database,
            charset="utf8mb4",
            use_unicode=True,
            autocommit=None,
            auth_plugin_map=_PLUGINS,
            ssl=_ssl_context(dsn.tls),
        )
        # The library would put the operating system's user in place of an empty name.
        self.user = dsn.user.encode()
        self._tls = dsn.tls
        self._secure = dsn.socket_path is not None
        self._transport: trio.SocketStream | None = None

    async def connect(self, sock: trio.SocketStream) -> None:
        """Log in over `sock`, which is ours from now on."""
        self._transport = sock
        await super().connect(sock)

    def close_socket(self) -> None:
        """Close the socket now; the library leaves that to the garbage collector."""
        self._sock = None
        self._closed = True
        if self._transport is not None:
            self._transport.socket.close()

    def _force_close(self) -> None:
        self.close_socket()

    async def send(self, statements: Sequence[bytes]) -> None:
        """Send statements, one behind the other."""
        if not self._sock:
            raise err.InterfaceError("This connection is closed")
        await self._write_bytes(b"".join(map(_framed, statements)))

    async def receive(self, statement: bytes) -> Result:
        """Read the one answer to `statement`, the first one that has not been answered."""
        self._next_seq_id = _packets(statement) % 256
        answer = connections.MySQLResult(self)
        await answer.read()
        if answer.server_status is not None:
            self.server_status = answer.server_status
        if answer.has_next:
            # The library would spin for ever on the next statement; we never ask for several results.
            raise err.InternalError("more than one result")
        return Result(answer.rows or (), answer.affected_rows, answer.insert_id or 0)

    async def _get_server_information(self) -> None:
        await super()._get_server_information()
        # Have the server ask for the method it wants, see `mysql.login`.
        self._auth_plugin_name = "mysql_native_password"
        if self.ssl and not self.server_capabilities & CLIENT.SSL:
            # The library would go on without encryption and send the password.
            if self._tls is not Tls.PREFERRED:
                raise LoginRefused("the server offers no TLS, which the option tls asks for")
            self.ssl = False
            self.client_flag &= ~CLIENT.SSL


def _packets(statement: bytes) -> int:
    """Count the packets of a statement: each but the last is full, and the last may be empty."""
    return (len(statement) + 1) // _PACKET_BYTES + 1


def _framed(statement: bytes) -> bytes:
    """Write a statement as the packets of a command."""
    command = bytes((COMMAND.COM_QUERY,)) + statement
    pieces = []
    for number in range(_packets(statement)):
        piece = command[number * _PACKET_BYTES : (number + 1) * _PACKET_BYTES]
        pieces += [len(piece).to_bytes(3, "little"), bytes((number % 256,)), piece]
    return b"".join(pieces)


def _ssl_context(tls: Tls) -> ssl.SSLContext | None:
    if tls is Tls.OFF:
        return None
    context = ssl.create_default_context()
    if tls is not Tls.VERIFIED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
