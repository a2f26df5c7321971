"""What follows from an attempt: stored, however long the store is away; then counted and logged."""

import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.core import retry
from trioworq.core.jobs import Job
from trioworq.core.results import Result
from trioworq.core.stats import QueueCounters
from trioworq.logs import ErrorLog, QueueLog
from trioworq.stores.interface import Store, StoreUnavailable

# How long to let a store alone that could not be reached.
STORE_BACK_OFF_S = 1.0


@frozen(kw_only=True)
class Settler:
    """Ends the attempts of one queue's jobs: as long as this node lives, nobody else will."""

    _store: Store
    _clock: Clock
    _counters: QueueCounters
    _queue_log: QueueLog
    _error_log: ErrorLog
    _is_remembered: bool

    async def settle(self, job: Job, result: Result) -> None:
        """Store what follows from a verdict; then count and log it.

        Nothing follows when the job was deleted or has a new owner meanwhile. Raises StoreBroken.
        If cancelled: it may be stored all the same, and is then neither counted nor logged.
        """
        now_ms = self._clock.now_ms()
        settlement = retry.settle(job, result, now_ms, is_remembered=self._is_remembered)
        is_current = await self._insist(settlement)
        if not is_current:
            self._error_log.info("outcome dropped: the job was deleted or has a new owner", id=job.id)
            return
        elapsed_ms = self._clock.now_ms() - job.created_at_ms
        match settlement:
            case retry.Completed():
                self._counters.succeeded(elapsed_ms)
                self._queue_log.completed(job, result)
            case retry.Failed():
                self._counters.failed(elapsed_ms)
                self._queue_log.completed(job, result)
            case retry.Retried():
                self._counters.retried()
                self._queue_log.retried(job, result)

    async def release(self, job: Job) -> None:
        """Put a job that was not called, or was cut off, back to waiting, with nothing counted against it.

        Raises StoreBroken. If cancelled: it may be put back all the same; may be done again.
        """
        if await self._insist(retry.Released(job.id, job.attempt)):
            self._counters.released()

    async def _insist(self, settlement: retry.Settlement) -> bool:
        while True:
            try:
                return await self._store.settle(settlement)
            except StoreUnavailable as error:
                reason = str(error)
            self._error_log.warning("cannot settle a job; trying again", id=settlement.job_id, reason=reason)
            await trio.sleep(STORE_BACK_OFF_S)
