"""The workers that wait for jobs of one queue: first come, first served.

One take at a time serves all of them, so that fifty workers who ask at once share a transaction.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

import trio
from attrs import define, field

from trioworq.core.pull import PullJob
from trioworq.stores.claims import CLAIM_BYTES, Take
from trioworq.stores.interface import StoreUnavailable

# How many jobs one transaction hands out.
TAKE_ROWS = 1000


@define(eq=False)
class Waiter:
    """A worker that asks for up to `limit` jobs; a patient one may be kept waiting until its time is over."""

    limit: int
    is_patient: bool
    has_left: Callable[[], bool]
    is_over: bool = field(default=False, init=False)
    answered: trio.Event = field(factory=trio.Event, init=False)
    jobs: Sequence[PullJob] = field(default=(), init=False)
    error: StoreUnavailable | None = field(default=None, init=False)

    def answer(self, jobs: Sequence[PullJob] = (), error: StoreUnavailable | None = None) -> None:
        """Give it what it asked for, or why not."""
        self.jobs, self.error = jobs, error
        self.answered.set()


class Line:
    """Those who wait at one queue; a `stores.claims.Taker`. No method waits or raises."""

    def __init__(
        self,
        queue: str,
        now_ms: Callable[[], int],
        give_back: Callable[[Collection[PullJob]], None],
        is_paused: Callable[[], bool],
    ) -> None:
        """`give_back` takes jobs that nobody wants any more; while `is_paused`, nobody gets one."""
        self.queue = queue
        self.is_paused = is_paused
        self._now_ms = now_ms
        self._give_back = give_back
        self._waiting: dict[Waiter, None] = {}
        # Those of them who are not kept waiting, or no longer, and how many jobs all want; they may be many.
        self._hasty: dict[Waiter, None] = {}
        self._wanted = 0
        # Those for whom the take under way is; some may have left since.
        self._asked: dict[Waiter, None] = {}
        self._limit = 0
        # Whether there is a reason to look for jobs that the last take cannot have seen.
        self._is_called = False
        # Whether the last take left nothing behind that was due; it costs less to look first then.
        self.seems_empty = True
        self.is_attended = False

    # Workers.

    @property
    def size(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def join(self, waiter: Waiter) -> None:
        """Have a worker wait for the next take; at a paused queue only a patient one."""
        if self.is_paused() and not waiter.is_patient:
            waiter.answer()
            return
        self._waiting[waiter] = None
        self._wanted += waiter.limit
        if not waiter.is_patient:
            self._hasty[waiter] = None
        self._is_called = True

    def end(self, waiter: Waiter) -> None:
        """Let a worker go without a job; if a take is under way for it, with what that brings."""
        waiter.is_over = True
        if waiter not in self._waiting:
            return
        if waiter in self._asked:
            self._hasty[waiter] = None
        else:
            self._answer(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Take a worker out that has gone; what it has been given goes to others."""
        if waiter in self._waiting:
            self._remove(waiter)
        if waiter.jobs:
            jobs, waiter.jobs = waiter.jobs, ()
            self._give_back(jobs)

    def dismiss(self) -> None:
        """Let everybody go, as soon as no take is under way for them."""
        for waiter in list(self._waiting):
            self.end(waiter)

    def fail(self, error: StoreUnavailable) -> None:
        """Tell everybody that the store is out of reach."""
        self._asked, self._is_called = {}, False
        for waiter in list(self._waiting):
            self._answer(waiter, error=error)

    # Jobs.

    @property
    def has_work(self) -> bool:
        """Whether there is a reason to take."""
        return self._is_called and bool(self._waiting) and not self.is_paused()

    def call(self, *, is_sure: bool = False) -> None:
        """Say that there may be a job, or that there surely is one."""
        self._is_called = True
        self.seems_empty = self.seems_empty and not is_sure

    def pause(self) -> None:
        """Let those go who are not kept waiting; if a take is under way for them, with its end."""
        for waiter in list(self._hasty):
            if waiter not in self._asked:
                self._answer(waiter)

    def ask(self) -> Take | None:
        """Ask for as many as all who wait want."""
        if self.is_paused():
            self._asked = {}
            self.pause()
        if not self.has_work:
            return None
        self._is_called = False
        self._asked = dict(self._waiting)
        self._limit = min(TAKE_ROWS, self._wanted)
        return Take(self.queue, self._limit, self._now_ms())

    def take(self, jobs: Sequence[PullJob]) -> None:
        """Hand out what was found, in the order of those who wait; give back what is left of it."""
        asked, self._asked = self._asked, {}
        if self.is_paused():
            # The pause came while the take was under way.
            self.pause()
            if jobs:
                self._give_back(jobs)
            return
        left: deque[PullJob] = deque()
        late: list[PullJob] = []
        now_ms = self._now_ms()
        for job in jobs:
            # What the store took longer to hand out than a try may take would be tried in vain (I4).
            (late if job.timeout_s > 0 and job.has_lapsed(now_ms) else left).append(job)
        # Else it was cut short by its limit or by their size: more may be due, also for the hasty.
        self.seems_empty = len(jobs) < self._limit and sum(job.size for job in jobs) < CLAIM_BYTES
        self._is_called = self._is_called or not self.seems_empty
        self._serve(asked, left)
        self._serve(tuple(self._waiting) if left else (), left)
        for waiter in tuple(self._hasty):
            if waiter in asked and (waiter.is_over or self.seems_empty):
                self._answer(waiter)
        if left or late:
            self._give_back([*late, *left])

    def _serve(self, waiters: Iterable[Waiter], left: deque[PullJob]) -> None:
        """Give each what it wants, as long as something is left."""
        for waiter in waiters:
            if not left:
                return
            if waiter not in self._waiting:
                continue
            is_gone = waiter.is_patient and waiter.has_left()
            count = 0 if is_gone else min(waiter.limit, len(left))
            self._answer(waiter, [left.popleft() for _ in range(count)])

    def _answer(
        self, waiter: Waiter, jobs: Sequence[PullJob] = (), error: StoreUnavailable | None = None
    ) -> None:
        self._remove(waiter)
        waiter.answer(jobs, error)

    def _remove(self, waiter: Waiter) -> None:
        del self._waiting[waiter]
        self._hasty.pop(waiter, None)
        self._wanted -= waiter.limit
