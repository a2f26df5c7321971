"""The writing half of the stores that commit in batches: each method hands one operation over."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import trio

from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import FailureName, Requeued
from trioworq.core.jobs import FailedJob, Job, Kind
from trioworq.core.leases import Held, Hold
from trioworq.core.load import JobType, LoadSample, TypeName
from trioworq.core.pull import NewPullJob, PullChange, PullJob, Rescheduling, TimedOut, Verdict
from trioworq.core.queues import QueueDefinition
from trioworq.core.retry import Settlement
from trioworq.core.routing import Routing
from trioworq.stores.claims import Push
from trioworq.stores.managing import Chore
from trioworq.stores.operations import (
    AddLoad,
    DeleteFailure,
    DeleteJob,
    DeleteQueue,
    DeleteRouting,
    EnqueueJobs,
    ExpireLeases,
    ForgetFailures,
    ForgetFinished,
    ForgetLoad,
    GiveBack,
    Hasten,
    NameTypes,
    Operation,
    PushJobs,
    PutQueue,
    PutRouting,
    Report,
    RetryFailures,
    SetPaused,
    TakeTurn,
    check_pull_job,
    misfit,
)


class BatchedWrites:
    """The writing methods of `interface.Store`, but for claims.

    `submit` returns an operation's outcome after its commit.
    """

    def __init__(self, submit: Callable[[Operation], Awaitable[Any]]) -> None:
        self._submit = submit

    async def push(self, pushes: Sequence[Push]) -> list[Job | InvalidRequest]:
        """Store jobs in one transaction, as far as they fit."""
        misfits = [misfit(push.job) for push in pushes]
        fitting = [push for push, reason in zip(pushes, misfits, strict=True) if reason is None]
        stored: list[Job | InvalidRequest] = []
        if fitting:
            stored = await self._submit(PushJobs(fitting))
        else:
            await trio.lowlevel.checkpoint()
        outcomes = iter(stored)
        return [reason or next(outcomes) for reason in misfits]

    async def settle(self, settlement: Settlement) -> bool:
        """End an attempt."""
        was_running: bool = await self._submit(settlement)
        return was_running

    async def delete_job(self, queue: str, job_id: int) -> Job | None:
        """Remove a job and return it."""
        job: Job | None = await self._submit(DeleteJob(queue, job_id))
        return job

    async def enqueue(self, jobs: Sequence[NewPullJob]) -> list[int | None]:
        """Store pull jobs in one transaction."""
        for job in jobs:
            check_pull_job(job)
        if not jobs:
            await trio.lowlevel.checkpoint()
            return []
        ids: list[int | None] = await self._submit(EnqueueJobs(jobs))
        return ids

    async def change(self, change: PullChange) -> Verdict:
        """Carry out a change to a pull job."""
        if isinstance(change, Rescheduling):
            check_pull_job(change)
        verdict: Verdict = await self._submit(change)
        return verdict

    async def expire_leases(self, now_ms: int, limit: int) -> list[TimedOut]:
        """End leases of pull jobs."""
        timed_out: list[TimedOut] = await self._submit(ExpireLeases(now_ms, limit))
        return timed_out

    async def delete_failure(self, queue: str, failure_id: int) -> FailedJob | None:
        """Remove an entry of the failure log and return it."""
        failed: FailedJob | None = await self._submit(DeleteFailure(queue, failure_id))
        return failed

    async def hasten(self, job_id: int, now_ms: int) -> Job | PullJob | None:
        """Have a job that waits be due now; return it."""
        job: Job | PullJob | None = await self._submit(Hasten(job_id, now_ms))
        return job

    async def report(self, node_id: str, host: str, report: bytes) -> None:
        """Keep what a live node says of itself."""
        await self._submit(Report(node_id, host, report))

    async def retry_failures(self, failure_ids: Sequence[int], now_ms: int) -> list[Requeued | None]:
        """Have failed jobs wait again."""
        requeued: list[Requeued | None] = await self._submit(RetryFailures(failure_ids, now_ms))
        return requeued

    async def forget_failures(self, failure_ids: Sequence[int]) -> list[FailureName | None]:
        """Remove failures of either kind."""
        names: list[FailureName | None] = await self._submit(ForgetFailures(failure_ids))
        return names

    async def forget_finished(self, job_ids: Sequence[int]) -> None:
        """Remove jobs from the history."""
        await self._submit(ForgetFinished(job_ids))

    async def name_types(self, types: Collection[TypeName]) -> list[JobType]:
        """Return job types with their numbers."""
        named: list[JobType] = await self._submit(NameTypes(types))
        return named

    async def add_load(self, sample: LoadSample) -> None:
        """Store a sample of the load."""
        await self._submit(AddLoad(sample))

    async def forget_load(self, before_ms: int, limit: int) -> int:
        """Remove the oldest samples from before a time; return how many."""
        count: int = await self._submit(ForgetLoad(before_ms, limit))
        return count

    async def take_turn(self, chore: Chore, now_ms: int, period_ms: int) -> bool:
        """Say whether a chore is this node's now."""
        is_ours: bool = await self._submit(TakeTurn(chore, now_ms, period_ms))
        return is_ours

    async def set_paused(self, kind: Kind, queue: str, *, is_paused: bool) -> bool:
        """Pause or resume a queue; True if that changed anything. Raises NoSuchQueue."""
        is_change: bool = await self._submit(SetPaused(kind, queue, is_paused))
        return is_change

    async def put_queue(self, definition: QueueDefinition) -> bool:
        """Define a queue; True if that changed anything."""
        is_change: bool = await self._submit(PutQueue(definition))
        return is_change

    async def add_queue(self, definition: QueueDefinition) -> bool:
        """Define a queue unless it is defined; True if it was not."""
        is_change: bool = await self._submit(PutQueue(definition, replaces=False))
        return is_change

    async def delete_queue(self, name: str) -> QueueDefinition | None:
        """Remove a definition and return it."""
        definition: QueueDefinition | None = await self._submit(DeleteQueue(name))
        return definition

    async def put_routing(self, routing: Routing) -> bool:
        """Route a category; True if that changed anything. Raises NoSuchQueue."""
        is_change: bool = await self._submit(PutRouting(routing))
        return is_change

    async def delete_routing(self, category: str) -> Routing | None:
        """Remove a routing and return it."""
        routing: Routing | None = await self._submit(DeleteRouting(category))
        return routing

    async def hold(self, hold: Hold) -> Held:
        """Take or renew leases; return those held."""
        held: Held = await self._submit(hold)
        return held

    async def give_back(self, node_id: str, now_ms: int, queues: Sequence[str] | None = None) -> None:
        """End leases of a node."""
        await self._submit(GiveBack(node_id, now_ms, queues))
