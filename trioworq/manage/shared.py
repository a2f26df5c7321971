"""A read that takes long, made once for all who ask at the same time."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

from trioworq.stores.interface import StoreUnavailable

T = TypeVar("T")

# How many times as long as a read took there is none: counting a million rows is not to be all a store does.
REST_SHARE = 2
# But not for longer than this: a read may have taken long since the store stood still.
MOST_REST_S = 10.0


class SharedRead(Generic[T]):
    """Gives each who asks what a read has shown that began no sooner."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._turn = trio.Lock()
        self._begun = 0
        self._rested_at_s = -float("inf")
        # Of the last read that came to its end; a guess before the first.
        self._took_s = 1.0
        self._found: list[T] = []
        self._trouble: StoreUnavailable | None = None

    async def get(self) -> T:
        """Read, or wait for who does; raises what the read raises. If cancelled: nothing is left behind."""
        begun = self._begun
        async with self._turn:
            if self._begun == begun or not (self._found or self._trouble):
                await self._begin()
            if self._trouble is not None:
                # A raised exception collects the traceback of who raised it, so each gets its own.
                raise StoreUnavailable(*self._trouble.args) from self._trouble
            return self._found[0]

    async def _begin(self) -> None:
        """Read, and note what that has shown, or that the store is away: for all who wait, not for each."""
        self._found, self._trouble = [], None
        await trio.sleep_until(self._rested_at_s)
        self._begun += 1
        began_s = trio.current_time()
        try:
            self._found = [await self._read()]
        except StoreUnavailable as error:
            self._trouble = error
        except trio.Cancelled:
            # Only the waiting ends: the store goes on, for as long as last time, for all we know.
            self._rest(max(self._took_s, trio.current_time() - began_s), began_s)
            raise
        self._took_s = trio.current_time() - began_s
        self._rest(self._took_s, began_s)

    def _rest(self, took_s: float, began_s: float) -> None:
        self._rested_at_s = began_s + took_s + min(REST_SHARE * took_s, MOST_REST_S)
