"""Sweeps over failed jobs: what is seen of them while they are at work, and how they end."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from trioworq.clock import Clock
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.manage.failed import FailedJobs, Swept
from trioworq.manage.sweeps import (
    MAX_SWEEPS,
    REMEMBERED_SWEEPS,
    SHOWN_ERRORS,
    Sweep,
    SweepKind,
    Sweeps,
    TooManySweeps,
)
from trioworq.stores.interface import StoreUnavailable

Tell = Callable[[Swept], None]


@define(eq=False)
class SlowFailures:
    """Failed jobs that are swept in parts, one a second."""

    parts: list[Swept] = field(factory=list)
    asked: list[tuple[str, FailureFilter]] = field(factory=list)
    is_away: bool = False

    async def retry_all(self, wanted: FailureFilter, tell: Tell) -> None:
        """Retry."""
        await self._sweep("retry", wanted, tell)

    async def clear(self, wanted: FailureFilter, tell: Tell) -> None:
        """Delete."""
        await self._sweep("delete", wanted, tell)

    async def _sweep(self, what: str, wanted: FailureFilter, tell: Tell) -> None:
        self.asked.append((what, wanted))
        for part in self.parts:
            await trio.sleep(1)
            tell(part)
        if self.is_away:
            raise StoreUnavailable("10.0.0.1 is away")


@asynccontextmanager
async def open_sweeps(failures: SlowFailures) -> AsyncIterator[Sweeps]:
    """Run sweeps."""
    sweeps = Sweeps(cast("FailedJobs", cast("Any", failures)), Clock())
    async with trio.open_nursery() as tasks:
        tasks.start_soon(sweeps.run)
        yield sweeps
        tasks.cancel_scope.cancel(reason="the test is over")


async def until_over(sweep: Sweep) -> None:
    """Wait for the end of a sweep."""
    with trio.fail_after(60):
        while not sweep.is_over:
            await trio.sleep(0.1)


async def wait(seconds: float) -> None:
    """Let some time pass, and be in the middle of the next second."""
    await trio.sleep(seconds + 0.5)


async def test_a_sweep_is_counted_while_it_is_at_work(autojump_clock: MockClock) -> None:
    """Transaction by transaction."""
    failures = SlowFailures([Swept([1, 2]), Swept([3], [(4, "its queue is gone")]), Swept([5])])
    wanted = FailureFilter(queue="q")
    async with open_sweeps(failures) as sweeps:
        sweep = sweeps.start(SweepKind.RETRY, wanted, 5)
        assert sweeps.find(sweep.id) is sweep
        await wait(2)
        assert (sweep.done, sweep.failed, sweep.is_over) == (3, 1, False)
        await until_over(sweep)
    assert (sweep.done, sweep.failed, sweep.trouble) == (4, 1, "")
    assert sweep.errors == [(4, "its queue is gone")]
    assert failures.asked == [("retry", wanted)]


async def test_a_sweep_deletes_if_it_is_to(autojump_clock: MockClock) -> None:
    """And only then."""
    failures = SlowFailures([Swept([1])])
    async with open_sweeps(failures) as sweeps:
        await until_over(sweeps.start(SweepKind.DELETE, EVERY_FAILURE, 1))
    assert failures.asked == [("delete", EVERY_FAILURE)]


async def test_a_sweep_that_is_stopped_keeps_what_it_has_done(autojump_clock: MockClock) -> None:
    """And says that it was stopped; one that is over cannot be."""
    async with open_sweeps(SlowFailures([Swept([1]), Swept([2]), Swept([3])])) as sweeps:
        sweep = sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 3)
        await wait(1)
        sweep.stop()
        await until_over(sweep)
        assert (sweep.done, sweep.trouble) == (1, "stopped")
        whole = sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 3)
        await until_over(whole)
        whole.stop()
        assert (whole.done, whole.trouble) == (3, "")


async def test_a_store_that_goes_away_ends_a_sweep_and_nothing_else(autojump_clock: MockClock) -> None:
    """Its words, which may name the database, are not shown."""
    failures = SlowFailures([Swept([1])], is_away=True)
    async with open_sweeps(failures) as sweeps:
        sweep = sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 9)
        await until_over(sweep)
        assert (sweep.done, sweep.trouble) == (1, "the store is out of reach")
        failures.is_away = False
        again = sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 9)
        await until_over(again)
        assert again.trouble == ""


async def test_a_stopping_daemon_ends_its_sweeps(autojump_clock: MockClock) -> None:
    """They say so, should anybody still look."""
    async with open_sweeps(SlowFailures([Swept([1])] * 9)) as sweeps:
        sweep = sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 9)
        await wait(1)
    assert sweep.trouble == "the daemon stops"
    assert sweep.is_over


async def test_there_are_not_more_sweeps_at_work_than_there_may_be(autojump_clock: MockClock) -> None:
    """One more is refused until one has ended."""
    async with open_sweeps(SlowFailures([Swept([1])])) as sweeps:
        at_work = [sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 1) for _ in range(MAX_SWEEPS)]
        with pytest.raises(TooManySweeps):
            sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 1)
        for sweep in at_work:
            await until_over(sweep)
        await until_over(sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 1))


async def test_old_sweeps_are_forgotten(autojump_clock: MockClock) -> None:
    """The newest are remembered, and listed first."""
    async with open_sweeps(SlowFailures()) as sweeps:
        ids: list[str] = []
        for _ in range(REMEMBERED_SWEEPS + 5):
            sweep = sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 0)
            ids.append(sweep.id)
            await until_over(sweep)
        assert [sweep.id for sweep in sweeps.all()] == ids[: -REMEMBERED_SWEEPS - 1 : -1]
        assert sweeps.find(ids[0]) is None


async def test_the_words_of_some_errors_are_kept_and_all_are_counted(autojump_clock: MockClock) -> None:
    """A hundred thousand of them are no use to anybody."""
    many = Swept([], [(number, "no") for number in range(SHOWN_ERRORS - 1)])
    async with open_sweeps(SlowFailures([many, many])) as sweeps:
        sweep = sweeps.start(SweepKind.RETRY, EVERY_FAILURE, 9)
        await until_over(sweep)
    assert sweep.failed == 2 * len(many.errors)
    assert len(sweep.errors) == SHOWN_ERRORS
