"""A MySQL server that does just what a test says: greets, asks for a login, and answers by a script.

It is there for what no server on the test machine does: MySQL 8's login, and misbehaviour.
"""

import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio

SALT = b"12345678abcdefghijkl"

SSL = 1 << 11
_CAPABILITIES = 0x00FFF7FF & ~SSL  # everything up to CONNECT_ATTRS and the like, but TLS

OK = b"\x00\x00\x00\x02\x00\x00\x00"
MORE_RESULTS = b"\x00\x00\x00\x0a\x00\x00\x00"


class Peer:
    """The server's end of a connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream: trio.abc.Stream = stream
        self._received = b""
        self._number = 0

    async def send(self, payload: bytes) -> None:
        """Send one packet, unless the client has gone."""
        with suppress(trio.BrokenResourceError):
            await self.stream.send_all(struct.pack("<I", len(payload))[:3] + bytes([self._number]) + payload)
        self._number = (self._number + 1) % 256

    async def receive(self) -> bytes:
        """Receive one packet; empty when the client has closed the connection."""
        header = await self._take(4)
        if len(header) < 4:
            return b""
        self._number = (header[3] + 1) % 256
        return await self._take(int.from_bytes(header[:3], "little"))

    async def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            try:
                more = await self.stream.receive_some()
            except trio.BrokenResourceError:
                more = b""
            if not more:
                break
            self._received += more
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    async def greet(self, plugin: str, *, capabilities: int = _CAPABILITIES) -> None:
        """Send the first packet of a connection, which announces how to log in."""
        low, high = struct.pack("<H", capabilities & 0xFFFF), struct.pack("<H", capabilities >> 16)
        await self.send(
            b"\x0a8.0.36\x00"
            + struct.pack("<I", 7)
            + SALT[:8]
            + b"\x00"
            + low
            + b"\x2d\x02\x00"
            + high
            + bytes([21])
            + bytes(10)
            + SALT[8:]
            + b"\x00"
            + plugin.encode()
            + b"\x00"
        )

    async def negotiate(self, plugin: str) -> bytes:
        """Have the client log in by `plugin`, asking for a switch, as MySQL does, unless it has done so."""
        response = await self.receive()
        _user, _, rest = response[32:].partition(b"\0")
        proof, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        _database, announced, *_ = rest.split(b"\0")
        return proof if announced == plugin.encode() else await self.switch(plugin)

    async def switch(self, plugin: str) -> bytes:
        """Ask for another way to log in; return what the client answers."""
        await self.send(b"\xfe" + plugin.encode() + b"\x00" + SALT + b"\x00")
        return await self.receive()

    async def set_session_up(self, statements: list[bytes] | None = None) -> None:
        """Answer what every connection of ours begins with; add it to `statements`."""
        while True:
            statement = await self.receive()
            if statements is not None:
                statements.append(statement)
            if b"SELECT @@max_allowed_packet" in statement:
                await self.send_row(b"67108864", b"1")
                return
            await self.send(OK)

    async def send_row(self, *values: bytes) -> None:
        """Send a result of one row of whole numbers."""
        await self.send(bytes([len(values)]))
        for _ in values:
            # An 8-byte integer column named n.
            await self.send(
                b"\x03def\x00\x00\x00\x01n\x01n\x0c\x3f\x00\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00"
            )
        await self.send(b"\xfe\x00\x00\x02\x00")
        await self.send(b"".join(bytes([len(value)]) + value for value in values))
        await self.send(b"\xfe\x00\x00\x02\x00")


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def fake_mysql(script: Script) -> AsyncIterator[str]:
    """Run `script` for each connection; give the DSN of user `u`, password `sesame`, database `d`.

    At the end every script is waited for, for a while.
    """

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            await script(Peer(stream))

    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as listening:
            serve_tcp = partial(trio.serve_tcp, host="127.0.0.1", handler_nursery=connections)
            listeners = await listening.start(serve_tcp, serve, 0)
            port = listeners[0].socket.getsockname()[1]
            yield f"u:sesame@tcp(127.0.0.1:{port})/d"
            listening.cancel_scope.cancel()
        # The scripts play to their end, so that what they recorded is complete.
        connections.cancel_scope.deadline = trio.current_time() + 5


async def log_in(peer: Peer) -> None:
    """Greet, accept the login, and set the session up."""
    await peer.greet("mysql_native_password")
    await peer.receive()
    await peer.send(OK)
    await peer.set_session_up()
