"""Forgets what has been kept long enough: finished jobs, failures, samples of the load (README 22)."""

from collections.abc import Awaitable, Callable, Iterator, Sequence

import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.logs import ErrorLog
from trioworq.manage.resting import with_rest
from trioworq.stores.interface import Store, StoreUnavailable
from trioworq.stores.managing import Chore

# How often the history is looked through, and how many times as long as a look takes there is none.
FINISHED_INTERVAL_S = 2.0
REST_SHARE = 10
# How often the rest is, which is kept for months.
OTHERS_INTERVAL_S = 60.0
# How many rows one look finds, and one transaction removes: pushes wait for no more than these.
LOOK_ROWS = 10_000
PRUNE_ROWS = 500
# How many samples one transaction removes: each may have a thousand rows.
PRUNE_SAMPLES = 5
# How long other nodes leave the history to the one that has begun.
TURN_MS = 1000


@frozen(kw_only=True)
class Retention:
    """How long things are kept, and how many finished jobs of each queue; `failed_ms` None is for good."""

    finished_ms: int
    finished_most: int
    failed_ms: int | None
    load_ms: int


class Pruner:
    """Removes rows a few at a time; of several nodes that see the same history one does it."""

    def __init__(self, *, store: Store, clock: Clock, error_log: ErrorLog, retention: Retention) -> None:
        self._store = store
        self._clock = clock
        self._error_log = error_log
        self._retention = retention

    async def run(self) -> None:
        """Look after everything. Runs until cancelled, which leaves the rest for next time."""
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self._repeat, self._prune_finished, FINISHED_INTERVAL_S)
            tasks.start_soon(self._repeat, self._prune_others, OTHERS_INTERVAL_S)

    async def _repeat(self, prune: Callable[[], Awaitable[float]], interval_s: float) -> None:
        """Prune, which returns how long it has looked, and rest, again and again."""
        while True:
            look_s = 0.0
            began_s = trio.current_time()
            try:
                look_s = await prune()
            except StoreUnavailable as error:
                self._error_log.warning("cannot forget what is outdated; trying again", reason=str(error))
            await trio.sleep_until(max(began_s + interval_s, trio.current_time() + REST_SHARE * look_s))

    async def _prune_finished(self) -> float:
        began_s = trio.current_time()
        ids = await self._look_for_finished()
        look_s = trio.current_time() - began_s
        # Looking writes nothing, so an idle daemon does not.
        if not ids or not await self._store.take_turn(Chore.PRUNE, self._clock.now_ms(), TURN_MS):
            return look_s
        while ids:
            for some in _in_parts(ids):
                async with with_rest():
                    await self._store.forget_finished(some)
            ids = await self._look_for_finished() if len(ids) == LOOK_ROWS else ()
        return look_s

    async def _look_for_finished(self) -> Sequence[int]:
        before_ms = self._clock.now_ms() - self._retention.finished_ms
        return await self._store.outdated_finished(before_ms, self._retention.finished_most, LOOK_ROWS)

    async def _prune_others(self) -> float:
        now_ms = self._clock.now_ms()
        if self._retention.failed_ms is not None:
            before_ms = now_ms - self._retention.failed_ms
            while ids := await self._store.outdated_failures(before_ms, LOOK_ROWS):
                for some in _in_parts(ids):
                    async with with_rest():
                        await self._store.forget_failures(some)
        before_ms = now_ms - self._retention.load_ms
        forgotten = PRUNE_SAMPLES
        while forgotten == PRUNE_SAMPLES:
            async with with_rest():
                forgotten = await self._store.forget_load(before_ms, PRUNE_SAMPLES)
        return 0.0


def _in_parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), PRUNE_ROWS):
        yield ids[start : start + PRUNE_ROWS]
