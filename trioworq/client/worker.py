"""A worker: fetches jobs, has them handled, keeps their leases meanwhile, and completes them."""

import inspect
import logging
import random
import signal
from collections.abc import Awaitable, Callable, Collection
from typing import cast

import trio

from trioworq.client import transport
from trioworq.client.asynchronous import AsyncClient
from trioworq.client.errors import ClientError, Refused
from trioworq.client.leases import Lease, Run
from trioworq.client.retries import Retry
from trioworq.client.values import Job

logger = logging.getLogger("trioworq.client")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# How long a poll may go on when the worker is to stop: jobs that are on their way are not to be lost, as
# their leases would have to end first. A poll that brings nothing until then is one that waits for jobs.
LAST_POLL_S = 0.5
# How long those handlers' jobs have to be completed that end when they are told to.
LAST_WORDS_S = 5.0
# Between polls that bring nothing and were not held, and after those that failed.
_PACE = Retry(first_delay_s=0.1, max_delay_s=1.0)

Handler = Callable[[Run], object]
OnError = Callable[[Run, Exception], Awaitable[None]]


async def leave_to_lease(_run: Run, _error: Exception) -> None:
    """Say nothing of a job that failed: its lease ends, which counts the try, and decides on the next."""
    await trio.lowlevel.checkpoint()


class Worker:
    """Works on the jobs of one queue, up to `concurrency` at a time, until it is stopped; runs once.

    `handler` gets a `Run`. It is an async function, or a plain one, which runs in a thread. When it returns
    the job is completed, unless it has rescheduled it. When it raises, that is logged and `on_error` called:
    by default the job is left to its lease, so that the daemon counts a failed try. When the lease is lost
    the handler is cancelled; a thread cannot be and is waited for, but `trio.from_thread.check_cancelled()`
    tells it. Up to `num_jobs` are fetched at once, never more than there are free hands, and each poll waits
    up to `wait_s` seconds for one.
    """

    def __init__(
        self,
        client: AsyncClient,
        queue: str,
        handler: Handler,
        *,
        concurrency: int = 10,
        num_jobs: int = 100,
        wait_s: int = 20,
        drain_s: float = 30.0,
        on_error: OnError = leave_to_lease,
    ) -> None:
        if min(concurrency, num_jobs) < 1:
            raise ValueError("a worker has at least one hand, and fetches at least one job")
        if inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler):
            # A call of it does nothing, and the job would be completed all the same.
            raise TypeError("a handler that yields is none")
        self._client = client
        self._queue = queue
        self._concurrency = concurrency
        self._num_jobs = num_jobs
        self._wait_s = wait_s
        self._drain_s = drain_s
        self._on_error = on_error
        self._fetching = trio.CancelScope()
        self._is_stopping = False
        self._hands = trio.Semaphore(concurrency, max_value=concurrency)
        self._call = _as_async(handler, trio.CapacityLimiter(concurrency))
        self._leases: set[Lease] = set()

    def stop(self) -> None:
        """Ask for no more jobs; `run` ends when those at hand are done, or `drain_s` seconds from now.

        To be called within Trio, also before `run`. A poll that is under way has half a second to bring what
        it was given; a job that is handed out in the moment in which it is given up is left to its lease.
        """
        self._is_stopping = True
        self._fetching.deadline = trio.current_time() + LAST_POLL_S

    async def run(
        self,
        *,
        stops_on: Collection[signal.Signals] = (),
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Work until stopped, by `stop` or one of the signals; a second signal does what it does by default.

        Handlers that have not ended `drain_s` seconds after that are cancelled, and their jobs left to their
        leases. That the daemon is away is waited out.

        Tasks: the signals' receiver; in a nursery inside, one task for each job.
        Stops when: it was stopped and no job is at hand.
        Raises: Refused when jobs cannot be fetched at all; jobs at hand are finished first.
        If cancelled: handlers are cancelled, and their jobs left to their leases.
        """
        async with trio.open_nursery() as listening:
            if stops_on:
                await listening.start(self._stop_on, stops_on)
            task_status.started()
            refusal = await self._work()
            listening.cancel_scope.cancel()
        if refusal is not None:
            raise refusal

    async def _stop_on(self, signals: Collection[signal.Signals], task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(*signals) as received:
            task_status.started()
            async for number in received:
                logger.info("stopping on %s", signal.Signals(number).name)
                break
        self.stop()

    async def _work(self) -> Refused | None:
        """Fetch until stopped, then drain; return what made fetching hopeless, if anything did."""
        refusal: Refused | None = None
        async with trio.open_nursery() as jobs:
            with self._fetching:
                refusal = await self._fetch(jobs)
            with trio.move_on_after(self._drain_s):
                await self._wait_for_all_hands()
            for lease in self._leases:
                lease.give_up("the worker stops")
            jobs.cancel_scope.deadline = trio.current_time() + LAST_WORDS_S
        return refusal

    async def _wait_for_all_hands(self) -> None:
        for _ in range(self._concurrency):
            await self._hands.acquire()

    async def _fetch(self, jobs: trio.Nursery) -> Refused | None:
        in_vain = 0
        while not self._is_stopping:
            began_at = trio.current_time()
            fetched = await self._try_to_fetch(jobs)
            if isinstance(fetched, Refused):
                return fetched
            is_early = trio.current_time() - began_at < max(self._wait_s / 2, 0.5)
            in_vain = in_vain + 1 if is_early and not fetched else 0
            if in_vain:
                await trio.sleep(_PACE.delay_s(in_vain, random.random()))  # noqa: S311  # no secret
        return None

    async def _try_to_fetch(self, jobs: trio.Nursery) -> int | Refused:
        try:
            return await self._fetch_some(jobs)
        except Refused as error:
            return error
        except ClientError as error:
            logger.warning("no jobs from queue %r: %s", self._queue, error)
            return 0

    async def _fetch_some(self, jobs: trio.Nursery) -> int:
        """Fetch as many jobs as there are free hands, wait for one if there is none, and start them."""
        free = await self._take_free_hands()
        fetched: list[Job] = []
        try:
            if not self._is_stopping:
                # More than were asked for would be in no hands; they are left to their leases.
                fetched = (await self._client.next(self._queue, free, self._wait_s))[:free]
        finally:
            for _ in range(free - len(fetched)):
                self._hands.release()
        for job in fetched:
            lease = Lease(self._client, job)
            self._leases.add(lease)
            jobs.start_soon(self._work_on, lease)
        return len(fetched)

    async def _take_free_hands(self) -> int:
        await self._hands.acquire()
        taken = 1
        while taken < self._num_jobs and self._hands.value:
            self._hands.acquire_nowait()
            taken += 1
        return taken

    async def _work_on(self, lease: Lease) -> None:
        """Handle one job and complete it.

        Tasks: its heartbeats, beside the handler. Stops when: the handler has ended. Raises: nothing.
        """
        try:
            async with trio.open_nursery() as heartbeats:
                heartbeats.start_soon(lease.keep)
                is_done = await self._handle(lease)
                heartbeats.cancel_scope.cancel()
            if is_done:
                await self._complete(lease.job)
        finally:
            self._leases.discard(lease)
            self._hands.release()

    async def _handle(self, lease: Lease) -> bool:
        """Have a job handled within its lease; return whether it is to be completed."""
        job = lease.job
        try:
            with lease.scope:
                return await self._is_handled(Run(self._client, lease))
        except Exception:
            # What `on_error` raises, or a handler's own nursery that was cancelled and failed at once.
            logger.exception("job %r of queue %r failed", job.id, job.queue)
            return False
        logger.warning("job %r of queue %r was cut off: %s", job.id, job.queue, lease.why_lost)
        return False

    async def _is_handled(self, run: Run) -> bool:
        failure = await self._failure_of(run)
        if failure is None:
            return not run.is_rescheduled
        await self._on_error(run, failure)
        return False

    async def _failure_of(self, run: Run) -> Exception | None:
        try:
            await self._call(run)
        except Exception as error:
            logger.exception("job %r of queue %r failed", run.job.id, run.job.queue)
            return error
        return None

    async def _complete(self, job: Job) -> None:
        try:
            await self._client.complete(job)
        except ClientError as error:
            logger.warning("job %r of queue %r is done, but not completed: %s", job.id, job.queue, error)


def run_worker(
    queue: str,
    handler: Handler,
    *,
    base_url: str = transport.BASE_URL,
    token: str | None = None,
    concurrency: int = 10,
    num_jobs: int = 100,
    wait_s: int = 20,
    drain_s: float = 30.0,
    on_error: OnError = leave_to_lease,
) -> None:
    """Run a `Worker` in a program that does nothing else, until SIGTERM or SIGINT. Raises Refused."""

    async def work() -> None:
        async with AsyncClient(base_url, token=token) as client:
            worker = Worker(
                client,
                queue,
                handler,
                concurrency=concurrency,
                num_jobs=num_jobs,
                wait_s=wait_s,
                drain_s=drain_s,
                on_error=on_error,
            )
            await worker.run(stops_on=STOP_SIGNALS)

    trio.run(work)


def _as_async(handler: Handler, threads: trio.CapacityLimiter) -> Callable[[Run], Awaitable[object]]:
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        return cast("Callable[[Run], Awaitable[object]]", handler)

    async def call(run: Run) -> object:
        return await trio.to_thread.run_sync(handler, run, limiter=threads)

    return call
