"""The pull side as the web sees it: jobs come in, workers fetch them under a lease, keep it and end it."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from trioworq.clock import Clock
from trioworq.core.errors import JobExists, NoSuchJob, StaleRun
from trioworq.core.pull import (
    Completion,
    Heartbeat,
    PullChange,
    PullJob,
    PullOrder,
    Return,
    Run,
    TimedOut,
    Verdict,
)
from trioworq.logs import Logs
from trioworq.pull.counters import PullCounters
from trioworq.pull.line import Line, Waiter
from trioworq.pull.lookout import Lookout
from trioworq.stores.interface import Store, StoreUnavailable

# How long giving back jobs that nobody got may take at the end.
GIVE_BACK_TIMEOUT_S = 5.0
# How long to let a store alone that could not be reached.
STORE_BACK_OFF_S = 1.0


def _stays() -> bool:
    return False


class PullJobs:
    """Every pull queue; there are no definitions, a queue is there as long as it has jobs.

    Each method may raise StoreUnavailable, with nothing changed.
    """

    def __init__(self, *, store: Store, clock: Clock, logs: Logs, tasks: trio.Nursery) -> None:
        """`tasks` is where the lines are attended to, and jobs given back."""
        self.counters = PullCounters()
        self._store = store
        self._clock = clock
        self._logs = logs
        self._tasks = tasks
        self._lines: dict[str, Line] = {}
        self._is_leaving = False
        self._lookout = Lookout(
            store=store,
            clock=clock,
            error_log=logs.error,
            waited_for=self._waited_for,
            found=partial(self._call, is_sure=True),
            timed_out=self._report,
        )

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
        if self._call(due, is_sure=True):
            # Lets the take come along: it finds the jobs of its own transaction.
            await trio.lowlevel.checkpoint()
        ids = await self._store.enqueue(jobs)
        for job, job_id in zip(jobs, ids, strict=True):
            if job_id is not None:
                self.counters.enqueued += 1
                self._logs.pull.enqueued(job, job_id)
        self._call(due)
        return ids

    # Workers.

    async def fetch(
        self, queue: str, limit: int, wait_s: float = 0, has_left: Callable[[], bool] = _stays
    ) -> Sequence[PullJob]:
        """Hand out up to `limit` due jobs, ordered by (priority, run_at, id).

        When none is due, waits up to `wait_s` for one, or until the daemon stops. `has_left` tells whether
        the client has hung up while it waited: then it is given none. If cancelled: what it would have
        been given goes to others, and counts as never handed out.
        """
        if limit <= 0 or self._is_leaving:
            await trio.lowlevel.checkpoint()
            return ()
        waiter = Waiter(limit, is_patient=wait_s > 0, has_left=has_left)
        line = self._lines.get(queue) or self._open_line(queue)
        line.join(waiter)
        self._attend_to(line)
        try:
            if waiter.is_patient:
                self._lookout.hurry()
                with trio.move_on_after(wait_s):
                    await waiter.answered.wait()
                line.lose_patience(waiter)
            await waiter.answered.wait()
        except trio.Cancelled:
            line.leave(waiter)
            raise
        if waiter.error is not None:
            raise StoreUnavailable(*waiter.error.args) from waiter.error
        self.counters.fetched += len(waiter.jobs)
        for job in waiter.jobs:
            self._logs.pull.fetched(job)
        return waiter.jobs

    async def heartbeat(
        self, queue: str, key: str, saved_state: bytes | None = None, run: Run | None = None
    ) -> None:
        """Keep a lease; `saved_state` None leaves what is saved. Raises NoSuchJob, StaleRun."""
        now_ms = self._clock.now_ms()
        await self._change(Heartbeat(queue=queue, key=key, now_ms=now_ms, saved_state=saved_state, run=run))
        self.counters.heartbeats += 1

    async def complete(self, queue: str, key: str, run: Run | None = None) -> None:
        """End a job for good. Raises NoSuchJob, StaleRun."""
        await self._change(Completion(queue=queue, key=key, run=run))
        self.counters.completed += 1
        self._logs.pull.completed(queue, key)

    async def reschedule(self, order: PullOrder, run: Run | None = None) -> None:
        """Have a job that is handed out wait again. Raises NoSuchJob, StaleRun, InvalidRequest."""
        now_ms = self._clock.now_ms()
        change = order.rescheduling(now_ms, run)
        await self._change(change)
        self.counters.rescheduled += 1
        self._logs.pull.rescheduled(change)
        if change.run_at_ms <= now_ms:
            self._call([order.queue])

    async def job(self, queue: str, key: str) -> PullJob:
        """Return a job, handed out or not. Raises NoSuchJob."""
        job = await self._store.pull_job(queue, key)
        if job is None:
            raise NoSuchJob(queue, key)
        return job

    async def _change(self, change: PullChange) -> None:
        match await self._store.change(change):
            case Verdict.ABSENT:
                raise NoSuchJob(change.queue, change.key)
            case Verdict.STALE:
                raise StaleRun(change.queue, change.key)

    # Lines.

    @property
    def waiting_workers(self) -> int:
        """How many workers wait for a job right now."""
        return sum(line.size for line in self._lines.values())

    def _open_line(self, queue: str) -> Line:
        line = self._lines[queue] = Line(queue, self._clock.now_ms, self._give_back)
        return line

    def _waited_for(self) -> list[str]:
        """Name the queues where somebody waits, and forget where nobody does."""
        idle = [queue for queue, line in self._lines.items() if line.is_empty and not line.is_attended]
        for queue in idle:
            del self._lines[queue]
        return list(self._lines)

    def _call(self, queues: Iterable[str], *, is_sure: bool = False) -> bool:
        """Tell those who wait at these queues that there may be a job, or surely is; False if nobody does."""
        lines = [line for queue in queues if (line := self._lines.get(queue)) and not line.is_empty]
        for line in lines:
            line.call(is_sure=is_sure)
            self._attend_to(line)
        return bool(lines)

    def _attend_to(self, line: Line) -> None:
        if not line.is_attended:
            line.is_attended = True
            self._tasks.start_soon(self._attend, line)

    async def _attend(self, line: Line) -> None:
        """Take jobs for a line as long as there is a reason to. If cancelled: nobody is told."""
        try:
            while line.has_work:
                if line.seems_empty and not await self._is_due(line):
                    continue
                await self._store.take(line)
        except StoreUnavailable as error:
            line.fail(error)
        finally:
            line.is_attended = False

    async def _is_due(self, line: Line) -> bool:
        """Look before taking, as a look writes nothing; without a job, answer those who asked."""
        take = line.ask()
        outlook = await self._store.outlook([line.queue])
        first_try_ms = outlook.first_tries_ms.get(line.queue)
        if take is None or first_try_ms is None or first_try_ms > take.now_ms:
            line.take(())
            return False
        line.call()
        return True

    # What nobody got, and what timed out.

    def _give_back(self, jobs: Collection[PullJob]) -> None:
        self._tasks.start_soon(self._return, tuple(jobs))

    async def _return(self, jobs: Sequence[PullJob]) -> None:
        """Have jobs wait again that nobody got. If cancelled: their leases run out by themselves."""
        async with trio.open_nursery() as returns:
            for job in jobs:
                returns.start_soon(self._return_one, job)
        self._call({job.queue for job in jobs}, is_sure=True)

    async def _return_one(self, job: PullJob) -> None:
        change = Return(queue=job.queue, key=job.key, run=Run(job.id, job.attempt))
        while True:
            try:
                await self._store.change(change)
            except StoreUnavailable as error:
                reason = str(error)
            else:
                self.counters.returned += 1
                return
            self._logs.error.warning("cannot give back a pull job; trying again", id=job.id, reason=reason)
            await trio.sleep(STORE_BACK_OFF_S)

    def _report(self, jobs: Sequence[TimedOut]) -> None:
        """Count and log leases that ended, and tell those who wait of the jobs that wait again."""
        for job in jobs:
            if job.is_failed:
                self.counters.failed += 1
            else:
                self.counters.timed_out += 1
            self._logs.pull.timed_out(job)
        self._call({job.queue for job in jobs if not job.is_failed}, is_sure=True)

    # The end.

    def leave(self) -> None:
        """Hand out no more jobs, and let those who wait for one go; all else is still done."""
        self._is_leaving = True
        for line in self._lines.values():
            line.dismiss()

    async def look_out(self) -> None:
        """Notice leases that end and jobs that fall due. Runs until cancelled."""
        await self._lookout.run()


@asynccontextmanager
async def open_pull(*, store: Store, clock: Clock, logs: Logs) -> AsyncIterator[PullJobs]:
    """Run the pull side of this node.

    Tasks: the lookout; for a queue where workers wait, one that takes jobs for them; for jobs that nobody
    got, one that gives them back. Stops when: the body ends, and what is to be given back has been, within
    GIVE_BACK_TIMEOUT_S. Raises: whatever the body raises, and StoreBroken.
    """
    async with trio.open_nursery() as tasks:
        pull = PullJobs(store=store, clock=clock, logs=logs, tasks=tasks)
        async with trio.open_nursery() as watch:
            watch.start_soon(pull.look_out)
            yield pull
            watch.cancel_scope.cancel(reason="the daemon stops")
        pull.leave()
        tasks.cancel_scope.deadline = trio.current_time() + GIVE_BACK_TIMEOUT_S
