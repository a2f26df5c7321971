"""Hypercorn's HTTP/1 made strict: what two programs could read differently is refused."""

from dataclasses import replace
from itertools import chain
from typing import Any

import h11
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from hypercorn.events import Closed, RawData
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import Response
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import H11SendableEvent

from trioworq.web.heads import fault_of, first_head, is_chunked
from trioworq.web.replies import refuse


class Http1(H11Protocol):
    """HTTP/1 with strict heads, refusals in our shape, a limit on the head however it is cut up, and an end
    that is announced.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.connection = _StrictConnection(
            h11.SERVER, max_incomplete_event_size=self.config.h11_max_incomplete_size
        )
        self._has_refused = False
        # Hypercorn would close behind an answer that did not say so, and lose the request that follows it.
        self._service_context = self.context
        self.context = WorkerContext(None)

    async def stream_send(self, event: StreamEvent) -> None:
        """Send a part of an answer; while the server stops, its head says that the connection ends."""
        closing = (b"connection", b"close")
        if (
            isinstance(event, Response)
            and self._service_context.terminated.is_set()
            and closing not in event.headers
        ):
            event = replace(event, headers=[*event.headers, closing])
        await super().stream_send(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        # RFC 9113 has dropped `Upgrade: h2c`, so it is passed over like any other.
        await super()._check_protocol(_without_upgrade(event))

    async def _create_stream(self, request: h11.Request) -> None:
        size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
        if size > self.config.h11_max_incomplete_size:
            await self._send_error_response(431)
            await self.send(Closed())
        else:
            await super()._create_stream(_without_upgrade(request))

    async def _send_error_response(self, status_code: int) -> None:
        # The path may not be known, so the shape is that of most paths.
        response = refuse("/", status_code, headers={"Connection": "close"})
        headers = {
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            **response.headers,
        }
        raw_headers = ((name.encode(), value.encode()) for name, value in headers.items())
        shared = self.config.response_headers("h11")
        head = h11.Response(status_code=status_code, headers=list(chain(raw_headers, shared)))
        # In one piece, and then nothing more: the app may begin to answer at the same time.
        refusal = self.connection.send(head) + self.connection.send(h11.Data(data=response.body))
        self.connection.send(h11.EndOfMessage())
        self._has_refused = True
        await self.send(RawData(data=refusal))

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        if not self._has_refused:
            await super()._send_h11_event(event)


class _StrictConnection(h11.Connection):
    """Refuses what others could read differently; h11 is lenient where that was of use to somebody."""

    _judge: "_ChunkJudge | None" = None

    def receive_data(self, data: bytes) -> None:
        # What comes behind the last request is none: kept, it would have no limit.
        if self.their_state is h11.MUST_CLOSE:
            return
        super().receive_data(data)
        if self._judge is not None:
            self._judge.read(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if self.their_state is h11.MUST_CLOSE:
            # Nor is it a reason to take the answer back.
            return h11.NEED_DATA
        if self.their_state is h11.IDLE:
            self._judge_head(self.trailing_data[0])
        if self._judge is not None and self._judge.is_broken:
            raise h11.RemoteProtocolError("malformed chunks", error_status_hint=400)
        return super().next_event()

    def _judge_head(self, received: bytes) -> None:
        self._judge = None
        head = first_head(received)
        if head is None:
            return
        if fault := fault_of(head):
            raise h11.RemoteProtocolError(fault, error_status_hint=400)
        if is_chunked(head):
            self._judge = _ChunkJudge(head)
            self._judge.read(received[len(head) :])


def _without_upgrade(request: h11.Request) -> h11.Request:
    """Return a request that Hypercorn takes for an ordinary one: nothing here changes protocols so."""
    headers = [(name, value) for name, value in request.headers if name != b"upgrade"]
    if len(headers) == len(request.headers):
        return request
    return h11.Request(
        method=request.method, target=request.target, headers=headers, http_version=request.http_version
    )


class _ChunkJudge:
    """Reads along while h11 reads a request in chunks, by the parser that the intake lane goes by.

    What only one of the two takes is to be refused.
    """

    def __init__(self, head: bytes) -> None:
        self.is_broken = False
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self.read(head)

    def read(self, data: bytes) -> None:
        """Take the next bytes of the connection; those behind the request are no matter."""
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.is_broken = self._parser is not None
        # The parser holds the method below: without this it would wait for the cyclic collector.
        if self.is_broken:
            self._parser = None

    def on_message_complete(self) -> None:
        """Come to the end of the request. Called by the parser."""
        self._parser = None
