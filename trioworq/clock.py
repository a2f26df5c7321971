"""The one source of wall time: Trio's clock, anchored to the wall (design §4, "Time")."""

import time

import trio


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

    def anchor(self, store_ms: int | None) -> None:
        """Follow the store's clock, or, where the store has none of its own, this machine's."""
        wall_ms = time.time() * 1000 if store_ms is None else float(store_ms)  # noqa: TID251  # the one place
        self._offset_ms = wall_ms - trio.current_time() * 1000
