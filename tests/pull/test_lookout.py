"""How often is looked for what falls due, and what a look does."""

from collections.abc import Collection, Iterable
from typing import Any, cast

import trio
from attrs import define, field
from trio.testing import MockClock

from tests.kept_logs import kept_errors
from trioworq.clock import Clock
from trioworq.core.pull import TimedOut
from trioworq.pull.lookout import EXPIRE_ROWS, Lookout
from trioworq.stores.interface import Outlook, Store

A_LEASE_THAT_ENDED = TimedOut(id=1, queue="other", key="k", fail_count=1, is_failed=False)


@define(eq=False)
class ScriptedStore:
    """A store where every queue has a due job and so many leases have ended; it takes its time to look."""

    look_s: float = 0
    ended: int = 0
    looks: int = 0
    found: list[str] = field(factory=list)

    async def outlook(self, queues: Collection[str]) -> Outlook:
        """Look."""
        self.looks += 1
        await trio.sleep(self.look_s)
        return Outlook(0 if self.ended else None, dict.fromkeys(queues, 0))

    async def expire_leases(self, _now_ms: int, limit: int) -> list[TimedOut]:
        """End as many leases as may be."""
        await trio.lowlevel.checkpoint()
        count = min(limit, self.ended)
        self.ended -= count
        return [A_LEASE_THAT_ENDED] * count

    def find(self, queues: Iterable[str]) -> None:
        """Remember where a job was found."""
        self.found += queues

    async def look_out(self, seconds: float, waited_for: Collection[str]) -> None:
        """Run a lookout over this store."""
        lookout = Lookout(
            store=cast("Store", cast("Any", self)),
            clock=Clock(),
            error_log=kept_errors()[0],
            waited_for=lambda: waited_for,
            found=self.find,
            timed_out=lambda _: None,
        )
        with trio.move_on_after(seconds):
            await lookout.run()


async def test_leases_that_end_without_end_keep_nobody_from_a_job_that_is_due(
    autojump_clock: MockClock,
) -> None:
    """A transaction's worth of them, then a look at the others."""
    store = ScriptedStore(ended=10 * EXPIRE_ROWS)
    await store.look_out(0.01, ["q"])
    assert store.ended == 0
    assert len(store.found) > 10


async def test_looks_that_take_long_are_made_less_often(autojump_clock: MockClock) -> None:
    """A store where workers wait at thousands of queues has time for others too."""
    store = ScriptedStore(look_s=0.05)
    await store.look_out(10, ["q"])
    assert 35 <= store.looks <= 45


async def test_however_long_a_look_takes_the_next_one_comes_soon(autojump_clock: MockClock) -> None:
    """A lease that ended is to be noticed within a second of what the store takes (contract pull §2.6)."""
    store = ScriptedStore(look_s=5)
    await store.look_out(54, ["q"])
    assert store.looks == 10
