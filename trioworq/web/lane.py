"""The intake lane: one client's hot requests, until it asks for something else (design §6).

No task, channel or cancel scope is made for a request, and no deadline is moved: the server looks after
all lanes a few times a second (`look_after`).
"""

from contextlib import suppress

import trio
from attrs import frozen

from trioworq.core.errors import CallerError
from trioworq.streams import ConnectionLost, Stream
from trioworq.web.bodies import BodyShare
from trioworq.web.edge import LAST_CALL_S, LAST_WORD_S, LINGER_S, PATIENCE_S, Edge
from trioworq.web.encoding import CONTINUE, Encoder
from trioworq.web.heads import HEAD_END, has_bare_line_end
from trioworq.web.hot import HotRoutes
from trioworq.web.intake import BadFraming, Head, Intake
from trioworq.web.messages import Request, Response
from trioworq.web.paths import decode_query
from trioworq.web.replies import BodyTooSlow, TooManyBodies, refuse

# More than the longest method has.
_METHOD_BYTES = 16

_NEVER = float("inf")


@frozen
class LaneService:
    """What all lanes share."""

    edge: Edge
    routes: HotRoutes
    encoder: Encoder
    is_secure: bool

    def open_intake(self) -> Intake:
        """Return what reads one connection's requests."""
        config = self.edge.config
        return Intake(
            self.routes, max_body_bytes=config.max_body_bytes, max_framing_bytes=config.max_header_bytes
        )


class Lane:
    """One connection, for as long as its requests are hot."""

    def __init__(self, service: LaneService, stream: Stream, remote_addr: str) -> None:
        """`stream` stays its caller's, who closes it or gives it to the other lane."""
        self._edge = service.edge
        self._config = service.edge.config
        self._encoder = service.encoder
        self._routes = service.routes
        self._is_secure = service.is_secure
        self._intake = service.open_intake()
        self._stream = stream
        self._remote_addr = remote_addr
        self._scope = trio.CancelScope()
        self._idle_timeout_s: float = self._config.keep_alive_timeout_s
        self._request_timeout_s: float = self._config.request_timeout_s
        self._ends_at_s = trio.current_time() + self._idle_timeout_s
        self._started_at_s = _NEVER
        # The request whose body is on its way.
        self._awaited: Head | None = None
        self._is_busy = False
        self._is_asking = False
        self._is_stopping = False

    # What the server tells it. None of these waits.

    def stop(self) -> None:
        """End after the next answer that has not begun, or without one when no request comes soon."""
        self._is_stopping = True
        self._idle_timeout_s = min(self._idle_timeout_s, LAST_CALL_S)
        self._request_timeout_s = min(self._request_timeout_s, LAST_WORD_S)
        if not self._is_asking:
            left_s = LAST_WORD_S if self._is_busy else LAST_CALL_S
            self._ends_at_s = min(self._ends_at_s, trio.current_time() + left_s)

    def look_after(self, now_s: float) -> None:
        """End what takes the client too long, and what it no longer waits for."""
        if now_s >= self._ends_at_s:
            self._end_late()
        elif self._is_asking and now_s >= self._started_at_s + PATIENCE_S and self._stream.has_hung_up():
            self._scope.cancel(reason="the client hung up")

    def _end_late(self) -> None:
        if not self._is_busy:
            if not self._stream.is_quiet():
                return
            # The client is told in the moment of this look, so that only on the wire a request can meet it.
            self._stream.end_sending()
        self._scope.cancel(reason="the client took too long")

    # The task.

    async def run(self) -> bytes | None:
        """Serve hot requests; return the bytes that the other lane is to begin with, None at the end.

        If cancelled: the exchange is in any state, and the stream is of no more use.
        """
        received = None
        try:
            with self._scope, suppress(ConnectionLost):
                received = await self._serve()
            if self._scope.cancelled_caught and self._awaited is not None:
                await self._refuse_late_body(self._awaited)
        finally:
            self._intake.close()
        return received

    async def _serve(self) -> bytes | None:
        received = await self._stream.receive()
        # What is received in the moment of the end is not begun: nobody could be told how it went.
        while received and not self._scope.cancel_called:
            end = received.find(HEAD_END)
            if end < 0:
                received = await self._receive_head(received)
                end = received.find(HEAD_END)
            size = end + len(HEAD_END)
            is_head = end >= 0 and size <= self._config.max_header_bytes
            head = self._intake.read_head(received[:size]) if is_head else None
            if head is None:
                return received or None
            rest = await self._serve_one(head, received[size:])
            if rest is None:
                break
            if rest:
                await trio.lowlevel.checkpoint()
            received = rest or await self._stream.receive()
        return None

    async def _receive_head(self, received: bytes) -> bytes:
        """Return a head that has come whole, or what can be none of a hot request; nothing at the end."""
        if not self._is_stopping:
            self._ends_at_s = trio.current_time() + self._request_timeout_s
        buffer = bytearray(received)
        known = 0
        while (
            buffer.find(HEAD_END, max(0, known - len(HEAD_END))) < 0
            and len(buffer) <= self._config.max_header_bytes
            and self._routes.may_begin(bytes(buffer[:_METHOD_BYTES]))
            and not has_bare_line_end(buffer, max(0, known - 1))
        ):
            known = len(buffer)
            self._stream.acknowledge()
            data = await self._stream.receive()
            if not data:
                return b""
            buffer += data
        return bytes(buffer)

    async def _serve_one(self, head: Head, received: bytes) -> bytes | None:
        """Answer a request; return what came behind it, None when the connection has ended."""
        self._started_at_s = trio.current_time()
        self._is_busy = True
        share = BodyShare(self._edge.budget)
        try:
            rest, response = await self._respond(head, received, share)
            closes = rest is None or head.closes or self._is_stopping or not self._config.keep_alive
            # The answer takes the place of the body, and is kept for as long as the client likes.
            share.hold(len(response.body))
            await self._send(head, response, closes=closes)
        finally:
            share.release()
        if closes:
            await self._linger()
            return None
        self._is_busy = False
        return rest

    async def _respond(self, head: Head, received: bytes, share: BodyShare) -> tuple[bytes | None, Response]:
        """Return (what came behind a request, its answer); None when nothing behind it can be understood.

        Raises ConnectionLost.
        """
        refusal = self._edge.guard.refuse(head.path, head.route, head.authorization)
        if refusal is not None:
            # Of those who may not pass no body is waited for, and where it ends nobody knows.
            return received if self._intake.is_complete else None, refusal
        try:
            rest = self._intake.read_body(received)
            if not self._intake.is_complete:
                rest = await self._receive_body(head, share)
        except CallerError as error:
            response = self._edge.explain(head.path, error)
        except BadFraming as error:
            response = refuse(head.path, error.status)
        else:
            return rest, await self._ask(head)
        self._intake.drop_body()
        return None, response

    async def _receive_body(self, head: Head, share: BodyShare) -> bytes:
        """Receive a body that has not come whole; return what came behind it.

        Raises BodyTooLarge, TooManyBodies, BadFraming, ConnectionLost.
        """
        self._ends_at_s = trio.current_time() + self._request_timeout_s
        self._awaited = head
        if head.expects_continue:
            await self._stream.send(CONTINUE)
        rest = b""
        while not self._intake.is_complete:
            self._stream.acknowledge()
            data = await self._stream.receive()
            if not data:
                raise ConnectionLost("the client left in the middle of its request")
            rest = self._intake.read_body(data)
            if not share.grow_to(self._intake.size):
                raise TooManyBodies("Too many large bodies are on their way; nothing was stored")
        self._awaited = None
        return rest

    async def _ask(self, head: Head) -> Response:
        request = Request(
            method=head.route.method,
            path=head.path,
            arguments=head.arguments,
            query=decode_query(head.query),
            body=self._intake.take_body(),
            query_string=head.query,
            host=head.host,
            is_secure=self._is_secure,
            has_left=self._stream.has_hung_up,
        )
        self._ends_at_s = _NEVER
        self._is_asking = True
        response = await self._edge.answer(head.route, request)
        self._is_asking = False
        return response

    async def _send(self, head: Head, response: Response, *, closes: bool) -> None:
        """Log and send an answer, in one piece. Raises ConnectionLost."""
        self._awaited = None
        now_s = trio.current_time()
        try:
            data = self._encoder.encode(response, now_s, closes=closes)
        except ValueError as error:
            response = self._edge.fault(head.path, error)
            data = self._encoder.encode(response, now_s, closes=closes)
        self._edge.traffic.intake.answered(response.status)
        if head.route.is_logged:
            self._edge.log(
                remote_addr=self._remote_addr,
                user_agent=head.user_agent,
                method=head.route.method,
                url=head.url,
                status=response.status,
                started_at_s=self._started_at_s,
            )
        self._ends_at_s = now_s + self._request_timeout_s
        await self._stream.send(data)
        self._ends_at_s = trio.current_time() + self._idle_timeout_s

    async def _refuse_late_body(self, head: Head) -> None:
        """Tell a client that its time is over, as far as it listens."""
        self._intake.drop_body()
        response = self._edge.explain(head.path, BodyTooSlow())
        with trio.move_on_after(LINGER_S), suppress(ConnectionLost):
            await self._send(head, response, closes=True)
            await self._linger()

    async def _linger(self) -> None:
        """Say that no more will come, and let the client read what has been sent."""
        self._ends_at_s = _NEVER
        self._stream.end_sending()
        with trio.move_on_after(LINGER_S):
            while await self._stream.receive():
                pass
