"""The web face for tests: app and server on a loopback port, over real queues and an in-memory store."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Any

import httpx2
import orjson
import trio
from attrs import define, evolve
from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

from tests.dispatch.push_side import PushSide, hanging, open_push_side
from tests.kept_logs import KeptLines, kept_errors
from tests.manage.managed_side import management_over
from tests.pull.pull_side import PullSide, open_pull_side
from tests.trust import NO_TRUST
from tests.web.witness import Witness, WitnessedStream
from trioworq.clock import Clock
from trioworq.config import Config, Console
from trioworq.core.jobs import Job
from trioworq.dispatch.queues import Queues
from trioworq.dispatch.runs import Caller
from trioworq.logs import AccessLog
from trioworq.manage.management import Management
from trioworq.stores.interface import JobQuery, JobSet, Store
from trioworq.web.app import create_app
from trioworq.web.console.desk import About
from trioworq.web.door import Door
from trioworq.web.edge import Edge
from trioworq.web.guard import Guard
from trioworq.web.messages import Route
from trioworq.web.metrics import Sources
from trioworq.web.routes import every_route
from trioworq.web.server import serve
from trioworq.web.sockets import bind_sockets
from trioworq.web.traffic import Traffic


class ServedBy(Enum):
    """Who serves what a test asks for."""

    INTAKE = "intake lane"
    HYPERCORN = "Hypercorn"


LANE: ContextVar[ServedBy | None] = ContextVar("LANE", default=None)
"""Set by the fixture `lane`; without it the routes are as hot as in the daemon."""

CONFIG = Config(bind="127.0.0.1:0", request_timeout_s=5, keep_alive_timeout_s=5, max_connections=64)
WITHOUT_CONSOLE = evolve(CONFIG, console=Console.OFF)


@define(eq=False)
class Answer:
    """What came back, read from the bytes."""

    status: int
    headers: dict[str, str]
    body: bytes


@define(eq=False)
class Served:
    """A server on a loopback port."""

    port: int
    client: httpx2.AsyncClient
    access_lines: list[dict[str, Any]]
    errors: list[Any]
    stop: trio.Event
    stopped: trio.Event
    witness: Witness

    async def connect(self) -> WitnessedStream:
        """Open a connection."""
        return await self.witness.connect(self.port)

    async def exchange(self, request: bytes, *, half_close: bool = False) -> bytes:
        """Send bytes on a connection of their own and return all that comes until the server closes."""
        with trio.fail_after(20):
            async with await self.connect() as stream:
                await stream.send_all(request)
                if half_close:
                    await stream.send_eof()
                return await read_all(stream)

    async def ask(self, method: str, target: str, body: bytes = b"", *headers: str) -> Answer:
        """Send one request with this very target and read its answer."""
        lines = [
            f"{method} {target} HTTP/1.1",
            "Host: x",
            "Connection: close",
            f"Content-Length: {len(body)}",
            *headers,
        ]
        return parse(await self.exchange("\r\n".join([*lines, "", ""]).encode("latin-1") + body))


@define(eq=False)
class Face(Served):
    """Every API on a loopback port."""

    side: PushSide
    pull_side: PullSide
    management: Management

    @property
    def queues(self) -> Queues:
        """The queues behind it."""
        return self.side.queues

    @property
    def store(self) -> Store:
        """The store behind it."""
        return self.side.store

    async def jobs(self, queue: str = "default") -> list[Job]:
        """Return every job of a queue that has not ended."""
        now_ms = self.queues.now_ms()
        queries = [JobQuery(queue, kind, now_ms, limit=1000, ascending=True) for kind in JobSet]
        return [job for query in queries for job in (await self.store.jobs(query)).items]

    async def put_queue(self, name: str, **fields: Any) -> None:
        """Define a queue through the API."""
        answer = await self.client.put(f"/queue/{name}", content=orjson.dumps(fields))
        assert answer.status_code == 200, answer.text

    async def push(self, category: str = "any", **fields: Any) -> int:
        """Push a job through the API and return its id."""
        body = orjson.dumps({"url": "http://worker/", **fields})
        answer = await self.client.post(f"/job/{category}", content=body)
        assert answer.status_code == 200, answer.text
        job_id: int = answer.json()["id"]
        return job_id


async def read_all(stream: trio.abc.ReceiveStream) -> bytes:
    """Return what comes until the other side closes or resets."""
    received = bytearray()
    try:
        async for data in stream:
            received += data
    except trio.BrokenResourceError:
        pass
    return bytes(received)


async def read_until(stream: trio.abc.ReceiveStream, mark: bytes, *, at_least: int = 0) -> bytes:
    """Return what comes until it ends with `mark`."""
    received = bytearray()
    with trio.fail_after(10):
        while len(received) < at_least or not received.endswith(mark):
            data = await stream.receive_some()
            assert data, bytes(received)
            received += data
    return bytes(received)


def parse(raw: bytes) -> Answer:
    """Read one answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines[1:])
    return Answer(int(lines[0].split()[1]), {name.lower(): value for name, value in pairs}, body)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after ten seconds."""
    with trio.fail_after(10):
        while not condition():
            await trio.sleep(0.002)


async def is_alive(served: Served) -> bool:
    """Whether a new client is answered."""
    answer = await served.client.get("/version", headers={"Connection": "close"})
    return bool(answer.status_code == 200)


async def open_unread(served: Served) -> WitnessedStream:
    """Ask for the big answer, and read only its beginning."""
    stream = await served.connect()
    await stream.send_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    await stream.receive_some(1)
    return stream


@define(eq=False)
class _LateApp:
    """The app of some routes, made with its first request, which not all tests send it."""

    _routes: Sequence[Route]
    _edge: Edge
    _app: ASGIFramework | None = None

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if self._app is None:
            self._app = create_app(self._routes, self._edge)
        await self._app(scope, receive, send)


@asynccontextmanager
async def open_served(
    routes: Sequence[Route],
    config: Config = CONFIG,
    *,
    app: ASGIFramework | None = None,
    tls: ssl.SSLContext | None = None,
    guard: Guard | None = None,
    traffic: Traffic | None = None,
    is_watched: bool = True,
    bound: socket.socket | None = None,
) -> AsyncIterator[Served]:
    """Serve routes, or an app of its own, on a free port or a socket that is bound already.

    Fails at the end if an answer was not as the OpenAPI document says, when it is watched.
    """
    access_lines = KeptLines()
    error_log, errors = kept_errors()
    sockets = [bound] if bound else bind_sockets(config.bind)
    door = Door(sockets, tls, guard or Guard())
    access_log = AccessLog(access_lines, Clock(), "fireworq.access")
    edge = Edge(
        config=config,
        access_log=access_log,
        error_log=error_log,
        guard=door.guard,
        traffic=traffic or Traffic(),
    )
    lane = LANE.get()
    if lane is not None:
        routes = [evolve(route, is_hot=lane is ServedBy.INTAKE) for route in routes]
    port = 0 if sockets[0].family == socket.AF_UNIX else sockets[0].getsockname()[1]
    stop, stopped = trio.Event(), trio.Event()
    witness = Witness.of(routes) if is_watched and app is None else Witness.blind()

    async def run(*, task_status: trio.TaskStatus[None]) -> None:  # noqa: ASYNC128  # `serve` tells
        await serve(app or _LateApp(routes, edge), routes, edge, door, stop, task_status=task_status)
        stopped.set()

    async with trio.open_nursery() as servers:
        await servers.start(run)
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            timeout=20,
            verify=NO_TRUST,
            event_hooks={"response": [witness.see]},
        ) as client:
            yield Served(port, client, access_lines.lines, errors, stop, stopped, witness)
        servers.cancel_scope.cancel()
    assert not witness.faults, "\n".join(witness.faults)


def sources_of(side: PushSide, pull_side: PullSide) -> Sources:
    """Return where the numbers of two sides stand."""
    return Sources(
        driver="in-memory",
        summary=side.queues.summary,
        commits=lambda: side.store.commits,
        store_trouble=lambda: "",
        traffic=Traffic(),
        pulled=pull_side.pull.counters,
        waiting_workers=lambda: pull_side.pull.waiting_workers,
        paused_queues=lambda: side.pauses.size,
    )


def routes_of(
    side: PushSide,
    pull_side: PullSide,
    config: Config = CONFIG,
    guard: Guard | None = None,
    management: Management | None = None,
) -> Sequence[Route]:
    """Return every route of a daemon with these two sides."""
    sources = sources_of(side, pull_side)
    management = management or management_over(side, pull_side)
    about = About(schema=side.store.schema, node_id="node-1", started_at_ms=side.queues.now_ms())
    return every_route(side.queues, pull_side.pull, management, config, [], sources, about, guard or Guard())


@asynccontextmanager
async def open_watched(management: Management) -> AsyncIterator[Management]:
    """Look at everything for those who watch, and carry sweeps out."""
    async with trio.open_nursery() as tasks:
        tasks.start_soon(management.feed.run)
        tasks.start_soon(management.sweeps.run)
        yield management
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def open_face(
    workers: Caller | None = None,
    *,
    store: Store | None = None,
    default_queue: str = "default",
    guard: Guard | None = None,
    **options: Any,
) -> AsyncIterator[Face]:
    """Serve every API and the console, over an in-memory store unless given one; push workers hang unless
    given, so that jobs stay where they are.
    """
    config = evolve(CONFIG, queue_default=default_queue, **options)
    async with (
        open_push_side(workers or hanging(), store=store, default_queue=default_queue) as side,
        open_pull_side(side.store, pauses=side.pauses) as pull_side,
        open_watched(management_over(side, pull_side)) as management,
        open_served(routes_of(side, pull_side, config, guard, management), config, guard=guard) as served,
    ):
        yield Face(
            served.port,
            served.client,
            served.access_lines,
            served.errors,
            served.stop,
            served.stopped,
            served.witness,
            side,
            pull_side,
            management,
        )
