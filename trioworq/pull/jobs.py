"""The pull side as the web sees it: jobs come in, workers fetch them under a lease, keep it and end it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from trioworq.clock import Clock
from trioworq.core.errors import JobExists, NoSuchJob, StaleRun
from trioworq.core.jobs import Kind
from trioworq.core.pull import (
    Completion,
    Heartbeat,
    PullChange,
    PullJob,
    PullOrder,
    Run,
    TimedOut,
    Verdict,
)
from trioworq.logs import Logs
from trioworq.pauses import Pauses
from trioworq.pull.counters import PullCounters
from trioworq.pull.lines import Lines
from trioworq.pull.lookout import Lookout
from trioworq.stores.interface import Store

# How long giving back jobs that nobody got may take at the end.
GIVE_BACK_TIMEOUT_S = 5.0


def _stays() -> bool:
    return False


class PullJobs:
    """Every pull queue; there are no definitions, a queue is there as long as it has jobs.

    Each method may raise StoreUnavailable, with nothing changed.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        logs: Logs,
        pauses: Pauses,
        is_remembered: bool,
        tasks: trio.Nursery,
    ) -> None:
        """`is_remembered` is whether there is a history of finished jobs.

        `tasks` is where jobs are taken for workers that wait.
        """
        self.counters = PullCounters()
        self._store = store
        self._clock = clock
        self._log = logs.pull
        self._pauses = pauses
        self._is_remembered = is_remembered
        self._is_leaving = False
        self._lines = Lines(
            store=store,
            clock=clock,
            counters=self.counters,
            error_log=logs.error,
            pauses=pauses,
            tasks=tasks,
        )
        self._lookout = Lookout(
            store=store,
            clock=clock,
            error_log=logs.error,
            waited_for=self._lines.waited_for,
            found=partial(self._lines.call, is_sure=True),
            timed_out=self._report,
        )
        pauses.tell(self._hear_of_pause)

    # Jobs come in.

    async def enqueue(self, order: PullOrder) -> int:
        """Store a job and return its id once it is durable.

        Raises JobExists, InvalidRequest. If cancelled: it may be stored all the same.
        """
        (job_id,) = await self.enqueue_many((order,))
        if job_id is None:
            raise JobExists(order.queue, order.key)
        return job_id

    async def enqueue_many(self, orders: Sequence[PullOrder]) -> list[int | None]:
        """Store jobs in one transaction; return their ids, None where a queue has a job of that name.

        Of two in the same call with the same name the first wins. Raises InvalidRequest, with nothing
        stored. If cancelled: all or none of them may be stored all the same.
        """
        now_ms = self._clock.now_ms()
        jobs = [order.accepted(now_ms) for order in orders]
        due = {job.queue for job in jobs if job.run_at_ms <= now_ms}
        if self._lines.call(due, is_sure=True):
            # Lets the take come along: it finds the jobs of its own transaction.
            await trio.lowlevel.checkpoint()
        ids = await self._store.enqueue(jobs)
        for job, job_id in zip(jobs, ids, strict=True):
            if job_id is not None:
                self.counters.enqueued += 1
                self.counters.recent(job.queue).enqueued += 1
                self._log.enqueued(job, job_id)
        # In case that the take was a transaction ahead.
        self._lines.call(due)
        return ids

    def call(self, queues: Iterable[str]) -> None:
        """Tell workers of this node that a job waits in these queues: it came by another way."""
        self._lines.call(queues, is_sure=True)

    # Workers.

    @property
    def waiting_workers(self) -> int:
        """How many workers wait for a job right now."""
        return self._lines.size

    def waiting_by_queue(self) -> Mapping[str, int]:
        """Count those workers by the queue that they wait at."""
        return self._lines.sizes()

    async def fetch(
        self, queue: str, limit: int, wait_s: float = 0, has_left: Callable[[], bool] = _stays
    ) -> Sequence[PullJob]:
        """Hand out up to `limit` due jobs, ordered by (priority, run_at, id).

        When none is due, or the queue is paused, waits up to `wait_s` for one, or until the daemon stops.
        `has_left` tells whether the client has hung up while it waited: then it is given none. If
        cancelled: what it would have been given goes to others, and counts as never handed out.
        """
        if limit <= 0 or self._is_leaving:
            await trio.lowlevel.checkpoint()
            return ()
        if wait_s > 0:
            self._lookout.hurry()
        jobs = await self._lines.wait(queue, limit, wait_s, has_left)
        self.counters.fetched += len(jobs)
        for job in jobs:
            self._log.fetched(job)
        return jobs

    async def heartbeat(
        self, queue: str, key: str, saved_state: bytes | None = None, run: Run | None = None
    ) -> None:
        """Keep a lease; `saved_state` None leaves what is saved. Raises NoSuchJob, StaleRun."""
        now_ms = self._clock.now_ms()
        await self._change(Heartbeat(queue=queue, key=key, now_ms=now_ms, saved_state=saved_state, run=run))
        self.counters.heartbeats += 1

    async def complete(self, queue: str, key: str, run: Run | None = None) -> None:
        """End a job for good. Raises NoSuchJob, StaleRun."""
        finished_at_ms = self._clock.now_ms() if self._is_remembered else None
        await self._change(Completion(queue=queue, key=key, run=run, finished_at_ms=finished_at_ms))
        self.counters.completed += 1
        self.counters.recent(queue).completed += 1
        self._log.completed(queue, key)

    async def delete(self, job: PullJob) -> None:
        """Remove a job that has not ended, handed out or not, and do not remember it. Raises NoSuchJob.

        Its worker learns of it with its next heartbeat. If cancelled: it may be removed all the same.
        """
        await self._change(Completion(queue=job.queue, key=job.key, job_id=job.id))
        self._log.deleted(job)

    async def reschedule(self, order: PullOrder, run: Run | None = None) -> None:
        """Have a job that is handed out wait again. Raises NoSuchJob, StaleRun, InvalidRequest."""
        now_ms = self._clock.now_ms()
        change = order.rescheduling(now_ms, run)
        await self._change(change)
        self.counters.rescheduled += 1
        self._log.rescheduled(change)
        if change.run_at_ms <= now_ms:
            self._lines.call([order.queue], is_sure=True)

    async def job(self, queue: str, key: str) -> PullJob:
        """Return a job, handed out or not. Raises NoSuchJob."""
        job = await self._store.pull_job(queue, key)
        if job is None:
            raise NoSuchJob(queue, key)
        return job

    async def _change(self, change: PullChange) -> None:
        """Have the store carry out a change. If cancelled: it may be carried out all the same."""
        match await self._store.change(change):
            case Verdict.ABSENT:
                raise NoSuchJob(change.queue, change.key)
            case Verdict.STALE:
                raise StaleRun(change.queue, change.key)

    def _report(self, jobs: Sequence[TimedOut]) -> None:
        """Count and log leases that ended, and tell those who wait of the jobs that wait again."""
        for job in jobs:
            if job.is_failed:
                self.counters.failed += 1
            else:
                self.counters.timed_out += 1
            self.counters.recent(job.queue).failed += 1
            self._log.timed_out(job)
        self._lines.call({job.queue for job in jobs if not job.is_failed}, is_sure=True)

    def _hear_of_pause(self, kind: Kind, queue: str) -> None:
        if kind is not Kind.PULL:
            return
        if self._pauses.is_paused(kind, queue):
            self._lines.pause(queue)
        else:
            self._lines.call([queue], is_sure=True)
            self._lookout.hurry()

    async def look_out(self) -> None:
        """Notice leases that end and jobs that fall due. Runs until cancelled."""
        await self._lookout.run()

    def leave(self) -> None:
        """Hand out no more jobs, and let those who wait for one go; all else is still done."""
        self._is_leaving = True
        self._lines.dismiss()


@asynccontextmanager
async def open_pull(
    *, store: Store, clock: Clock, logs: Logs, pauses: Pauses, is_remembered: bool = True
) -> AsyncIterator[PullJobs]:
    """Run the pull side of this node.

    Tasks: the lookout; for a queue where workers wait, one that takes jobs for them; for jobs that nobody
    got, one that gives them back. Stops when: the body ends, and what is to be given back has been, within
    GIVE_BACK_TIMEOUT_S. Raises: whatever the body raises, and StoreBroken.
    """
    async with trio.open_nursery() as tasks:
        pull = PullJobs(
            store=store,
            clock=clock,
            logs=logs,
            pauses=pauses,
            is_remembered=is_remembered,
            tasks=tasks,
        )
        async with trio.open_nursery() as watch:
            watch.start_soon(pull.look_out)
            yield pull
            watch.cancel_scope.cancel(reason="the daemon stops")
        pull.leave()
        tasks.cancel_scope.deadline = trio.current_time() + GIVE_BACK_TIMEOUT_S
