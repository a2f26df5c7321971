"""Handlers that do as a test wants, and a worker that runs as long as a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trioworq.client import Run, Worker


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """Run a worker, and stop it at the end."""
    async with trio.open_nursery() as nursery:
        await nursery.start(worker.run)
        yield worker
        worker.stop()


class Gated:
    """A handler that waits until its gate is open, and keeps what happens to it."""

    def __init__(self) -> None:
        self.gate = trio.Event()
        self.started: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []

    async def __call__(self, run: Run) -> None:
        self.started.append(run.job.id)
        try:
            await self.gate.wait()
        except trio.Cancelled:
            self.cancelled.append(run.job.id)
            raise
        self.ended.append(run.job.id)
