"""Hypercorn's HTTP/2 made patient and strict, and the change from HTTP/1 to it."""

from contextlib import suppress
from typing import Any

import h11
import trio
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, PriorityUpdated, RequestReceived
from h2.events import Event as FrameEvent
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H2ProtocolAssumedError
from hypercorn.trio.worker_context import WorkerContext

from trioworq.web.frames import FrameLimit
from trioworq.web.heads import is_request
from trioworq.web.http1 import Http1

# h2 reads all that it is given at once, and small frames take it a microsecond a byte: others would wait.
STEP_BYTES = 8 * 1024


class Http2(H2Protocol):
    """HTTP/2 whose clients may go on with a body after its answer, and learn what the end leaves undone.

    What they may not do: announce frames of any length, have priorities remembered for streams that do not
    exist, or send requests that HTTP/1 could not carry.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.connection = _make_connection(self.config)
        self._limit = FrameLimit(self.connection.max_inbound_frame_size)
        # Hypercorn would end before the end of the last answer is out, in a task that is being cancelled.
        self._service_context = self.context
        self.context = WorkerContext(None)

    async def initiate(
        self, headers: list[tuple[bytes, bytes]] | None = None, settings: bytes | None = None
    ) -> None:
        """Say what is to be said before the client does, and see to the end."""
        await super().initiate(headers, settings)
        self.task_group.spawn(self._end_in_time)

    async def handle(self, event: Event) -> None:
        """Go on with what has been received, or with the end."""
        if not isinstance(event, RawData):
            await super().handle(event)
            return
        for start in range(0, len(event.data), STEP_BYTES):
            if not self.closed:
                await self._receive(event.data[start : start + STEP_BYTES])
                await trio.lowlevel.checkpoint()

    async def _receive(self, data: bytes) -> None:
        if self._limit.is_exceeded_by(data):
            self.connection.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
            await self._flush()
            await self.send(Closed())
        else:
            await super().handle(RawData(data))

    async def _end_in_time(self) -> None:
        await self._service_context.terminated.wait()
        await self._end_when_stopping()

    async def _send_data(self, stream_id: int) -> None:
        await super()._send_data(stream_id)
        await self._end_when_stopping()

    async def _end_when_stopping(self) -> None:
        """If the server stops and every answer is out, tell the client which of its requests were begun."""
        if self._service_context.terminated.is_set() and not self.stream_buffers:
            self.connection.close_connection()
            await self._flush()
            await self.send(Closed())

    async def _handle_events(self, events: list[FrameEvent]) -> None:
        for event in events:
            if isinstance(event, DataReceived) and event.stream_id not in self.streams:
                # Nobody is there for it any more, but other streams need the room.
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, RequestReceived) and self._service_context.terminated.is_set():
                # It was not begun, and may be sent again elsewhere (RFC 9113, §8.7).
                self._reset(event.stream_id, ErrorCodes.REFUSED_STREAM)
            else:
                await super()._handle_events([event])
        await self._flush()

    async def _priority_updated(self, event: PriorityUpdated) -> None:
        # RFC 9113 has dropped priorities; Hypercorn keeps, and trips over, those of streams that never come.
        pass

    async def _create_stream(self, request: RequestReceived) -> None:
        if is_request(dict(request.headers)):
            await super()._create_stream(request)
        else:
            self._reset(request.stream_id, ErrorCodes.PROTOCOL_ERROR)

    def _reset(self, stream_id: int, why: ErrorCodes) -> None:
        # The client may have reset the stream itself.
        with suppress(ProtocolError):
            self.connection.reset_stream(stream_id, why)


class _ServerConnection(H2Connection):
    """Remembers less of streams that have ended: nobody sends frames to one of long ago."""

    MAX_CLOSED_STREAMS = 1024


def _make_connection(config: HypercornConfig) -> H2Connection:
    """Return what Hypercorn would use, but for WebSockets, which nothing here speaks."""
    connection = _ServerConnection(H2Configuration(client_side=False, header_encoding=None))
    connection.decoder.max_header_list_size = config.h2_max_header_list_size
    connection.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: config.h2_max_concurrent_streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: config.h2_max_header_list_size,
        },
    )
    return connection


class Protocol:
    """What a client speaks: HTTP/1 until it changes to HTTP/2, which may have been agreed on before."""

    def __init__(self, agreed: str | None, *settings: Any) -> None:
        """`settings` are those of Hypercorn's protocols."""
        self._settings = settings
        self._spoken = Http2(*settings) if agreed == "h2" else Http1(*settings)

    @property
    def has_whole_request(self) -> bool:
        """Whether all has come of the request that is being served, and its answer needs nothing else."""
        return isinstance(self._spoken, Http1) and self._spoken.connection.their_state is not h11.SEND_BODY

    async def initiate(self) -> None:
        """Say what is to be said before the client does."""
        await self._spoken.initiate()

    async def handle(self, event: Event) -> None:
        """Go on with what has been received, or with the end."""
        try:
            await self._spoken.handle(event)
        except H2ProtocolAssumedError as change:
            received = change.data
        else:
            return
        # Not in the clause above: the log of a failure would show its exception too, and in this all that
        # the client has sent (I14).
        self._spoken = Http2(*self._settings)
        await self._spoken.initiate()
        await self._spoken.handle(RawData(received))
