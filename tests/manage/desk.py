"""Both sides of a node over the in-memory store, and what looks after their jobs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import define

from tests.dispatch.push_side import PushSide, open_memory_store, open_push_side
from tests.manage.managed_side import management_over
from tests.pull.pull_side import PullSide, open_pull_side
from trioworq.clock import Clock
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.dispatch.runs import Caller
from trioworq.manage.management import Management


@define
class Desk:
    """Both sides of a node, and what looks after their jobs."""

    side: PushSide
    pull_side: PullSide
    management: Management
    clock: Clock

    async def failed_ids(self, wanted: FailureFilter = EVERY_FAILURE) -> list[int]:
        """Return the ids of the failed jobs."""
        return [failed.job_id for failed in await self.management.failed.list(wanted, 0, 10_000)]

    async def wait_for_failures(self, count: int) -> list[int]:
        """Wait until so many jobs have failed for good; return their ids."""
        with trio.fail_after(3600):
            while len(await self.failed_ids()) < count:
                await trio.sleep(0.01)
        return await self.failed_ids()


@asynccontextmanager
async def open_desk(workers: Caller, default_queue: str = "default") -> AsyncIterator[Desk]:
    """Run both sides over one in-memory store and one clock."""
    clock = Clock()
    async with (
        open_memory_store() as store,
        open_push_side(workers, store=store, default_queue=default_queue, clock=clock) as side,
        open_pull_side(side.store, clock) as pull_side,
    ):
        yield Desk(side, pull_side, management_over(side, pull_side, clock), clock)
