"""An SQLite store whose transactions can be answered late, or fail."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import trio
from attrs import define, field

from tests.dispatch.push_side import PushSide, ScriptedWorkers, open_push_side
from trioworq.stores.interface import JobSet, Store, StoreUnavailable
from trioworq.stores.sqlite.store import open_sqlite_store

T = TypeVar("T")

NEVER_MS = 3_600_000


@define(eq=False)
class Gate:
    """Runs what is written in place; while it is closed, nobody is told that it has been done."""

    is_full: bool = False
    _opened: trio.Event = field(factory=trio.Event)
    _reached: trio.Event = field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.open()

    def close(self) -> None:
        """Keep the answers of transactions back from now on."""
        self._opened = trio.Event()
        self._reached = trio.Event()

    def open(self) -> None:
        """Let the answers out."""
        self._opened.set()

    async def wait_until_reached(self) -> None:
        """Wait until a transaction has been committed whose answer is kept back."""
        with trio.fail_after(3600):
            await self._reached.wait()

    async def run(self, work: Callable[[], T], /) -> T:
        """Do the work of a transaction."""
        await trio.lowlevel.checkpoint()
        if self.is_full:
            raise StoreUnavailable("the disk is full")
        done = work()
        self._reached.set()
        await self._opened.wait()
        return done


async def in_place(work: Callable[[], T], /) -> T:
    """Run what a connection is asked in this thread."""
    await trio.lowlevel.checkpoint()
    return work()


@asynccontextmanager
async def open_gated_store(folder: Path) -> AsyncIterator[tuple[Store, Gate]]:
    """Open a store whose writing connection has a gate; what is read passes by it."""
    gate = Gate()
    # In the order in which the store asks for them: to prepare the file, to write, to read, to count.
    runners = iter((in_place, gate.run, in_place, in_place))
    async with open_sqlite_store(
        folder / "jobs.db", node_id="test", new_runner=lambda: next(runners)
    ) as store:
        yield store, gate


@asynccontextmanager
async def gated(
    workers: ScriptedWorkers, folder: Path, **definition: int
) -> AsyncIterator[tuple[PushSide, Gate]]:
    """Run a push side over a gated store until it has come to rest."""
    async with open_gated_store(folder) as (store, gate), open_push_side(workers, store=store) as side:
        await side.define("default", **{"polling_interval_ms": NEVER_MS} | definition)
        # Between two renewals of the lease.
        await trio.sleep(1.5)
        yield side, gate


async def claim_behind(gate: Gate, side: PushSide, count: int) -> None:
    """Wait until so many jobs, due in a second, have been claimed and the dispatcher has not been told."""
    # Past the present renewal of the lease, and before the next.
    await trio.sleep(0.8)
    gate.close()
    with trio.fail_after(1):
        await gate.wait_until_reached()
    assert len(await side.jobs(JobSet.RUNNING)) == count
