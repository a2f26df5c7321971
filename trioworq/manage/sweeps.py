"""Running many failed jobs again, or removing them, as a task whose progress can be watched."""

import secrets
from collections.abc import Awaitable, Callable
from enum import Enum

import trio
from attrs import define, field

from trioworq.clock import Clock
from trioworq.core.failures import FailureFilter
from trioworq.manage.failed import FailedJobs, Swept
from trioworq.stores.interface import StoreUnavailable

# How many sweeps are at work at the same time, and how many are remembered after their end.
MAX_SWEEPS = 4
REMEMBERED_SWEEPS = 20
# How many of its errors a sweep keeps the words of.
SHOWN_ERRORS = 100


class SweepKind(Enum):
    """What is done with each failure."""

    RETRY = "retry"
    DELETE = "delete"


class TooManySweeps(Exception):
    """As many sweeps as there may be are at work."""


@define(eq=False, kw_only=True)
class Sweep:
    """The progress of a sweep over `total` failures, which were counted before it began.

    `trouble` says why it ended before its time, empty when it did not.
    """

    id: str
    kind: SweepKind
    wanted: FailureFilter
    total: int
    began_at_ms: int
    done: int = 0
    failed: int = 0
    errors: list[tuple[int, str]] = field(factory=list)
    ended_at_ms: int | None = None
    trouble: str = ""
    _scope: trio.CancelScope = field(factory=trio.CancelScope, init=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.ended_at_ms is not None

    def add(self, part: Swept) -> None:
        """Count what a transaction has done."""
        self.done += len(part.done)
        self.failed += len(part.errors)
        self.errors += part.errors[: SHOWN_ERRORS - len(self.errors)]

    def stop(self) -> None:
        """End it after the transaction that is under way; what is done stays done."""
        self._scope.cancel(reason="an operator has stopped the sweep")

    async def run(self, work: Callable[[], Awaitable[object]], clock: Clock) -> None:
        """Do the work, and say how it ended. If cancelled from outside: the same."""
        try:
            with self._scope:
                await work()
            if self._scope.cancelled_caught:
                self.trouble = "stopped"
        except StoreUnavailable:
            self.trouble = "the store is out of reach"
        except trio.Cancelled:
            self.trouble = "the daemon stops"
            raise
        finally:
            self.ended_at_ms = clock.now_ms()


class Sweeps:
    """The sweeps of this node, by their ids, which nobody can guess."""

    def __init__(self, failed: FailedJobs, clock: Clock) -> None:
        self._failed = failed
        self._clock = clock
        self._sweeps: dict[str, Sweep] = {}
        self._asked, self._orders = trio.open_memory_channel[Sweep](MAX_SWEEPS)

    def start(self, kind: SweepKind, wanted: FailureFilter, total: int) -> Sweep:
        """Begin a sweep over `total` failures. Raises TooManySweeps."""
        sweep = Sweep(
            id=secrets.token_urlsafe(16),
            kind=kind,
            wanted=wanted,
            total=total,
            began_at_ms=self._clock.now_ms(),
        )
        if sum(not each.is_over for each in self._sweeps.values()) >= MAX_SWEEPS:
            raise TooManySweeps
        self._sweeps[sweep.id] = sweep
        self._forget_old()
        self._asked.send_nowait(sweep)
        return sweep

    def find(self, sweep_id: str) -> Sweep | None:
        """Return a sweep of this node, if it is remembered."""
        return self._sweeps.get(sweep_id)

    def all(self) -> list[Sweep]:
        """Return those that are remembered, the newest first."""
        return list(reversed(self._sweeps.values()))

    async def run(self) -> None:
        """Carry sweeps out. Runs until cancelled, which leaves the rest of each undone."""
        async with trio.open_nursery() as tasks:
            async for sweep in self._orders:
                tasks.start_soon(sweep.run, self._work(sweep), self._clock)

    def _work(self, sweep: Sweep) -> Callable[[], Awaitable[object]]:
        act = self._failed.retry_all if sweep.kind is SweepKind.RETRY else self._failed.clear

        async def work() -> None:
            await act(sweep.wanted, sweep.add)

        return work

    def _forget_old(self) -> None:
        over = [each.id for each in self._sweeps.values() if each.is_over]
        for sweep_id in over[: max(0, len(self._sweeps) - REMEMBERED_SWEEPS)]:
            del self._sweeps[sweep_id]
