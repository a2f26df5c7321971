"""From a target to a connection: name, address, judgement, socket, TLS."""

import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

import trio

from trioworq.dispatch.addresses import Address, LookupFailed, Lookups
from trioworq.dispatch.egress import EgressRules
from trioworq.dispatch.refusals import Refusals
from trioworq.dispatch.targets import Target
from trioworq.streams import ConnectionLost, PlainStream, Stream, TlsStream, describe

CONNECT_LIMIT_S = 30
HANDSHAKE_LIMIT_S = 10

# A host's next address is tried when the one before has not answered by then (RFC 8305, §5).
NEXT_ADDRESS_AFTER_S = 0.25
MAX_ADDRESSES = 8

# The same whatever was refused and why: those who push may not learn what names resolve to.
_NOT_ALLOWED = "dial tcp: the address is not allowed by the daemon's configuration"


class CannotConnect(Exception):
    """No connection could be made; nothing was sent."""


class Dialler:
    """Makes connections, to where they may lead."""

    def __init__(
        self, lookups: Lookups, egress: EgressRules, refusals: Refusals, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._lookups = lookups
        self._egress = egress
        self._refusals = refusals
        self._ssl_context = ssl_context

    async def dial(self, target: Target) -> Stream:
        """Return a new connection to the target's origin, which the caller owns. Raises CannotConnect.

        If cancelled: no socket stays open.
        """
        sock = await self._open_socket(target)
        if target.scheme == "http":
            return PlainStream(sock)
        try:
            return await self._secure(sock, target.host)
        except BaseException:
            sock.close()
            raise

    async def _open_socket(self, target: Target) -> socket.socket:
        with trio.move_on_after(CONNECT_LIMIT_S):
            return await _connect_to_any(await self._find(target))
        raise CannotConnect(f"dial tcp {target.host}:{target.port}: i/o timeout")

    async def _find(self, target: Target) -> list[Address]:
        """Return the addresses to try, which are numeric, so that nothing is looked up again.

        There is at least one. Raises CannotConnect.
        """
        if not self._egress.may_admit(target.host, target.port):
            await trio.lowlevel.checkpoint()
            self._refusals.note(target)
            raise CannotConnect(_NOT_ALLOWED)
        try:
            found = await self._lookups.find(target.host, target.port)
        except LookupFailed as error:
            if not self._egress.is_known(target.host, target.port):
                self._refusals.note(target)
                raise CannotConnect(_NOT_ALLOWED) from error
            raise CannotConnect(f"dial tcp: {error}") from error
        admitted = [address for address in found if self._egress.admits(target.host, *address.place[:2])]
        if not admitted:
            self._refusals.note(target, found)
            raise CannotConnect(_NOT_ALLOWED)
        return admitted[:MAX_ADDRESSES]

    async def _secure(self, sock: socket.socket, host: str) -> TlsStream:
        with trio.move_on_after(HANDSHAKE_LIMIT_S):
            try:
                name = host.partition("%")[0].removesuffix(".")
                connection = TlsStream(sock, self._context(), name)
                await connection.handshake()
            except ConnectionLost as error:
                raise CannotConnect(str(error)) from error
            return connection
        raise CannotConnect("TLS handshake timeout")

    def _context(self) -> ssl.SSLContext:
        # Made when it is first needed: the trust store takes megabytes that a daemon without https workers
        # need not have.
        if self._ssl_context is None:
            self._ssl_context = system_trust()
        return self._ssl_context


def system_trust() -> ssl.SSLContext:
    """Return what TLS connections to workers go by: the system's certificates, and HTTP/1.1 alone."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _connect_to_any(addresses: list[Address]) -> socket.socket:
    if len(addresses) == 1:
        return await _connect(addresses[0])
    return await first_connected(addresses, _connect)


async def first_connected(
    addresses: list[Address], connect: Callable[[Address], Awaitable[socket.socket]]
) -> socket.socket:
    """Connect to the first address that answers, starting with the preferred one.

    Tasks: one attempt an address. Stops when: one is connected or all have failed.
    Raises: CannotConnect with the reason that came first. If cancelled: no socket stays open.
    """
    connected: list[socket.socket] = []
    failures: list[CannotConnect] = []
    try:
        async with trio.open_nursery() as attempts:

            async def attempt(address: Address, failed: trio.Event) -> None:
                try:
                    connected.append(await connect(address))
                except CannotConnect as error:
                    failures.append(error)
                    failed.set()
                else:
                    attempts.cancel_scope.cancel()

            for address in addresses:
                failed = trio.Event()
                attempts.start_soon(attempt, address, failed)
                with trio.move_on_after(NEXT_ADDRESS_AFTER_S):
                    await failed.wait()
    except BaseException:
        _close_all(connected)
        raise
    _close_all(connected[1:])
    if not connected:
        raise failures[0]
    return connected[0]


async def _connect(address: Address) -> socket.socket:
    """Connect a non-blocking socket. Raises CannotConnect. If cancelled: the socket is closed."""
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotConnect(f"dial tcp {_shown(address)}: {describe(error)}") from error
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        await _finish_connecting(sock, address)
    except OSError as error:
        sock.close()
        raise CannotConnect(f"dial tcp {_shown(address)}: connect: {describe(error)}") from error
    except BaseException:
        sock.close()
        raise
    return sock


async def _finish_connecting(sock: socket.socket, address: Address) -> None:
    with contextlib.suppress(BlockingIOError):
        sock.connect(address.place)
    await trio.lowlevel.wait_writable(sock)
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, "")


def _shown(address: Address) -> str:
    host, port = address.place[:2]
    return f"[{host}]:{port}" if address.family is socket.AF_INET6 else f"{host}:{port}"


def _close_all(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()
