"""What is forgotten, and how little at a time (README 22)."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from tests.kept_logs import kept_errors
from trioworq.clock import Clock
from trioworq.manage.pruner import LOOK_ROWS, PRUNE_ROWS, PRUNE_SAMPLES, Pruner, Retention
from trioworq.manage.resting import REST_SHARE
from trioworq.stores.interface import Store, StoreUnavailable
from trioworq.stores.managing import Chore


@define(eq=False)
class Attic:
    """A store with outdated things, and how it was asked to forget them."""

    finished: int = 0
    failures: int = 0
    samples: int = 0
    look_s: float = 0
    forget_s: float = 0
    is_free: bool = True
    is_away: bool = False
    asked: list[tuple[int, int]] = field(factory=list)
    failed_before_ms: list[int] = field(factory=list)
    load_before_ms: list[int] = field(factory=list)
    sizes: list[int] = field(factory=list)
    looks: int = 0
    begun_s: defaultdict[str, list[float]] = field(factory=lambda: defaultdict(list))

    async def outdated_finished(self, before_ms: int, most: int, limit: int) -> list[int]:
        """Look for finished jobs."""
        self.looks += 1
        await trio.sleep(self.look_s)
        if self.is_away:
            self.is_away = False
            raise StoreUnavailable("away")
        self.asked.append((before_ms, most))
        return list(range(min(self.finished, limit)))

    async def take_turn(self, chore: Chore, _now_ms: int, _period_ms: int) -> bool:
        """Say whether it is this node's turn."""
        await trio.lowlevel.checkpoint()
        assert chore is Chore.PRUNE
        return self.is_free

    async def forget_finished(self, job_ids: Sequence[int]) -> None:
        """Forget finished jobs."""
        await self._work("finished")
        self.finished -= len(job_ids)
        self.sizes.append(len(job_ids))

    async def outdated_failures(self, before_ms: int, limit: int) -> list[int]:
        """Look for failures."""
        await trio.lowlevel.checkpoint()
        self.failed_before_ms.append(before_ms)
        return list(range(min(self.failures, limit)))

    async def forget_failures(self, failure_ids: Sequence[int]) -> list[None]:
        """Forget failures."""
        await self._work("failures")
        self.failures -= len(failure_ids)
        self.sizes.append(len(failure_ids))
        return [None] * len(failure_ids)

    async def forget_load(self, before_ms: int, limit: int) -> int:
        """Forget samples."""
        await self._work("load")
        self.load_before_ms.append(before_ms)
        count = min(limit, self.samples)
        self.samples -= count
        return count

    async def _work(self, what: str) -> None:
        """Be busy with a transaction."""
        self.begun_s[what].append(trio.current_time())
        await trio.sleep(self.forget_s)

    async def be_pruned(self, seconds: float, failed_ms: int | None = 3000) -> int:
        """Have a pruner look after it for a while; return the time of its beginning."""
        clock = Clock()
        pruner = Pruner(
            store=cast("Store", cast("Any", self)),
            clock=clock,
            error_log=kept_errors()[0],
            retention=Retention(finished_ms=500, finished_most=7, failed_ms=failed_ms, load_ms=9000),
        )
        began_ms = clock.now_ms()
        with trio.move_on_after(seconds):
            await pruner.run()
        return began_ms


async def test_each_thing_is_kept_as_long_as_it_should(autojump_clock: MockClock) -> None:
    """The store is asked for what is older than each has to be, and for queues with too many."""
    attic = Attic()
    began_ms = await attic.be_pruned(1)
    assert attic.asked == [(began_ms - 500, 7)]
    assert attic.failed_before_ms == [began_ms - 3000]
    assert attic.load_before_ms == [began_ms - 9000]


async def test_everything_outdated_is_forgotten_within_five_seconds(autojump_clock: MockClock) -> None:
    """However much it is, a transaction never has more than some of it."""
    attic = Attic(finished=2 * LOOK_ROWS + 1, failures=LOOK_ROWS + 1, samples=3 * PRUNE_SAMPLES)
    await attic.be_pruned(5)
    assert (attic.finished, attic.failures, attic.samples) == (0, 0, 0)
    assert max(attic.sizes) == PRUNE_ROWS


@pytest.mark.parametrize("what", ["finished", "failures", "load"])
async def test_others_have_their_turn_between_transactions(autojump_clock: MockClock, what: str) -> None:
    """However much is to be forgotten, the store is not the pruner's alone."""
    attic = Attic(finished=3 * PRUNE_ROWS, failures=3 * PRUNE_ROWS, samples=3 * PRUNE_SAMPLES, forget_s=1)
    await attic.be_pruned(30)
    begun_s = attic.begun_s[what]
    assert len(begun_s) >= 3
    assert min(after - before for before, after in pairwise(begun_s)) >= 1 + REST_SHARE


async def test_failures_may_be_kept_for_good(autojump_clock: MockClock) -> None:
    """Nobody looks for old ones then."""
    attic = Attic(failures=1)
    await attic.be_pruned(200, failed_ms=None)
    assert attic.failures == 1
    assert attic.failed_before_ms == []


async def test_another_nodes_turn_is_respected(autojump_clock: MockClock) -> None:
    """What another node forgets already is left to it."""
    attic = Attic(finished=1, is_free=False)
    await attic.be_pruned(10)
    assert attic.finished == 1


async def test_long_looks_are_made_less_often(autojump_clock: MockClock) -> None:
    """A history of millions is looked through a tenth of the time."""
    attic = Attic(look_s=1)
    await attic.be_pruned(100)
    assert 9 <= attic.looks <= 10


async def test_a_store_that_is_away_is_asked_again(autojump_clock: MockClock) -> None:
    """The next look is as good."""
    attic = Attic(finished=1, is_away=True)
    await attic.be_pruned(5)
    assert attic.finished == 0
