"""The lines of a node, one for each queue where workers wait; each take serves a whole line."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

import trio

from trioworq.clock import Clock
from trioworq.core.jobs import Kind
from trioworq.core.pull import PullJob, Return, Run, Verdict
from trioworq.logs import ErrorLog
from trioworq.pauses import Pauses
from trioworq.pull.counters import PullCounters
from trioworq.pull.line import Line, Waiter
from trioworq.pull.lookout import STORE_BACK_OFF_S
from trioworq.stores.interface import Store, StoreUnavailable


class Lines:
    """Has workers wait, and takes jobs for them."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        counters: PullCounters,
        error_log: ErrorLog,
        pauses: Pauses,
        tasks: trio.Nursery,
    ) -> None:
        """`tasks` is where lines are attended to, and jobs given back."""
        self._store = store
        self._clock = clock
        self._counters = counters
        self._error_log = error_log
        self._pauses = pauses
        self._tasks = tasks
        self._lines: dict[str, Line] = {}
        # A take that was under way then still brings its jobs, when `tasks` may be closed.
        self._is_over = False

    @property
    def size(self) -> int:
        """How many workers wait."""
        return sum(line.size for line in self._lines.values())

    def sizes(self) -> dict[str, int]:
        """Count those who wait, by queue; queues where nobody does are left out."""
        return {queue: line.size for queue, line in self._lines.items() if line.size}

    async def wait(
        self, queue: str, limit: int, wait_s: float, has_left: Callable[[], bool]
    ) -> Sequence[PullJob]:
        """Return up to `limit` jobs; none if none is due by now, or within `wait_s`, or the queue is paused.

        A worker that `has_left` while it waited is given none. Raises StoreUnavailable. If cancelled: what
        it would have been given goes to others, and counts as never handed out.
        """
        waiter = Waiter(limit, is_patient=wait_s > 0, has_left=has_left)
        line = self._lines.get(queue) or self._open(queue)
        line.join(waiter)
        self._attend_to(line)
        try:
            if waiter.is_patient:
                with trio.move_on_after(wait_s):
                    await waiter.answered.wait()
                line.end(waiter)
            await waiter.answered.wait()
        except trio.Cancelled:
            line.leave(waiter)
            raise
        if waiter.error is not None:
            raise StoreUnavailable(*waiter.error.args) from waiter.error
        return waiter.jobs

    def call(self, queues: Iterable[str], *, is_sure: bool = False) -> bool:
        """Tell those who wait at these queues that there may be a job, or surely is; False if nobody does."""
        lines = [line for queue in queues if (line := self._lines.get(queue)) and line.size]
        for line in lines:
            line.call(is_sure=is_sure)
            self._attend_to(line)
        return bool(lines)

    def waited_for(self) -> list[str]:
        """Name the queues where somebody waits who may be served, and forget those where nobody waits."""
        self._lines = {queue: line for queue, line in self._lines.items() if line.size or line.is_attended}
        return [queue for queue, line in self._lines.items() if not line.is_paused()]

    def pause(self, queue: str) -> None:
        """Let those go who are not kept waiting, as nothing is handed out any more."""
        if line := self._lines.get(queue):
            line.pause()

    def dismiss(self) -> None:
        """Let everybody go, as soon as no take is under way for them."""
        for line in self._lines.values():
            line.dismiss()

    def _open(self, queue: str) -> Line:
        is_paused = partial(self._pauses.is_paused, Kind.PULL, queue)
        line = self._lines[queue] = Line(queue, self._clock.now_ms, self._give_back, is_paused)
        return line

    # Taking.

    def _attend_to(self, line: Line) -> None:
        if line.has_work and not line.is_attended:
            line.is_attended = True
            self._tasks.start_soon(self._attend, line)

    async def _attend(self, line: Line) -> None:
        """Take jobs for a line as long as there is a reason to.

        If cancelled: nobody is told, and jobs that a take under way still brings are left to their leases.
        """
        try:
            while line.has_work:
                if not line.seems_empty or await self._is_due(line):
                    await self._store.take(line)
        except StoreUnavailable as error:
            line.fail(error)
        except trio.Cancelled:
            self._is_over = True
            raise
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

    # What nobody got.

    def _give_back(self, jobs: Collection[PullJob]) -> None:
        if not self._is_over:
            self._tasks.start_soon(self._return, tuple(jobs))

    async def _return(self, jobs: Sequence[PullJob]) -> None:
        """Have jobs wait again. If cancelled: their leases run out by themselves."""
        while True:
            failures: list[tuple[PullJob, StoreUnavailable]] = []
            async with trio.open_nursery() as returns:
                for job in jobs:
                    returns.start_soon(self._return_one, job, failures)
            if len(failures) < len(jobs):
                self.call({job.queue for job in jobs}, is_sure=True)
            if not failures:
                return
            jobs = [job for job, _ in failures]
            reason = str(failures[0][1])
            self._error_log.warning("cannot give back pull jobs; trying again", jobs=len(jobs), reason=reason)
            await trio.sleep(STORE_BACK_OFF_S)

    async def _return_one(self, job: PullJob, failures: list[tuple[PullJob, StoreUnavailable]]) -> None:
        change = Return(queue=job.queue, key=job.key, run=Run(job.id, job.attempt))
        try:
            verdict = await self._store.change(change)
        except StoreUnavailable as error:
            failures.append((job, error))
        else:
            # Else its lease had ended by then.
            self._counters.returned += verdict is Verdict.DONE
