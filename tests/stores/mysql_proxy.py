"""A proxy before a MySQL server that cuts the connection at the worst moment: around a commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from functools import partial

import trio

from tests.mariadb import with_port
from trioworq.stores.mysql.dsn import parse

_COMMIT = b"\x07\x00\x00\x00\x03COMMIT"


class Cut(Enum):
    """When the next commit's connection is cut."""

    BEFORE = auto()  # the server never sees the commit
    AFTER = auto()  # the client never hears of it
    LONG_BEFORE = auto()  # the client is cut off first, and the server sees the commit a while later


class Proxy:
    """Passes everything on, but for the commits that `cuts` says to cut, in turn."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self.cuts: list[Cut] = []
        # How long a new connection waits before the server hears of it, in seconds of real time.
        self.pause_s = 0.0

    async def serve(self, client: trio.SocketStream) -> None:
        """Serve one connection."""
        await trio.sleep(self.pause_s)
        server = await trio.open_tcp_stream(*self._server)
        async with client, server, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_back, server, client, nursery.cancel_scope)
            await self._pass_on(client, server)
            nursery.cancel_scope.cancel()

    async def _pass_on(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        try:
            async for data in client:
                if self.cuts and data == _COMMIT:
                    await self._cut(self.cuts.pop(0), client, server)
                    return
                await server.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _cut(self, cut: Cut, client: trio.SocketStream, server: trio.SocketStream) -> None:
        if cut is Cut.LONG_BEFORE:
            await client.aclose()
            # Real time, because a real server has to be kept waiting with its locks held.
            await trio.sleep(0.5)
        if cut is not Cut.BEFORE:
            client.socket.close()
            await server.send_all(_COMMIT)

    async def _pass_back(
        self, server: trio.SocketStream, client: trio.SocketStream, connection: trio.CancelScope
    ) -> None:
        try:
            async for data in server:
                await client.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        connection.cancel()


@asynccontextmanager
async def proxy_to(dsn: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Run a proxy before the server of `dsn`; give it and the DSN that leads through it."""
    target = parse(dsn)
    proxy = Proxy(target.host, target.port)
    async with trio.open_nursery() as nursery:
        serve_tcp = partial(trio.serve_tcp, host="127.0.0.1")
        listeners = await nursery.start(serve_tcp, proxy.serve, 0)
        yield proxy, with_port(dsn, listeners[0].socket.getsockname()[1])
        nursery.cancel_scope.cancel()
