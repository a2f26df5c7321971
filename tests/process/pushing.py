"""Clients that push all the while, each in its own manner, and are as strict as careful clients are.

A connection that the server has closed before a request is sent is opened again; one that ends after that,
without an answer, is an error: a push is not repeated by a client that cannot know whether it was taken.
"""

import select
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
import trio
from attrs import define, field

PAUSE_S = 0.004
BATCH = 5
VERSION = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"


@define(eq=False)
class Pushers:
    """What they have pushed and been told; `ids` are those of the answers, `payloads` those acknowledged."""

    port: int
    worker_url: str
    ids: list[int] = field(factory=list)
    payloads: list[int] = field(factory=list)
    faults: list[str] = field(factory=list)
    kept: int = 0
    stopping: trio.Event = field(factory=trio.Event)
    _count: int = 0

    async def wait_for(self, more: int) -> None:
        """Wait until so many more jobs have been taken, or something went wrong."""
        wanted = len(self.payloads) + more
        with trio.fail_after(60):
            while len(self.payloads) < wanted and not self.faults:
                await trio.sleep(0.01)

    async def push_on_new_connections(self) -> None:
        """Open one for each push."""
        while not self.stopping.is_set():
            async with self._connection() as exchange:
                await self._push_one(exchange)
            await trio.sleep(PAUSE_S)

    async def push_on_one_connection(self, first: bytes = b"") -> None:
        """Keep a connection as long as the server does; `first` is asked before the pushes."""
        while not self.stopping.is_set():
            async with self._connection() as exchange:
                if first:
                    await self._ask(exchange, first, 0)
                await self._repeat(self._push_one, exchange)

    async def push_batches(self) -> None:
        """Keep a connection, and push some jobs at a time."""
        while not self.stopping.is_set():
            async with self._connection() as exchange:
                await self._repeat(self._push_batch, exchange)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["Exchange"]:
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
            yield Exchange(stream)

    async def _repeat(self, push: Callable[["Exchange"], Awaitable[None]], exchange: "Exchange") -> None:
        self.kept += 1
        while exchange.is_open() and not self.stopping.is_set():
            # As long as the way to the server is, it may close the connection unnoticed.
            await trio.sleep(PAUSE_S)
            await push(exchange)

    async def _push_one(self, exchange: "Exchange") -> None:
        [payload] = self._next(1)
        body = orjson.dumps({"url": self.worker_url, "payload": payload})
        answer = await self._ask(exchange, post(b"/job/any", body), payload)
        if answer is not None:
            self._take([orjson.loads(answer)["id"]], [payload])

    async def _push_batch(self, exchange: "Exchange") -> None:
        payloads = self._next(BATCH)
        jobs = [{"category": "any", "url": self.worker_url, "payload": payload} for payload in payloads]
        answer = await self._ask(exchange, post(b"/jobs", orjson.dumps(jobs)), payloads[0])
        if answer is not None:
            self._take([each["id"] for each in orjson.loads(answer)], payloads)

    async def _ask(self, exchange: "Exchange", request: bytes, payload: int) -> bytes | None:
        """Return the body of a good answer; anything else is a fault."""
        try:
            with trio.fail_after(30):
                status, body = await exchange.ask(request)
        except (Lost, trio.TooSlowError) as error:
            self.faults.append(f"job {payload}: {error!r}")
            return None
        if status // 100 != 2:
            self.faults.append(f"job {payload}: {status} {body[:200]!r}")
            return None
        return body

    def _next(self, count: int) -> list[int]:
        self._count += count
        return list(range(self._count - count, self._count))

    def _take(self, ids: list[int], payloads: list[int]) -> None:
        self.ids += ids
        self.payloads += payloads


class Lost(Exception):
    """A connection ended between a request and the end of its answer."""


class Exchange:
    """One connection, as its client sees it."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._is_last = False

    def is_open(self) -> bool:
        """Whether another request may be sent, as far as is known at this moment."""
        look = select.poll()
        look.register(self._stream.socket.fileno(), select.POLLIN)
        return not self._is_last and not look.poll(0)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and return status and body of its answer. Raises Lost."""
        self._is_last = True
        try:
            await self._stream.send_all(request)
            head = await self._receive(lambda data: b"\r\n\r\n" in data)
            head, _, body = head.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            [length] = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
            body += await self._receive(lambda data: len(body) + len(data) >= length)
        except trio.BrokenResourceError as error:
            raise Lost(repr(error.__cause__)) from error
        self._is_last = b"connection: close" in lines
        return int(lines[0].split()[1]), body

    async def _receive(self, is_enough: Callable[[bytes], bool]) -> bytes:
        received = b""
        while not is_enough(received):
            data = await self._stream.receive_some()
            if not data:
                raise Lost(f"closed after {received!r}")
            received += data
        return received


def post(path: bytes, body: bytes) -> bytes:
    """Return a request."""
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (path, len(body), body)


@asynccontextmanager
async def open_pushers(url: str, worker_url: str) -> AsyncIterator[Pushers]:
    """Have two clients of each manner push until the body ends; then let them finish."""
    pushers = Pushers(int(url.rpartition(":")[2]), worker_url)
    async with trio.open_nursery() as clients:
        for _ in range(2):
            clients.start_soon(pushers.push_on_new_connections)
            clients.start_soon(pushers.push_on_one_connection)
            clients.start_soon(pushers.push_on_one_connection, VERSION)
            clients.start_soon(pushers.push_batches)
        yield pushers
        pushers.stopping.set()
