"""A pull side over a store, its clock, and what it logs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import define

from tests.kept_logs import keep_logs
from trioworq.clock import Clock
from trioworq.core.pull import PullJob, PullOrder
from trioworq.pauses import Pauses
from trioworq.pull.jobs import PullJobs, open_pull
from trioworq.stores.interface import Store


@define
class PullSide:
    """One node."""

    pull: PullJobs
    store: Store
    clock: Clock
    pauses: Pauses
    lines: list[dict[str, Any]]
    errors: list[Any]

    async def enqueue(self, *keys: str, queue: str = "q", **fields: Any) -> None:
        """Enqueue a job for each key, all at once."""
        await self.pull.enqueue_many([order(key, queue, **fields) for key in keys])

    async def fetch(self, limit: int = 1, wait_s: float = 0, queue: str = "q") -> list[str]:
        """Fetch jobs and return their keys."""
        return [job.key for job in await self.pull.fetch(queue, limit, wait_s)]

    async def fetch_one(self, queue: str = "q") -> PullJob:
        """Fetch a job that is due."""
        (job,) = await self.pull.fetch(queue, 1)
        return job

    def after(self, seconds: float) -> int:
        """Return the time so far from now, in ms."""
        return self.clock.now_ms() + round(seconds * 1000)


def order(key: str, queue: str = "q", **fields: Any) -> PullOrder:
    """Return an order, due at once and with half a minute for a try unless said otherwise."""
    given: dict[str, Any] = {"payload": b"1", "timeout_s": 30} | fields
    return PullOrder(queue=queue, key=key, **given)


@asynccontextmanager
async def open_pull_side(
    store: Store, clock: Clock | None = None, *, pauses: Pauses | None = None, is_remembered: bool = True
) -> AsyncIterator[PullSide]:
    """Run a node over a store; nodes that share one on a mocked clock share a `clock` too.

    Without `pauses` nobody tells it what other nodes pause.
    """
    clock = clock or Clock()
    pauses = pauses or Pauses(store)
    kept = keep_logs(clock)
    async with open_pull(
        store=store, clock=clock, logs=kept.logs, pauses=pauses, is_remembered=is_remembered
    ) as pull:
        yield PullSide(pull, store, clock, pauses, kept.queue_lines, kept.errors)
