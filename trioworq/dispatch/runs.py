"""The jobs of a queue that are in this node's hands: called, then settled; what is cut off is given back."""

from collections.abc import Callable
from typing import Protocol

import trio
from attrs import define, field

from trioworq.clock import Clock
from trioworq.core.jobs import Job
from trioworq.core.results import Result
from trioworq.core.stats import QueueCounters
from trioworq.dispatch.settling import Settler
from trioworq.dispatch.slots import Slots
from trioworq.logs import ErrorLog, QueueLog

# How long giving back the jobs that are cut off may take.
RELEASE_TIMEOUT_S = 5.0


class Caller(Protocol):
    """Calls workers."""

    async def post(
        self, url: str, body: bytes, timeout_s: int, scope: trio.CancelScope | None = None
    ) -> Result:
        """POST a payload and return the verdict; whatever the worker does, there is one.

        The exchange runs in `scope`: cancelling that from outside cuts it off, and the verdict is void.
        """
        ...


@define(eq=False)
class _Run:
    """A job in a worker's hands, or with an outcome that is being stored."""

    job: Job
    slot: object
    # One scope for the worker's deadline and for us: each costs as much as a system call.
    call: trio.CancelScope = field(factory=trio.CancelScope)
    is_cut_off: bool = False

    def cut_off(self, reason: str) -> None:
        """End the call: the job is no longer this node's to settle."""
        self.is_cut_off = True
        self.call.cancel(reason=reason)


class Runs:
    """Has the jobs of one queue called that its dispatcher starts."""

    def __init__(
        self,
        *,
        slots: Slots,
        workers: Caller,
        settler: Settler,
        clock: Clock,
        counters: QueueCounters,
        queue_log: QueueLog,
        error_log: ErrorLog,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is told when a slot is free again, and when a run has ended."""
        self._slots = slots
        self._workers = workers
        self._settler = settler
        self._clock = clock
        self._counters = counters
        self._queue_log = queue_log
        self._error_log = error_log
        self._changed = changed
        self._runs: dict[int, _Run] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def ids(self) -> list[int]:
        """Return the ids of the jobs."""
        return list(self._runs)

    def start(self, job: Job, slot: object, jobs: trio.Nursery) -> None:
        """Have a job called, in a task of `jobs`; the slot that was taken for it is given back after that."""
        run = _Run(job, slot)
        self._slots.spend()
        self._runs[job.id] = run
        jobs.start_soon(self._work, run)

    def cut_off(self, job_id: int, reason: str) -> None:
        """End the call of a job, if it runs here; its outcome is dropped."""
        if run := self._runs.get(job_id):
            run.cut_off(reason)

    def cut_all_off(self, reason: str) -> None:
        """End every call; no outcome is stored."""
        for run in self._runs.values():
            run.cut_off(reason)

    async def hand_back(self, job: Job) -> None:
        """Let a job wait again that was claimed, or stored as running, and found no room.

        Raises StoreBroken. If cancelled: it is given back all the same, as far as the store can.
        """
        try:
            await self._settler.release(job)
        except trio.Cancelled:
            # What cannot be given back now is released by the queue's next owner.
            with trio.move_on_after(RELEASE_TIMEOUT_S, shield=True):
                await self._settler.release(job)
            raise

    async def _work(self, run: _Run) -> None:
        job = run.job
        self._counters.popped(1, self._clock.now_ms())
        self._queue_log.popped(job)
        try:
            result = await self._call(run)
            if result is not None:
                await self._settler.settle(job, result)
        except trio.Cancelled:
            # What cannot be given back now is released by the queue's next owner.
            with trio.move_on_after(RELEASE_TIMEOUT_S, shield=True):
                await self._settler.release(job)
            raise
        finally:
            if self._runs.get(job.id) is run:
                del self._runs[job.id]
            self._changed()

    async def _call(self, run: _Run) -> Result | None:
        """Call the worker; None if the call was cut off, because the job is no longer this node's."""
        job = run.job
        try:
            result = await self._workers.post(job.url, job.payload.body, job.timeout_s, run.call)
        finally:
            self._slots.give(run.slot)
            self._changed()
        if run.is_cut_off:
            return None
        self._error_log.debug("dispatch", id=job.id, status=result.status.value, code=result.code)
        return result
