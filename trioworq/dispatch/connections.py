"""Connections to workers. The plain one works on the socket itself: `trio.SocketStream` costs about as much
again as each system call, and these calls are what the daemon exists for (design §8).
"""

import os
import socket
import ssl
from typing import Protocol

import trio

RECEIVE_BYTES = 64 * 1024


class ConnectionLost(Exception):
    """The connection is of no more use; the message says why."""


class Connection(Protocol):
    """A byte stream to a worker; one task sends and one receives at a time."""

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises ConnectionLost. If cancelled: any part of it may have been sent."""
        ...

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end. Raises ConnectionLost. If cancelled: nothing is lost."""
        ...

    def is_quiet(self) -> bool:
        """Whether the worker has neither closed the connection nor sent anything that was not asked for."""
        ...

    def close(self) -> None:
        """Close at once; no task may be sending or receiving."""
        ...


class PlainConnection:
    """A connection in the clear. Owns its connected, non-blocking socket."""

    __slots__ = ("_socket",)

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    async def send(self, data: bytes) -> None:
        """Send all of `data`; see Connection.

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
        """Return the next bytes; see Connection."""
        while True:
            # A worker needs time to answer, so trying before waiting would nearly always be in vain.
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise ConnectionLost(f"read: {describe(error)}") from error

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read; see Connection."""
        return _is_quiet(self._socket)

    def close(self) -> None:
        """Close at once; see Connection."""
        self._socket.close()


class TlsConnection:
    """A connection through TLS. Owns its connected, non-blocking socket."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        """Prepare TLS with `host`, whose certificate is to be checked.

        Raises ConnectionLost for a name that no certificate can have.
        """
        self._socket = sock
        transport = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        try:
            # The end of an HTTP reply is known by its own framing; workers that close without saying
            # so to TLS are common, and the original takes their answers too.
            self._stream = trio.SSLStream(transport, context, server_hostname=host, https_compatible=True)
        except ValueError as error:
            raise ConnectionLost(f"tls: {error}") from error

    async def handshake(self) -> None:
        """Agree on keys and check the certificate. Raises ConnectionLost."""
        try:
            await self._stream.do_handshake()
        except trio.BrokenResourceError as error:
            raise ConnectionLost(f"tls: {_cause(error)}") from error

    async def send(self, data: bytes) -> None:
        """Send all of `data`; see Connection."""
        try:
            await self._stream.send_all(data)
        except trio.BrokenResourceError as error:
            raise ConnectionLost(f"write: {_cause(error)}") from error

    async def receive(self) -> bytes:
        """Return the next bytes; see Connection."""
        try:
            return bytes(await self._stream.receive_some())
        except trio.BrokenResourceError as error:
            raise ConnectionLost(f"read: {_cause(error)}") from error

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read; see Connection."""
        return _is_quiet(self._socket)

    def close(self) -> None:
        """Close at once, without a farewell that the worker could delay; see Connection."""
        self._socket.close()


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


def _is_quiet(sock: socket.socket) -> bool:
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
