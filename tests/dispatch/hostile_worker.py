"""A worker that follows a script, on a real loopback socket: each connection it accepts gets the next act."""

import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from attrs import define, field, frozen

SUCCESS = b'{"status":"success"}'


@frozen
class Request:
    """What the worker was sent."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the value of the first header of that name, which is given as it goes on the wire."""
        return next((value for key, value in self.headers if key == name), None)


@define(eq=False)
class Peer:
    """The worker's end of one connection."""

    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]
    socket: trio.socket.SocketType
    _buffer: bytes = b""

    async def request(self) -> Request:
        """Read one request, whole."""
        while b"\r\n\r\n" not in self._buffer:
            await self._read_more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *rest = head.decode("ascii").split("\r\n")
        headers = [(name, value) for name, _, value in (row.partition(": ") for row in rest)]
        size = int(dict(headers).get("Content-Length", "0"))
        while len(self._buffer) < size:
            await self._read_more()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return Request(line, headers, body)

    async def _read_more(self) -> None:
        data = bytes(await self.stream.receive_some())
        if not data:
            raise trio.BrokenResourceError("the client has closed")
        self._buffer += data

    async def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        await self.stream.send_all(data)

    async def hang(self) -> None:
        """Do nothing until the client goes away."""
        while await self.stream.receive_some():
            pass

    def half_close(self) -> None:
        """Say that nothing more will be said, and keep listening."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close so that the client sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Act = Callable[[Peer], Awaitable[None]]


@define(eq=False)
class HostileWorker:
    """A running worker and what it has seen."""

    port: int
    requests: list[Request] = field(factory=list)
    connections: int = 0
    open_connections: int = 0

    @property
    def url(self) -> str:
        """Where to post to it."""
        return f"http://127.0.0.1:{self.port}/"


def answer(body: bytes = SUCCESS, *headers: str, status: str = "200 OK") -> bytes:
    """Return a proper reply."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def replying(*replies: bytes) -> Callable[[HostileWorker], Act]:
    """Take a request for each reply, answer it, then wait for the client to close."""

    def script(worker: HostileWorker) -> Act:
        async def act(peer: Peer) -> None:
            for reply in replies:
                worker.requests.append(await peer.request())
                await peer.say(reply)
            await peer.hang()

        return act

    return script


def polite(worker: HostileWorker) -> Act:
    """Answer every request with success, for as long as the client likes."""

    async def act(peer: Peer) -> None:
        while True:
            worker.requests.append(await peer.request())
            await peer.say(answer())

    return act


async def ask_and_hang(peer: Peer) -> None:
    """Take a request and never answer it."""
    await peer.request()
    await peer.hang()


def acting(act: Act) -> Callable[[HostileWorker], Act]:
    """Do what `act` says, which keeps no record."""
    return lambda _worker: act


@asynccontextmanager
async def hostile_worker(
    *scripts: Callable[[HostileWorker], Act], wrap: Callable[[trio.SocketStream], Peer] | None = None
) -> AsyncIterator[HostileWorker]:
    """Run a worker; the last script serves every connection that has none of its own."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    worker = HostileWorker(listener.socket.getsockname()[1])

    async def serve(stream: trio.SocketStream) -> None:
        script = scripts[min(worker.connections, len(scripts) - 1)]
        worker.connections += 1
        worker.open_connections += 1
        peer = Peer(stream, stream.socket) if wrap is None else wrap(stream)
        try:
            await script(worker)(peer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has had enough
        finally:
            worker.open_connections -= 1
            stream.socket.close()

    async with trio.open_nursery() as serving:
        await serving.start(trio.serve_listeners, serve, [listener])
        yield worker
        serving.cancel_scope.cancel()
