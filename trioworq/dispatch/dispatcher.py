"""One queue on this node: claim → limit → start; a push to an idle queue starts without a claim."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import trio
from attrs import define

from trioworq.clock import Clock
from trioworq.core.jobs import Job
from trioworq.core.leases import Tenure
from trioworq.core.queues import QueueDefinition
from trioworq.core.stats import QueueCounters, QueueStats, snapshot
from trioworq.dispatch.runs import Caller, Runs
from trioworq.dispatch.settling import STORE_BACK_OFF_S, Settler
from trioworq.dispatch.slots import Slots
from trioworq.logs import ErrorLog, QueueLog
from trioworq.stores.claims import CLAIM_BYTES, Claim
from trioworq.stores.interface import Store, StoreUnavailable


@define(eq=False)
class Slot:
    """A worker slot that is taken. While its job is being stored, it is the job's `Start`."""

    _dispatcher: "Dispatcher"
    epoch: int

    def begin(self, job: Job) -> None:
        """Start the job, now that it is stored as running."""
        self._dispatcher.begin(self, job)

    def withdraw(self) -> None:
        """Give the slot back: the job is stored to wait, or not at all."""
        self._dispatcher.withdraw(self)


class Dispatcher:
    """Takes due jobs of one queue while a worker slot is free for them, and never more.

    It works while this node owns the queue (`epoch` is set) and until it is stopped. `kick` tells it
    that there may be something to claim; kicks come with pushes and from the poller.
    """

    def __init__(
        self,
        definition: QueueDefinition,
        *,
        store: Store,
        workers: Caller,
        clock: Clock,
        counters: QueueCounters,
        queue_log: QueueLog,
        error_log: ErrorLog,
        is_paused: Callable[[], bool],
        is_remembered: bool,
    ) -> None:
        """Start nothing while `is_paused`; `is_remembered` is whether there is a history of finished jobs."""
        self.definition = definition
        self.epoch: int | None = None
        self._store = store
        self._clock = clock
        self._counters = counters
        self._error_log = error_log.bind(queue=definition.name)
        # A slot is taken from the claim, or the storing, to the end of the call.
        self._slots = Slots(definition)
        self._runs = Runs(
            slots=self._slots,
            workers=workers,
            settler=Settler(
                store=store,
                clock=clock,
                counters=counters,
                queue_log=queue_log,
                error_log=self._error_log,
                is_remembered=is_remembered,
            ),
            clock=clock,
            counters=counters,
            queue_log=queue_log,
            error_log=self._error_log,
            changed=self._wake_up,
        )
        self._jobs: trio.Nursery | None = None
        # Slots kept for jobs that are being stored.
        self._offered = 0
        # The claim whose transaction is under way.
        self._asked: Claim | None = None
        self._may_have_work = True
        self._is_stopping = False
        self._is_held_back = False
        self._is_paused = is_paused
        self._quieted = trio.Event()
        self.has_ended = False
        self._wake, self._woken = trio.open_memory_channel[None](1)

    # What others tell it. None of these waits.

    @property
    def is_waiting_for_work(self) -> bool:
        """Whether a kick would make a difference."""
        return self.epoch is not None and not self._may_have_work and not self._is_stopping

    @property
    def running_jobs(self) -> int:
        """Count the jobs in workers' hands, and those whose outcome is being stored."""
        return len(self._runs)

    @property
    def calls(self) -> int:
        """Count the calls to workers that are under way."""
        return self._slots.busy - self._offered

    def running_ids(self) -> list[int]:
        """Return the ids of these jobs."""
        return self._runs.ids()

    @property
    def is_quiet(self) -> bool:
        """Whether no job is in this node's hands or on its way there."""
        return not self._runs and not self._offered and self._asked is None

    def kick(self) -> None:
        """Say that there may be a job to claim."""
        self._may_have_work = True
        self._wake_up()

    def offer(self) -> Slot | None:
        """Keep a slot for a job whose transaction begins, if nothing is ahead of it (`claims.Offer`).

        Else the job waits and is claimed in its turn; a claim in the same transaction finds it.
        """
        if self._asked is not None or self._may_have_work:
            return None
        if self._slots.are_throttled or self.epoch is None or not self._room():
            self.kick()
            return None
        self._offered += 1
        slot = Slot(self, self.epoch)
        self._slots.take(slot)
        return slot

    def begin(self, slot: Slot, job: Job) -> None:
        """Start a job that was stored as running on our offer, as far as the queue is still ours and open."""
        self._offered -= 1
        if self._jobs is None or self.epoch != slot.epoch:
            # The queue's next owner releases the job, or has done so.
            self._give(slot)
        elif not self._may_start() or not self._slots.admit(self.calls):
            self._give(slot)
            self._jobs.start_soon(self._hand_back, job)
        else:
            self._runs.start(job, slot, self._jobs)

    def withdraw(self, slot: Slot) -> None:
        """Take back a slot whose job was not stored as running."""
        self._offered -= 1
        self._give(slot)
        self.kick()

    def redefine(self, definition: QueueDefinition) -> None:
        """Change the live queue, or take a stopped one up again; running jobs are not disturbed."""
        self._slots.redefine(definition)
        self.definition = definition
        self._is_stopping = False
        self.kick()

    def own(self, tenure: Tenure | None) -> None:
        """Become active for a tenure, or a backup with None.

        Jobs that run under another epoch belong to the new owner: their calls are cut off here.
        """
        epoch = None if tenure is None else tenure.epoch
        if epoch == self.epoch:
            return
        if self.epoch is not None:
            self._runs.cut_all_off("the queue has a new owner")
        self.epoch = epoch
        if tenure is None:
            self._error_log.info("The node is now in BACKUP mode")
        else:
            if tenure.is_inherited:
                self._slots.start_empty()
            self._error_log.info("Switching to PRIMARY mode...")
            self._error_log.info(f"Recovering complete: {tenure.recovered} job(s) recovered")
            self._error_log.info("The node is now in PRIMARY mode")
        self.kick()

    def hold_back(self) -> None:
        """Start nothing more, so that the queue can go to another node, until `go_on`."""
        self._is_held_back = True

    def go_on(self) -> None:
        """Start jobs again."""
        self._is_held_back = False
        self.kick()

    async def wait_until_quiet(self) -> None:
        """Wait until no job is in this node's hands; a queue that is not held back may never be quiet."""
        while not self.is_quiet:
            self._quieted = trio.Event()
            await self._quieted.wait()
        await trio.lowlevel.checkpoint()

    def cancel_run(self, job_id: int) -> None:
        """Cut off the call of a job that has been deleted; its outcome is dropped (I12)."""
        self._runs.cut_off(job_id, "the job was deleted")

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the running jobs have ended."""
        self._is_stopping = True
        self._wake_up()

    def stats(self) -> QueueStats:
        """Return the counters, and the workers as they are now."""
        return snapshot(
            self._counters,
            now_ms=self._clock.now_ms(),
            max_workers=self.definition.max_workers,
            busy_workers=self._slots.busy,
            is_active=self.epoch is not None,
        )

    # The task.

    async def run(self) -> None:
        """Dispatch until stopped.

        Tasks: one for each job that runs or is handed back. Stops when: `stop` was called and there is no
        such job, or cancelled; a job that a cancellation cuts off is given back without counting an
        attempt. Raises: StoreBroken.
        """
        async with trio.open_nursery() as self._jobs:
            try:
                await self._dispatch()
            finally:
                # The nursery closes with its last task, wherever the store is with a claim or a start then.
                self._jobs = None

    async def _dispatch(self) -> None:
        while not (self._is_stopping and not self._runs and not self._offered):
            if self._wants_jobs():
                await self._claim()
            else:
                await self._wait()
        # No checkpoint since the condition was seen: from here on `redefine` cannot revive it.
        self.has_ended = True

    def _wants_jobs(self) -> bool:
        return self.epoch is not None and self._may_have_work and self._room() > 0

    def _room(self) -> int:
        """Count the jobs that could start now."""
        return self._slots.room(settling=len(self._runs) - self.calls) if self._may_start() else 0

    def _may_start(self) -> bool:
        """Whether anything is to start at all."""
        return not (self._is_stopping or self._is_held_back or self._is_paused())

    async def _wait(self) -> None:
        """Wait until something has changed, or the throttle gives the next token."""
        timeout_s = self._slots.wait_s() if self._may_have_work else float("inf")
        with trio.move_on_after(timeout_s):
            await self._woken.receive()

    def _wake_up(self) -> None:
        if self.is_quiet:
            self._quieted.set()
        if self._may_have_work or self._is_stopping:
            # Blocked means that it has not seen the last one yet.
            with suppress(trio.WouldBlock):
                self._wake.send_nowait(None)

    async def _claim(self) -> None:
        """Claim until nothing more is due or can start, however long the answers take.

        If cancelled: this node is stopping, and the queue's next owner releases what was claimed.
        """
        try:
            await self._store.claim(self)
        except StoreUnavailable as error:
            self._error_log.warning("cannot claim jobs; trying again", reason=str(error))
            self._asked = None
            self._may_have_work = True
            await trio.sleep(STORE_BACK_OFF_S)

    # What the store asks, transaction by transaction (`claims.Claimant`).

    def ask(self) -> Claim | None:
        """Claim as many jobs as could start now, unless none has come since nothing was due."""
        room = self._room() if self._may_have_work else 0
        if self.epoch is None or not room:
            return None
        # A kick from here on is about jobs that this claim may miss.
        self._may_have_work = False
        self._asked = Claim(
            self.definition.name, self.epoch, room, self._clock.now_ms(), self.definition.priority
        )
        return self._asked

    def take(self, jobs: Sequence[Job]) -> None:
        """Start what was claimed; what has no room any more is handed back (I6)."""
        asked, self._asked = self._asked, None
        self._wake_up()
        if asked is None or self._jobs is None or self.epoch != asked.epoch:
            # The queue's next owner releases the jobs; a new epoch began by releasing them.
            return
        if len(jobs) == asked.limit or sum(len(job.payload.body) for job in jobs) >= CLAIM_BYTES:
            self._may_have_work = True
        room = self._room()
        for job in jobs[:room]:
            slot = Slot(self, asked.epoch)
            self._slots.take(slot)
            self._runs.start(job, slot, self._jobs)
        for job in jobs[room:]:
            self._jobs.start_soon(self._hand_back, job)

    def _give(self, slot: Slot) -> None:
        self._slots.give(slot)
        self._wake_up()

    async def _hand_back(self, job: Job) -> None:
        """Let a job wait that was claimed, or stored as running, and found no room."""
        await self._runs.hand_back(job)
        self.kick()
