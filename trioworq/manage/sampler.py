"""Writes down the load at intervals, on one node of a cluster at a time (contract load §4.2)."""

import trio

from trioworq.clock import Clock
from trioworq.core.load import JobCount, Load, LoadSample, load_by_type
from trioworq.logs import ErrorLog
from trioworq.manage.shared import SharedRead
from trioworq.manage.types import number
from trioworq.stores.interface import Store, StoreUnavailable
from trioworq.stores.managing import Chore

# How many job types a sample shows by themselves, the fullest; the others count in its totals alone. Names
# are the clients' choice, and there may be a pull queue for every user of theirs.
SAMPLED_TYPES = 1000

# How often a node looks whether the one that samples has stopped.
WATCH_S = 5.0
# By how much a turn may come early.
TOLERANCE_MS = 200.0
# How long to let a store alone that could not be reached.
STORE_BACK_OFF_S = 1.0


class Sampler:
    """Takes samples: the first at once, unless another node has taken one within the interval."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        counts: SharedRead[list[JobCount]],
        error_log: ErrorLog,
        interval_s: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._counts = counts
        self._error_log = error_log
        self._interval_s = interval_s

    async def run(self) -> None:
        """Take samples. Runs until cancelled, which leaves no half of a sample."""
        is_owed = False
        while True:
            began_s = trio.current_time()
            delay_s = min(self._interval_s, WATCH_S)
            try:
                is_owed = is_owed or await self._take_turn()
                if is_owed:
                    await self._sample()
                    is_owed = False
                    delay_s = self._interval_s
            except StoreUnavailable as error:
                self._error_log.warning("cannot sample the load; trying again", reason=str(error))
                delay_s = STORE_BACK_OFF_S
            await trio.sleep_until(began_s + delay_s)

    async def _take_turn(self) -> bool:
        # A little early is in time: else whoever sampled last would miss its own next turn by a millisecond.
        period_ms = self._interval_s * 1000 - min(TOLERANCE_MS, self._interval_s * 100)
        return await self._store.take_turn(Chore.SAMPLE, self._clock.now_ms(), round(period_ms))

    async def _sample(self) -> None:
        now_ms = self._clock.now_ms()
        loads = load_by_type(await self._counts.get())
        types = await number(self._store, list(loads)[:SAMPLED_TYPES])
        await self._store.add_load(
            LoadSample(
                time_ms=now_ms,
                total=sum(loads.values(), Load()),
                by_type={job_type.id: loads[job_type.type] for job_type in types},
            )
        )
