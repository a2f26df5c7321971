"""A read that takes long, made once for all who ask at the same time."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")

# How many times as long as a read took there is none: counting a million rows is not to be all a store does.
REST_SHARE = 2


class SharedRead(Generic[T]):
    """Gives each who asks what a read has shown that began no sooner."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._turn = trio.Lock()
        self._begun = 0
        self._rested_at_s = -float("inf")
        self._found: list[T] = []

    async def get(self) -> T:
        """Read, or wait for who does; raises what the read raises. If cancelled: nothing is left behind."""
        begun = self._begun
        async with self._turn:
            if self._begun == begun or not self._found:
                self._found = []
                await trio.sleep_until(self._rested_at_s)
                self._begun += 1
                began_s = trio.current_time()
                self._found = [await self._read()]
                took_s = trio.current_time() - began_s
                self._rested_at_s = trio.current_time() + REST_SHARE * took_s
            return self._found[0]
