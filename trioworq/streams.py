"""Byte streams to workers and from clients.

The plain one works on the socket itself: `trio.SocketStream` costs about as much again as each system call,
and these calls are what the daemon exists for (design §8).
"""

import contextlib
import os
import select
import socket
import ssl
from typing import Protocol

import trio

RECEIVE_BYTES = 64 * 1024


class ConnectionLost(Exception):
    """The connection is of no more use; the message says why."""


class Stream(Protocol):
    """A byte stream to a peer; one task sends and one receives at a time."""

    @property
    def agreed_protocol(self) -> str | None:
        """What both sides agreed to speak (ALPN); None in the clear, and when nothing was agreed on."""
        ...

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises ConnectionLost. If cancelled: any part of it may have been sent."""
        ...

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end. Raises ConnectionLost. If cancelled: nothing is lost."""
        ...

    def acknowledge(self) -> None:
        """Have the kernel tell the peer at once what has come, since more is needed to go on.

        A peer that writes a message in two pieces may hold the second back until the first is acknowledged
        (RFC 896), and a kernel has 40 ms time for that.
        """
        ...

    def end_sending(self) -> None:
        """Tell the peer that no more will come; what it sends can still be received."""
        ...

    def has_hung_up(self) -> bool:
        """Whether the peer has said that no more will come, even if something is left to be read.

        So it has when the stream is closed.
        """
        ...

    def is_quiet(self) -> bool:
        """Whether the peer has neither closed the connection nor sent anything that was not asked for."""
        ...

    def close(self) -> None:
        """Close at once; no task may be sending or receiving."""
        ...


class _OnSocket:
    """What is done with the socket itself, whatever is spoken on it. Owns it: connected, not blocking."""

    __slots__ = ("_socket",)

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def acknowledge(self) -> None:
        """Hurry the kernel; see Stream."""
        # What is no TCP needs no hurry, and what has gone cannot be helped.
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def end_sending(self) -> None:
        """Tell the peer that no more will come, without a farewell of TLS; see Stream."""
        # A peer that has gone already need not be told.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def has_hung_up(self) -> bool:
        """Whether the peer has ended; see Stream."""
        if self._socket.fileno() < 0:
            return True
        look = select.poll()
        look.register(self._socket, select.POLLRDHUP)
        return bool(look.poll(0))

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read; see Stream."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close at once, without a farewell of TLS that the peer could delay; see Stream."""
        self._socket.close()


class PlainStream(_OnSocket):
    """A stream in the clear."""

    __slots__ = ()

    @property
    def agreed_protocol(self) -> str | None:
        """None; see Stream."""
        return None

    async def send(self, data: bytes) -> None:
        """Send all of `data`; see Stream.

        Does not checkpoint when the kernel takes all of it at once: the receiving that follows does.
        """
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise ConnectionLost(f"write: {describe(error)}") from error
        if sent < len(data):
            await self._send_rest(memoryview(data)[sent:])

    async def _send_rest(self, rest: memoryview) -> None:
        while rest:
            await trio.lowlevel.wait_writable(self._socket)
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise ConnectionLost(f"write: {describe(error)}") from error

    async def receive(self) -> bytes:
        """Return the next bytes; see Stream."""
        while True:
            # A peer needs time to answer or to ask, so trying before waiting would nearly always be in vain.
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise ConnectionLost(f"read: {describe(error)}") from error


class TlsStream(_OnSocket):
    """A stream through TLS."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str | None) -> None:
        """Prepare TLS: as the client of `host`, whose certificate is to be checked, or else as the server.

        Raises ConnectionLost for a name that no certificate can have.
        """
        super().__init__(sock)
        transport = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        try:
            # The end of an HTTP message is known by its own framing; peers that close without saying
            # so to TLS are common, and the original takes their answers too.
            self._stream = trio.SSLStream(
                transport, context, server_hostname=host, server_side=host is None, https_compatible=True
            )
        except ValueError as error:
            raise ConnectionLost(f"tls: {error}") from error

    @property
    def agreed_protocol(self) -> str | None:
        """What was agreed in the handshake; see Stream."""
        try:
            protocol: str | None = self._stream.selected_alpn_protocol()
        except trio.NeedHandshakeError:
            return None
        return protocol

    async def handshake(self) -> None:
        """Agree on keys and check the certificate; without this the first bytes do. Raises ConnectionLost."""
        try:
            await self._stream.do_handshake()
        except trio.BrokenResourceError as error:
            raise ConnectionLost(f"tls: {_cause(error)}") from error

    async def send(self, data: bytes) -> None:
        """Send all of `data`; see Stream."""
        try:
            await self._stream.send_all(data)
        except trio.BrokenResourceError as error:
            raise ConnectionLost(f"write: {_cause(error)}") from error

    async def receive(self) -> bytes:
        """Return the next bytes; see Stream."""
        try:
            return bytes(await self._stream.receive_some())
        except trio.BrokenResourceError as error:
            raise ConnectionLost(f"read: {_cause(error)}") from error


def describe(error: OSError) -> str:
    """Say what happened in the system's words."""
    return os.strerror(error.errno).lower() if error.errno else str(error)


def _cause(error: BaseException) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"failed to verify certificate: {cause.verify_message}"
    if isinstance(cause, ConnectionError):
        return describe(cause)
    return str(cause) or type(cause).__name__
