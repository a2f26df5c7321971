"""Whether the store answers, for readiness and metrics: asked once a second, and by no request."""

from collections.abc import Awaitable, Callable

import trio

from trioworq.stores.interface import Schema, StoreError

# How often the store is asked.
ASKING_INTERVAL_S = 1.0
# A store that has not answered for so long is out of reach, whatever it is busy with.
SILENCE_S = 3.0


class StoreWatch:
    """What the store last answered. Telling it waits for nothing, however slow the store is."""

    def __init__(self, read_schema: Callable[[], Awaitable[Schema]]) -> None:
        """Watch the store whose `schema` this is; it has just been opened, so it counts as in reach."""
        self._read_schema = read_schema
        self._schema: Schema | None = None
        self._answered_at_s = trio.current_time()
        self._has_failed = False

    async def run(self) -> None:
        """Ask the store again and again. Runs until cancelled."""
        while True:
            try:
                self._schema = await self._read_schema()
            except StoreError:
                # Whoever needs the store for more than this says why it failed, or ends the daemon.
                self._has_failed = True
            else:
                self._has_failed = False
                self._answered_at_s = trio.current_time()
            await trio.sleep(ASKING_INTERVAL_S)

    def reach_trouble(self) -> str:
        """Say what keeps the store from being used; nothing when it can be."""
        if self._has_failed:
            return "out of reach"
        silence_s = trio.current_time() - self._answered_at_s
        return f"no answer for {silence_s:.0f} s" if silence_s > SILENCE_S else ""

    def schema_trouble(self) -> str:
        """Say what is wrong with the schema, as far as it is known; nothing when it is right."""
        if self._schema is None or self._schema.is_right:
            return ""
        return f"version {self._schema.found}, and this release needs {self._schema.needed}"
