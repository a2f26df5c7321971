"""Hypercorn's HTTP/2 made patient, and the change from HTTP/1 to it."""

from typing import Any

from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived
from h2.events import Event as FrameEvent
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H2CProtocolRequiredError, H2ProtocolAssumedError
from hypercorn.trio.worker_context import WorkerContext

from trioworq.web.http1 import Http1


class Http2(H2Protocol):
    """HTTP/2 whose clients may go on with a body after its answer, and learn what the end leaves undone."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # Hypercorn would end before the end of the last answer is out, in a task that is being cancelled.
        self._service_context = self.context
        self.context = WorkerContext(None)

    async def initiate(
        self, headers: list[tuple[bytes, bytes]] | None = None, settings: bytes | None = None
    ) -> None:
        """Say what is to be said before the client does, and see to the end."""
        await super().initiate(headers, settings)
        self.task_group.spawn(self._end_in_time)

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
                self.connection.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            else:
                await super()._handle_events([event])
        await self._flush()

    async def _create_stream(self, request: RequestReceived) -> None:
        methods = [value for name, value in request.headers if name == b":method"]
        if methods == [method.upper() for method in methods]:
            await super()._create_stream(request)
        else:
            # As strict as a head of HTTP/1; see `heads`.
            self.connection.reset_stream(request.stream_id, ErrorCodes.PROTOCOL_ERROR)


class Protocol:
    """What a client speaks: HTTP/1 until it changes to HTTP/2, which may have been agreed on before."""

    def __init__(self, agreed: str | None, *settings: Any) -> None:
        """`settings` are those of Hypercorn's protocols."""
        self._settings = settings
        self._spoken = Http2(*settings) if agreed == "h2" else Http1(*settings)

    async def initiate(self) -> None:
        """Say what is to be said before the client does."""
        await self._spoken.initiate()

    async def handle(self, event: Event) -> None:
        """Go on with what has been received, or with the end."""
        upgrade: tuple[Any, ...] = ()
        try:
            await self._spoken.handle(event)
        except H2ProtocolAssumedError as change:
            received = change.data
        except H2CProtocolRequiredError as change:
            received, upgrade = change.data, (change.headers, change.settings)
        else:
            return
        # Not in the clauses above: the log of a failure would show their exceptions too, and in these all
        # that the client has sent (I14).
        self._spoken = Http2(*self._settings)
        await self._spoken.initiate(*upgrade)
        if received:
            await self._spoken.handle(RawData(received))
