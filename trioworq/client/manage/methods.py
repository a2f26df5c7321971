"""What both clients can do for who looks after jobs: once for plain code, once for Trio."""

from abc import ABC, abstractmethod
from typing import TypeVar, Unpack

from trioworq.client.calls import Call
from trioworq.client.manage import calls
from trioworq.client.manage.values import (
    JobCounts,
    JobReport,
    Kind,
    LoadPoint,
    PushQueue,
    QueueCounts,
    QueuedType,
    Span,
    Sweep,
    Which,
)

T = TypeVar("T")


class Managing(ABC):
    """Methods of `Client`."""

    @abstractmethod
    def send(self, call: Call[T]) -> T:
        """Ask what a call says, and return what its answer means."""

    def failed(self, *, limit: int | None = None, offset: int = 0, **which: Unpack[Which]) -> list[JobReport]:
        """Return failed jobs of either kind, the oldest failure first.

        `limit` is 10 000 at most. Fewer come at the end, and where they are large; with `offset` it goes on.
        """
        return self.send(calls.failed(limit, offset, which))

    def retry(self, job_id: int | str) -> None:
        """Have a failed job run again, now and with all its retries.

        Raises NotFound when it is no failed job; Refused, with the status 409, when its queue is gone or, for
        a pull job, has another job of its key.
        """
        self.send(calls.retry(job_id))

    def delete_failed(self, job_id: int | str) -> None:
        """Delete a failed job. Raises NotFound when it is none."""
        self.send(calls.delete_failed(job_id))

    def retry_all(self, *, dry_run: bool = False, **which: Unpack[Which]) -> Sweep:
        """Have failed jobs run again, and say of each what became of it; a dry run only counts them.

        It takes up to ten minutes, a second for some thousands, and is not repeated. When it is given up, or
        ends in Unavailable, some of the jobs may run again and the others are failures still.
        """
        return self.send(calls.retry_all(dry_run, which))

    def clear(self, *, dry_run: bool = False, **which: Unpack[Which]) -> Sweep:
        """Delete failed jobs and say which; a dry run only counts them. It takes as long as `retry_all`."""
        return self.send(calls.clear(dry_run, which))

    def status(self, job_id: int | str) -> JobReport:
        """Return a job of either kind, also for some minutes after it has finished. Raises NotFound."""
        return self.send(calls.status(job_id))

    def stats(self, queue: str | None = None) -> JobCounts:
        """Count jobs by state: all, or those of the push queue and the pull queue of a name."""
        return self.send(calls.stats(queue))

    def queues(self) -> list[PushQueue]:
        """Return the push queues as they are defined."""
        return self.send(calls.queues())

    def queue_counts(self) -> dict[str, QueueCounts]:
        """Return, by name, what this daemon has done for each push queue since it started."""
        return self.send(calls.queue_counts())

    def queue_status(self) -> list[QueuedType]:
        """Return the job types that have due jobs waiting: those not paused and the most urgent first."""
        types: list[QueuedType] = []
        number = 0
        while True:
            number += 1
            page = self.send(calls.queue_status(number))
            types.extend(page.items)
            if page.is_last:
                return types

    def load(self, **span: Unpack[Span]) -> list[LoadPoint]:
        """Return how many jobs there were each time they were counted, the oldest first; 31 days at most."""
        points: list[LoadPoint] = []
        while True:
            page = self.send(calls.load(span, points[-1].time if points else None))
            points.extend(page.items)
            if page.is_last:
                return points

    def pause(self, queue: str, kind: Kind = "push") -> None:
        """Have no more jobs of a queue start until it is resumed; those that run go on.

        Raises NotFound for a push queue that is not defined, ValueError for a name that no path can have.
        """
        self.send(calls.pause(queue, kind, is_paused=True))

    def resume(self, queue: str, kind: Kind = "push") -> None:
        """Have jobs of a queue start again. Raises what `pause` raises."""
        self.send(calls.pause(queue, kind, is_paused=False))


class AsyncManaging(ABC):
    """Methods of `AsyncClient`."""

    @abstractmethod
    async def send(self, call: Call[T]) -> T:
        """Ask what a call says, and return what its answer means."""

    async def failed(
        self, *, limit: int | None = None, offset: int = 0, **which: Unpack[Which]
    ) -> list[JobReport]:
        """Return failed jobs of either kind, the oldest failure first.

        `limit` is 10 000 at most. Fewer come at the end, and where they are large; with `offset` it goes on.
        """
        return await self.send(calls.failed(limit, offset, which))

    async def retry(self, job_id: int | str) -> None:
        """Have a failed job run again, now and with all its retries.

        Raises NotFound when it is no failed job; Refused, with the status 409, when its queue is gone or, for
        a pull job, has another job of its key.
        """
        await self.send(calls.retry(job_id))

    async def delete_failed(self, job_id: int | str) -> None:
        """Delete a failed job. Raises NotFound when it is none."""
        await self.send(calls.delete_failed(job_id))

    async def retry_all(self, *, dry_run: bool = False, **which: Unpack[Which]) -> Sweep:
        """Have failed jobs run again, and say of each what became of it; a dry run only counts them.

        It takes up to ten minutes, a second for some thousands, and is not repeated. When it is given up, or
        ends in Unavailable, some of the jobs may run again and the others are failures still.
        """
        return await self.send(calls.retry_all(dry_run, which))

    async def clear(self, *, dry_run: bool = False, **which: Unpack[Which]) -> Sweep:
        """Delete failed jobs and say which; a dry run only counts them. It takes as long as `retry_all`."""
        return await self.send(calls.clear(dry_run, which))

    async def status(self, job_id: int | str) -> JobReport:
        """Return a job of either kind, also for some minutes after it has finished. Raises NotFound."""
        return await self.send(calls.status(job_id))

    async def stats(self, queue: str | None = None) -> JobCounts:
        """Count jobs by state: all, or those of the push queue and the pull queue of a name."""
        return await self.send(calls.stats(queue))

    async def queues(self) -> list[PushQueue]:
        """Return the push queues as they are defined."""
        return await self.send(calls.queues())

    async def queue_counts(self) -> dict[str, QueueCounts]:
        """Return, by name, what this daemon has done for each push queue since it started."""
        return await self.send(calls.queue_counts())

    async def queue_status(self) -> list[QueuedType]:
        """Return the job types that have due jobs waiting: those not paused and the most urgent first."""
        types: list[QueuedType] = []
        number = 0
        while True:
            number += 1
            page = await self.send(calls.queue_status(number))
            types.extend(page.items)
            if page.is_last:
                return types

    async def load(self, **span: Unpack[Span]) -> list[LoadPoint]:
        """Return how many jobs there were each time they were counted, the oldest first; 31 days at most."""
        points: list[LoadPoint] = []
        while True:
            page = await self.send(calls.load(span, points[-1].time if points else None))
            points.extend(page.items)
            if page.is_last:
                return points

    async def pause(self, queue: str, kind: Kind = "push") -> None:
        """Have no more jobs of a queue start until it is resumed; those that run go on.

        Raises NotFound for a push queue that is not defined, ValueError for a name that no path can have.
        """
        await self.send(calls.pause(queue, kind, is_paused=True))

    async def resume(self, queue: str, kind: Kind = "push") -> None:
        """Have jobs of a queue start again. Raises what `pause` raises."""
        await self.send(calls.pause(queue, kind, is_paused=False))
