"""Failed jobs of both kinds: listed, run again, removed (contract jobs §3.1, README 20)."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.core.failures import (
    CannotRequeue,
    FailureFilter,
    FailureName,
    NotFailed,
    Requeued,
    explain,
)
from trioworq.core.jobs import INT64_MAX, FailedJob, read_job_id
from trioworq.logs import ErrorLog
from trioworq.manage.resting import with_rest
from trioworq.stores.interface import Store, StoreUnavailable

# How many failures one transaction changes: pushes wait for no more than these.
SWEEP_ROWS = 200
# And it may take this long at the most, also while the daemon stops.
TRANSACTION_S = 5.0


@frozen
class Swept:
    """What has become of the failures that a filter named: job ids, and of some why nothing was done."""

    done: Sequence[int]
    errors: Sequence[tuple[int, str]] = ()

    @property
    def total(self) -> int:
        """How many failures were looked at."""
        return len(self.done) + len(self.errors)


def _tell_nobody(_part: Swept) -> None:
    pass


class FailedJobs:
    """The failed store as the web sees it. Each method may raise StoreUnavailable."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        error_log: ErrorLog,
        requeued: Callable[[Iterable[FailureName]], None],
    ) -> None:
        """`requeued` is told which jobs wait again."""
        self._store = store
        self._clock = clock
        self._error_log = error_log
        self._requeued = requeued

    async def list(self, wanted: FailureFilter, offset: int, limit: int) -> Sequence[FailedJob]:
        """Return failures, the oldest first; fewer than `limit` at the end, or where they are large."""
        return await self._store.failed_jobs(wanted, offset, limit)

    async def count(self, wanted: FailureFilter) -> int:
        """Count failures."""
        return await self._store.count_failures(wanted)

    async def retry(self, job_id: str) -> None:
        """Have a failed job wait again under its id, as if it had never been tried.

        Raises NotFailed, CannotRequeue. If cancelled: it may wait again all the same.
        """
        ids = await self._ids_of(job_id)
        (requeued,) = await self._store.retry_failures(ids, self._clock.now_ms())
        if requeued is None:
            raise NotFailed(job_id)
        if requeued.obstacle is not None:
            raise CannotRequeue(requeued)
        self._requeued([requeued.name])
        self._error_log.info("failed job requeued", id=requeued.name.job_id, queue=requeued.name.queue)

    async def delete(self, job_id: str) -> None:
        """Remove a failed job for good. Raises NotFailed. If cancelled: it may be removed all the same."""
        (name,) = await self._store.forget_failures(await self._ids_of(job_id))
        if name is None:
            raise NotFailed(job_id)
        self._error_log.info("failed job deleted", id=name.job_id, queue=name.queue)

    async def newest_id(self) -> int:
        """Return the greatest id of a failure, 0 if there is none: what fails later has a greater one."""
        return await self._store.newest_failure_id()

    async def retry_all(self, wanted: FailureFilter, tell: Callable[[Swept], None] = _tell_nobody) -> Swept:
        """Have failed jobs wait again, transaction by transaction; say which, and why others do not.

        What fails again meanwhile is left. Each transaction is told of when it is durable. If cancelled:
        those wait again that have been told of, as long as the store answers.
        """
        done: list[int] = []
        errors: list[tuple[int, str]] = []

        async def retry(failure_ids: Sequence[int]) -> None:
            outcomes = await self._store.retry_failures(failure_ids, self._clock.now_ms())
            found = [requeued for requeued in outcomes if requeued is not None]
            waiting = [requeued.name for requeued in found if requeued.obstacle is None]
            part = Swept(
                [name.job_id for name in waiting],
                [_error(requeued) for requeued in found if requeued.obstacle is not None],
            )
            done.extend(part.done)
            errors.extend(part.errors)
            self._requeued(waiting)
            tell(part)

        try:
            await self._sweep(wanted, retry)
        finally:
            # Of one that was cut short, by a client that left or a store that is away, nothing else tells.
            self._error_log.info("failed jobs requeued", jobs=len(done), errors=len(errors))
        return Swept(done, errors)

    async def clear(self, wanted: FailureFilter, tell: Callable[[Swept], None] = _tell_nobody) -> Swept:
        """Remove failed jobs for good, transaction by transaction; say which.

        Each transaction is told of when it is durable. If cancelled: those are removed that have been told
        of, as long as the store answers.
        """
        done: list[int] = []

        async def forget(failure_ids: Sequence[int]) -> None:
            names = await self._store.forget_failures(failure_ids)
            part = Swept([name.job_id for name in names if name is not None])
            done.extend(part.done)
            tell(part)

        try:
            await self._sweep(wanted, forget)
        finally:
            self._error_log.info("failed jobs deleted", jobs=len(done))
        return Swept(done)

    async def _sweep(self, wanted: FailureFilter, act: Callable[[Sequence[int]], Awaitable[None]]) -> None:
        """Go through the failures that are there by now, the oldest first.

        If cancelled: ends after the transaction that is under way, since it is carried out anyhow, and what
        it does is to be told. Raises StoreUnavailable if it takes too long.
        """
        until_id = await self._store.newest_failure_id()
        after_id = 0
        while ids := await self._store.failure_ids(wanted, after_id, until_id, SWEEP_ROWS):
            async with with_rest():
                try:
                    with trio.fail_after(TRANSACTION_S, shield=True):
                        await act(ids)
                except trio.TooSlowError:
                    raise StoreUnavailable("a transaction took too long") from None
            after_id = ids[-1]

    async def _ids_of(self, job_id: str) -> Sequence[int]:
        """Return the failure of a job. Raises NotFailed."""
        number = read_job_id(job_id)
        if number is None:
            raise NotFailed(job_id)
        ids = await self._store.failure_ids(FailureFilter(job_id=number), 0, INT64_MAX, 1)
        if not ids:
            raise NotFailed(job_id)
        return ids


def _error(requeued: Requeued) -> tuple[int, str]:
    return requeued.name.job_id, explain(requeued)
