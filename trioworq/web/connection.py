"""One client connection: Hypercorn's protocols on a stream, with a deadline on everything a client does.

Hypercorn's own connection class waits for ever for a client that stops reading, keeps a closed connection
until its idle time is over, and may close before an early answer has been read. This one is a single
cancel scope whose deadline says how long the client has for what it is doing now, and whose end is the
connection's end.
"""

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import trio
from attrs import frozen
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData
from hypercorn.logging import Logger
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    AppWrapper,
    ASGIFramework,
    ASGIReceiveEvent,
    ASGISendEvent,
    ConnectionState,
    Scope,
)

from trioworq.logs import ErrorLog
from trioworq.streams import ConnectionLost, Stream
from trioworq.web.bodies import MAX_STREAMS
from trioworq.web.edge import LAST_CALL_S, LAST_WORD_S, LINGER_S, PATIENCE_S, Edge
from trioworq.web.http2 import Protocol


@frozen
class Service:
    """What all connections share."""

    app: AppWrapper
    config: HypercornConfig
    context: WorkerContext
    idle_timeout_s: float
    request_timeout_s: float
    is_secure: bool

    @classmethod
    def of(cls, app: ASGIFramework, edge: Edge, *, is_secure: bool) -> "Service":
        """Serve `app` as the options say; `is_secure` tells it that clients speak TLS."""
        return cls(
            app=ASGIWrapper(app),
            config=_hypercorn_config(edge),
            context=WorkerContext(None),
            idle_timeout_s=edge.config.keep_alive_timeout_s,
            request_timeout_s=edge.config.request_timeout_s,
            is_secure=is_secure,
        )


def _hypercorn_config(edge: Edge) -> HypercornConfig:
    config = HypercornConfig()
    config.include_server_header = False
    config.h11_max_incomplete_size = edge.config.max_header_bytes
    config.h2_max_concurrent_streams = MAX_STREAMS
    config.h2_max_header_list_size = edge.config.max_header_bytes
    config.keep_alive_max_requests = sys.maxsize
    config.errorlog = None
    config._log = _HypercornLog(config, edge.error_log)  # its setting takes classes only
    return config


class _HypercornLog(Logger):
    """Takes Hypercorn's reports of a failed app to the error log; it has no other use here."""

    def __init__(self, config: HypercornConfig, error_log: ErrorLog) -> None:
        super().__init__(config)
        self._report = error_log

    async def exception(self, message: str, *arguments: Any, **options: Any) -> None:
        self._report.error(message, exc_info=sys.exc_info()[1])


@frozen
class Ends:
    """The addresses of a connection; a client that has gone again has none, nor has a Unix socket."""

    client: tuple[str, int] | None
    server: tuple[str, int] | None


class Connection:
    """A connection from where the intake lane leaves it to its end."""

    def __init__(self, service: Service, stream: Stream, ends: Ends, received: bytes) -> None:
        """`stream` stays its caller's, who closes it; `received` is what has been received of it already."""
        self._service = service
        self._stream = stream
        self._ends = ends
        self._received = received
        self._scope = trio.CancelScope(deadline=trio.current_time() + service.idle_timeout_s)
        self._requests = 0
        self._last_request_at_s = trio.current_time()
        self._is_receiving_head = False
        self._is_ending = False
        self._has_left = False
        self._sending = trio.Lock()
        self._send_scope = trio.CancelScope()
        self._protocol: Protocol
        self._stops_at_s = float("inf")
        if service.context.terminated.is_set():
            self.stop()

    async def run(self) -> None:
        """Serve the client until either side has had enough.

        Tasks: the reader, and one for each request. Stops when: the client hangs up, the last answer has
        been read, or a deadline passes. Raises: what a protocol or the app makes of a bad request.
        If cancelled: the exchange is in any state, and the stream is of no more use.
        """
        with self._scope:
            async with _Requests(self._begin_request, self._end_request) as tasks:
                self._protocol = self._make_protocol(tasks)
                await self._protocol.initiate()
                await self._read()
                self._go_on_alone()

    @property
    def is_cut_off(self) -> bool:
        """Whether the connection was ended from here, in the middle of an answer perhaps."""
        return self._scope.cancel_called

    def stop(self) -> None:
        """End after the next answer that has not begun, or without one when no request comes soon."""
        now_s = trio.current_time()
        self._stops_at_s = now_s + LAST_CALL_S
        self._send_scope.deadline = min(self._send_scope.deadline, now_s + LAST_WORD_S)

    def look_after(self, now_s: float) -> None:
        """End what should stop and has nothing to do any more, and what the client no longer waits for."""
        is_idle = not self._requests and not self._is_ending
        if now_s >= self._stops_at_s and is_idle and self._stream.is_quiet():
            # The client is told in the moment of this look, so that only on the wire a request can meet it.
            self._stream.end_sending()
            self._scope.cancel(reason="the server stops")
        elif now_s >= self._last_request_at_s + PATIENCE_S and self._is_asking_for_nobody():
            self._scope.cancel(reason="the client hung up")

    def _is_asking_for_nobody(self) -> bool:
        """Whether the client has left without an answer to its request.

        Reading does not tell it where another request has been sent ahead: behind that nothing is read.
        """
        is_answered = not self._requests or self._is_ending or self._has_left or self._sending.locked()
        return not is_answered and self._stream.has_hung_up()

    def _make_protocol(self, tasks: TaskGroup) -> Protocol:
        service, ends = self._service, self._ends
        return Protocol(
            self._stream.agreed_protocol,
            service.app,
            service.config,
            service.context,
            tasks,
            ConnectionState({"has_left": self._stream.has_hung_up}),
            service.is_secure,
            ends.client,
            ends.server,
            self._take,
        )

    async def _read(self) -> None:
        with suppress(ConnectionLost):
            data = self._received or await self._stream.receive()
            while data:
                if not self._is_ending:
                    await self._handle(data)
                data = await self._stream.receive()

    def _go_on_alone(self) -> None:
        """Nothing more will come: let a request that came whole be answered, if that is soon."""
        if self._requests and self._protocol.has_whole_request:
            self._has_left = True
            self._end_after(PATIENCE_S)
        else:
            # The client has gone, and with it the reason for what is still running.
            self._scope.cancel(reason="the client hung up")

    async def _handle(self, data: bytes) -> None:
        await self._protocol.handle(RawData(data))
        if not self._requests and not self._is_receiving_head:
            self._is_receiving_head = True
            self._end_after(self._service.request_timeout_s)

    async def _take(self, event: Event) -> None:
        """Do what a protocol asks for."""
        match event:
            case RawData():
                await self._send(event.data)
            case Closed():
                await self._end()

    # Whether a request is being served is counted here and not taken from Hypercorn's `Updated`, which calls
    # the preface of HTTP/2 a request without end.

    def _begin_request(self) -> None:
        self._requests += 1
        self._last_request_at_s = trio.current_time()
        self._is_receiving_head = False
        self._end_after(float("inf"))

    def _end_request(self) -> None:
        self._requests -= 1
        if self._has_left:
            self._scope.cancel(reason="the client has its answer")
        elif not self._requests:
            self._end_after(self._service.idle_timeout_s)
            if self._service.context.terminated.is_set():
                self.stop()

    async def _send(self, data: bytes) -> None:
        is_sent = False
        if self._has_left:
            # It is soon enough; the client may take its time to read.
            self._scope.deadline = float("inf")
        async with self._sending:
            try:
                with trio.move_on_after(self._send_timeout_s()) as self._send_scope:
                    await self._stream.send(data)
                    is_sent = True
            except ConnectionLost:
                pass
            finally:
                # Half of a message may be out, and nothing sent after it could be understood.
                if not is_sent:
                    self._scope.cancel(reason="the client does not read")

    def _send_timeout_s(self) -> float:
        if self._service.context.terminated.is_set():
            return min(self._service.request_timeout_s, LAST_WORD_S)
        return self._service.request_timeout_s

    async def _end(self) -> None:
        """Say that no more will come, and let the client read what has been sent."""
        self._is_ending = True
        self._end_after(LINGER_S)
        # No checkpoint up to here and none in this: the task of the request that was just answered, which
        # is the one that gets here, has already been cancelled by the app's own ending.
        self._stream.end_sending()
        await self._protocol.handle(Closed())

    def _end_after(self, seconds: float) -> None:
        if self._is_ending:
            seconds = min(seconds, LINGER_S)
        self._scope.deadline = trio.current_time() + seconds


class _Requests(TaskGroup):
    """The tasks of a connection; tells when the app begins and ends with a request."""

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        super().__init__()
        self._begin = begin
        self._end = end

    async def spawn_app(
        self,
        app: AppWrapper,
        config: HypercornConfig,
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[ASGIReceiveEvent], Awaitable[None]]:
        async def counted(*arguments: Any, **named: Any) -> None:
            try:
                await app(*arguments, **named)
            finally:
                self._end()

        self._begin()
        return await super().spawn_app(counted, config, scope, send)
