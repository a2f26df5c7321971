"""The memory that request bodies and answers may take, all together (I13)."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio
from attrs import define, field
from hypercorn.typing import ASGIReceiveCallable, ASGIReceiveEvent

# Small bodies are let in whatever large ones take: the number of connections bounds them.
FREE_BYTES = 64 * 1024

# Requests that one HTTP/2 connection may have at the same time: each takes 30 KiB while it waits. They share
# what is free for one over HTTP/1.
MAX_STREAMS = 32


@define(eq=False)
class BodyBudget:
    """Bytes that large bodies and answers may still take; shared by all requests."""

    left_bytes: int


@define(eq=False)
class BodyShare:
    """What one body or answer takes of the budget.

    `is_over_budget` once there was no room for more of it.
    """

    _budget: BodyBudget
    _free_bytes: int = FREE_BYTES
    is_over_budget: bool = field(default=False, init=False)
    _taken_bytes: int = field(default=0, init=False)

    def grow_to(self, size_bytes: int) -> bool:
        """Take room for a body that has this many bytes by now; False when there is none, or was none."""
        if self._lacking(size_bytes) > self._budget.left_bytes:
            self.is_over_budget = True
        if not self.is_over_budget:
            self.hold(size_bytes)
        return not self.is_over_budget

    def hold(self, size_bytes: int) -> None:
        """Count this many bytes from now on, whether or not there is room: others find the less."""
        lacking = self._lacking(size_bytes)
        self._budget.left_bytes -= lacking
        self._taken_bytes += lacking

    def _lacking(self, size_bytes: int) -> int:
        return max(0, size_bytes - self._free_bytes) - self._taken_bytes

    def release(self) -> None:
        """End: what was taken is free for others."""
        self._budget.left_bytes += self._taken_bytes
        self._taken_bytes = 0


@define(eq=False)
class MeteredBody:
    """The body of one request on its way in; `size_bytes` is what its head takes, where that counts.

    `receive` stands in for ASGI's. When the budget has nothing left for the body, it ends there: nothing of
    the rest is kept.
    """

    _receive: ASGIReceiveCallable
    share: BodyShare
    _size_bytes: int = 0

    async def receive(self) -> ASGIReceiveEvent:
        """Pass on what comes in, as long as there is room for it."""
        event = await self._receive()
        if event["type"] != "http.request":
            return event
        self._size_bytes += len(event["body"])
        if not self.share.grow_to(self._size_bytes):
            return {**event, "body": b"", "more_body": False}
        return event


@define(eq=False)
class Uploads:
    """The bodies that the app waits for; a server that stops sets them a time."""

    _waits: set[trio.CancelScope] = field(factory=set, init=False)
    _end_at_s: float = field(default=float("inf"), init=False)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for a body in the block; when the time is over that is cut off, and left."""
        wait = trio.CancelScope(deadline=self._end_at_s)
        self._waits.add(wait)
        try:
            with wait:
                yield
        finally:
            self._waits.discard(wait)

    def end_at(self, time_s: float) -> None:
        """Cut off what has not come by then, now and later; by Trio's clock."""
        self._end_at_s = time_s
        for wait in self._waits:
            wait.deadline = time_s
