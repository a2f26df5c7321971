"""The one source of wall time: Trio's clock, anchored to the wall (design §4, "Time")."""

import time
from collections.abc import Awaitable, Callable

import trio

# A time that took longer to be told is not believed: nobody knows when on its way it was true.
_TRUSTED_ROUND_TRIP_S = 0.5


class Clock:
    """Tells UTC milliseconds. Between two anchorings it moves with Trio's clock, so it never steps back
    in the middle of a wait, and a test that moves Trio's clock moves it too.
    """

    def __init__(self) -> None:
        self._offset_ms = 0.0
        self.anchor(None)

    def now_ms(self) -> int:
        """Return the time now, in UTC milliseconds since the epoch."""
        return int(self._offset_ms + trio.current_time() * 1000)

    async def follow(self, read_ms: Callable[[], Awaitable[int | None]]) -> bool:
        """Anchor to what the store says; False, with nothing changed, if it took long to say it."""
        asked_at_s = trio.current_time()
        store_ms = await read_ms()
        round_trip_s = trio.current_time() - asked_at_s
        if round_trip_s > _TRUSTED_ROUND_TRIP_S:
            return False
        # What the store said was true half-way between the question and now, as far as anybody can tell.
        half_way_ms = round(round_trip_s * 1000 / 2)
        self.anchor(None if store_ms is None else store_ms + half_way_ms)
        return True

    def anchor(self, store_ms: int | None) -> None:
        """Follow the store's clock, or, where the store has none of its own, this machine's."""
        wall_ms = time.time() * 1000 if store_ms is None else float(store_ms)  # noqa: TID251  # the one place
        self._offset_ms = wall_ms - trio.current_time() * 1000
