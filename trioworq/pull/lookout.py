"""Looks after what no request announces: leases that end, and jobs that fall due or come from other nodes.

One task and one look serve all queues of a node. Looks are the truth, calls are a hint (design §4).
"""

from collections.abc import Callable, Collection, Iterable, Sequence

import trio

from trioworq.clock import Clock
from trioworq.core.pull import TimedOut
from trioworq.logs import ErrorLog
from trioworq.stores.interface import Outlook, Store, StoreUnavailable

# How often to look for jobs while workers wait for some, and how often for ended leases while none does: a
# lease that ended is noticed within a second (contract pull §2.6).
WAITING_INTERVAL_S = 0.05
IDLE_INTERVAL_S = 0.5
# How many times as long as a look takes there is none: workers may wait at thousands of queues.
PAUSE_SHARE = 4
# How many leases one transaction ends.
EXPIRE_ROWS = 200
# How long to let a store alone that could not be reached.
STORE_BACK_OFF_S = 1.0

# A store that has not answered for so long stood still. No worker could be heard meanwhile: leases that ended
# in that time are left alone for a while after it, so that no try is counted that is none (I4).
STANDSTILL_S = 1.0
LENIENCE_S = 2.0


class Lookout:
    """Finds what is due, and ends leases whose time is over."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        error_log: ErrorLog,
        waited_for: Callable[[], Collection[str]],
        found: Callable[[Iterable[str]], object],
        timed_out: Callable[[Sequence[TimedOut]], None],
    ) -> None:
        """`waited_for` names queues where workers wait; `found` is told which of these have a job.

        `timed_out` is told of the leases that have been ended here.
        """
        self._store = store
        self._clock = clock
        self._error_log = error_log
        self._waited_for = waited_for
        self._found = found
        self._timed_out = timed_out
        self._hurry = trio.Event()
        self._answered_at_s = trio.current_time()
        # Until this time only leases are ended that had ended before the store stood still, at that one.
        self._lenient_until_ms = 0
        self._stood_still_at_ms = 0

    def hurry(self) -> None:
        """Look more often from now on: somebody waits."""
        self._hurry.set()

    async def run(self) -> None:
        """Look again and again. Runs until cancelled; a cancellation leaves nothing behind."""
        while True:
            self._hurry = trio.Event()
            queues = self._waited_for()
            began_s = trio.current_time()
            try:
                outlook = await self._store.outlook(queues)
                took_s = trio.current_time() - began_s
                self._note_answer()
                is_done = await self._end_leases(outlook)
            except StoreUnavailable as error:
                self._error_log.warning("cannot look after pull jobs; trying again", reason=str(error))
                await trio.sleep(STORE_BACK_OFF_S)
                continue
            now_ms = self._clock.now_ms()
            self._found([queue for queue, due_ms in outlook.first_tries_ms.items() if due_ms <= now_ms])
            if is_done:
                await self._pause(outlook, took_s, is_waited_for=bool(queues))

    def _note_answer(self) -> None:
        """Note that the store answers; if it stood still until now, workers are to be heard first."""
        silence_s = trio.current_time() - self._answered_at_s
        self._answered_at_s = trio.current_time()
        if silence_s > STANDSTILL_S:
            now_ms = self._clock.now_ms()
            self._stood_still_at_ms = now_ms - round(silence_s * 1000)
            self._lenient_until_ms = now_ms + round(LENIENCE_S * 1000)

    async def _end_leases(self, outlook: Outlook) -> bool:
        """End leases, a transaction's worth: there may always be more. False when there may be."""
        now_ms = self._clock.now_ms()
        before_ms = self._stood_still_at_ms if now_ms < self._lenient_until_ms else now_ms
        if outlook.first_lease_end_ms is None or outlook.first_lease_end_ms >= before_ms:
            return True
        ended = await self._store.expire_leases(before_ms, EXPIRE_ROWS)
        self._timed_out(ended)
        return len(ended) < EXPIRE_ROWS

    async def _pause(self, outlook: Outlook, took_s: float, *, is_waited_for: bool) -> None:
        """Wait for the next look: until something is due that this one has shown, if that is sooner."""
        now_ms = self._clock.now_ms()
        ends_ms = [] if outlook.first_lease_end_ms is None else [outlook.first_lease_end_ms + 1]
        coming_s = [(due_ms - now_ms) / 1000 for due_ms in (*ends_ms, *outlook.first_tries_ms.values())]
        interval_s = max(WAITING_INTERVAL_S, took_s * PAUSE_SHARE) if is_waited_for else IDLE_INTERVAL_S
        delay_s = min([interval_s, IDLE_INTERVAL_S, *(each for each in coming_s if each > 0)])
        if is_waited_for:
            # Those who join others are looked after already.
            await trio.sleep(delay_s)
            return
        with trio.move_on_after(delay_s):
            await self._hurry.wait()
