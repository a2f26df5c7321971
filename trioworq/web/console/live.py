"""`/console/live`: what pages are sent while they are open, as server-sent events."""

from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus

import trio
from attrs import define, field, frozen

from trioworq.core.errors import InvalidRequest
from trioworq.manage.feed import Feed, Snapshot
from trioworq.web.console.desk import Desk
from trioworq.web.messages import EVENTS, Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE, refuse

# Pages that may be open at the same time: each takes a connection, and is written to once a second.
MAX_VIEWERS = 64
# Without anything new a page hears that it is still connected.
BEAT_INTERVAL_S = 10.0

_RETRY = b"retry: 1000\n\n"
_BEAT = b"event: beat\ndata: .\n\n"
_RETRY_AFTER_S = 10
# nginx and others hold back what comes until it is worth sending, unless they are told.
_AT_ONCE = {"X-Accel-Buffering": "no"}

Write = Callable[[Snapshot, Snapshot | None], bytes]
"""Returns what a page is sent of a snapshot, as JSON in one line; empty if the one before told it all."""

View = Callable[[Desk, Request], Write]
"""Returns how a page that asks like this is written to. Raises CallerError."""


@define(eq=False)
class Viewers:
    """How many pages are kept up to date."""

    number: int = 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return self.number >= MAX_VIEWERS


class Events(AsyncIterator[bytes]):
    """What one page is sent. It ends when the daemon stops; whoever iterates closes it in the end."""

    def __init__(self, feed: Feed, write: Write, viewers: Viewers) -> None:
        self._feed = feed
        self._write = write
        self._viewers = viewers
        self._previous: Snapshot | None = None
        self._is_open = False

    async def __anext__(self) -> bytes:
        """Return the next message, a beat if there is none for long. If cancelled: nothing is left behind."""
        if not self._is_open:
            # Counted from here on: what is never begun is never closed.
            if self._viewers.is_full:
                raise StopAsyncIteration
            self._is_open = True
            self._viewers.number += 1
            await trio.lowlevel.checkpoint()
            return _RETRY
        with trio.move_on_after(BEAT_INTERVAL_S):
            return await self._message()
        return _BEAT

    async def _message(self) -> bytes:
        while True:
            before = self._previous
            snapshot = await self._feed.next(before.number if before else 0)
            if snapshot is None:
                raise StopAsyncIteration
            self._previous = snapshot
            data = self._write(snapshot, before)
            if data:
                return b"id: %d\ndata: %s\n\n" % (snapshot.number, data)

    async def aclose(self) -> None:
        """Leave, without waiting for anything."""
        if self._is_open:
            self._is_open = False
            self._viewers.number -= 1


def routes(desk: Desk, views: Mapping[str, View]) -> tuple[Route, ...]:
    """Return the route; `views` are asked for by their names."""
    # Without HEAD: the answer's length is not known before its end, which may be a long way off.
    return (Route("GET", f"{CONSOLE}/live", _Live(desk, views).open, Scope.READ, is_safe=False),)


@frozen
class _Live:
    """Lets pages be kept up to date, as many as there is room for."""

    _desk: Desk
    _views: Mapping[str, View]
    _viewers: Viewers = field(factory=Viewers, init=False)

    async def open(self, request: Request) -> Response:
        """Answer without end."""
        view = self._views.get(request.query.get("view", ""))
        if view is None:
            raise InvalidRequest(f"view should be one of {', '.join(self._views)}")
        write = view(self._desk, request)
        if self._viewers.is_full:
            detail = "Too many pages are kept up to date already"
            wait = {"Retry-After": str(_RETRY_AFTER_S)}
            return refuse(request.path, HTTPStatus.SERVICE_UNAVAILABLE, detail, wait)
        events = Events(self._desk.management.feed, write, self._viewers)
        return Response(HTTPStatus.OK, content_type=EVENTS, headers=_AT_ONCE, events=events)
