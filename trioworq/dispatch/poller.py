"""The poll: finds what no push has announced: delayed jobs, retries, and what other nodes stored.

One task and one statement serve all queues of a node, however many there are; a queue that waits for
work is kicked when something of its own is due. Polling is the truth, kicks are a hint.
"""

from collections.abc import Collection, Mapping

import trio

from trioworq.clock import Clock
from trioworq.dispatch.dispatcher import Dispatcher
from trioworq.dispatch.settling import STORE_BACK_OFF_S
from trioworq.logs import ErrorLog
from trioworq.stores.interface import Store, StoreUnavailable

# How often to look again while no queue waits for work.
IDLE_INTERVAL_MS = 200


async def poll(
    dispatchers: Mapping[str, Dispatcher], *, store: Store, clock: Clock, error_log: ErrorLog
) -> None:
    """Kick each dispatcher that waits for work and has some, at its queue's polling interval.

    Runs until cancelled; a cancellation leaves nothing behind. `dispatchers` may change meanwhile.
    """
    polled_at_ms = clock.now_ms()
    while True:
        waiting = {name: item for name, item in dispatchers.items() if item.is_waiting_for_work}
        intervals = {name: item.definition.polling_interval_ms for name, item in waiting.items()}
        now_ms = clock.now_ms()
        await trio.sleep((next_tick_ms(intervals.values(), now_ms) - now_ms) / 1000)
        now_ms = clock.now_ms()
        turn = [name for name in waiting if has_tick(intervals[name], polled_at_ms, now_ms)]
        polled_at_ms = now_ms
        if not turn:
            continue
        try:
            due = set(await store.due_queues(now_ms))
        except StoreUnavailable as error:
            error_log.warning("cannot look for due jobs; trying again", reason=str(error))
            await trio.sleep(STORE_BACK_OFF_S)
            continue
        for name in due.intersection(turn):
            waiting[name].kick()


def next_tick_ms(intervals_ms: Collection[int], now_ms: int) -> int:
    """Return when the next of the intervals ends.

    Intervals are counted from the epoch, so that queues with equal ones are polled together.
    """
    return min((now_ms // interval + 1) * interval for interval in (*intervals_ms, IDLE_INTERVAL_MS))


def has_tick(interval_ms: int, since_ms: int, now_ms: int) -> bool:
    """Whether an end of the interval lies after `since_ms` and not after `now_ms`."""
    return now_ms // interval_ms > since_ms // interval_ms
