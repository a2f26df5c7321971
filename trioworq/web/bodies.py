"""The memory that request bodies may take, all together (I13)."""

from attrs import define, field
from hypercorn.typing import ASGIReceiveCallable, ASGIReceiveEvent

# Small bodies are let in whatever large ones take: the number of connections bounds them.
FREE_BYTES = 64 * 1024


@define(eq=False)
class BodyBudget:
    """Bytes that large bodies may still take; shared by all requests."""

    left_bytes: int


@define(eq=False)
class BodyShare:
    """What one body takes of the budget; `is_over_budget` once there was no room for more of it."""

    _budget: BodyBudget
    is_over_budget: bool = field(default=False, init=False)
    _taken_bytes: int = field(default=0, init=False)

    def grow_to(self, size_bytes: int) -> bool:
        """Take room for a body that has this many bytes by now; False when there is none, or was none."""
        wanted = max(0, size_bytes - FREE_BYTES) - self._taken_bytes
        if wanted > self._budget.left_bytes:
            self.is_over_budget = True
        if not self.is_over_budget:
            self._budget.left_bytes -= wanted
            self._taken_bytes += wanted
        return not self.is_over_budget

    def release(self) -> None:
        """End: what the body took is free for others."""
        self._budget.left_bytes += self._taken_bytes
        self._taken_bytes = 0


@define(eq=False)
class MeteredBody:
    """The body of one request on its way in.

    `receive` stands in for ASGI's. When the budget has nothing left for the body, it ends there: nothing of
    the rest is kept.
    """

    _receive: ASGIReceiveCallable
    share: BodyShare
    _size_bytes: int = field(default=0, init=False)

    async def receive(self) -> ASGIReceiveEvent:
        """Pass on what comes in, as long as there is room for it."""
        event = await self._receive()
        if event["type"] != "http.request":
            return event
        self._size_bytes += len(event["body"])
        if not self.share.grow_to(self._size_bytes):
            return {**event, "body": b"", "more_body": False}
        return event
