"""The in-memory store: everything is gone when the process ends, and nothing waits for a disk.

Every method passes one checkpoint first and then works without another, so it is carried out as a whole
or, if cancelled, not at all.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import count, islice
from typing import assert_never

import trio
from attrs import evolve

from trioworq.core.errors import InvalidRequest, NoSuchQueue
from trioworq.core.jobs import INT64_MAX, FailedJob, Job, JobState, Kind
from trioworq.core.leases import Held, Hold
from trioworq.core.pull import NewPullJob, PullChange, PullJob, Rescheduling, TimedOut, Verdict
from trioworq.core.queues import Owner, QueueDefinition, Revision
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.core.routing import Routing
from trioworq.stores.claims import Claim, Claimant, Push, Taker
from trioworq.stores.commits import Commits
from trioworq.stores.interface import FailureQuery, JobQuery, Outlook, Page, Schema, Sighting
from trioworq.stores.memory.failures import Failures
from trioworq.stores.memory.ownership import Ownership
from trioworq.stores.memory.places import Places
from trioworq.stores.memory.pull import PullQueues
from trioworq.stores.operations import check_pull_job, misfit
from trioworq.stores.paging import bounds, cut_jobs, fill, job_size
from trioworq.stores.starts import Head, may_start


class MemoryStore:
    """`interface.Store` in this process's memory."""

    def __init__(self) -> None:
        self._job_ids = count(1)
        self._jobs: dict[int, Job] = {}
        self._places: defaultdict[str, Places] = defaultdict(Places)
        self._failures = Failures()
        self._pull = PullQueues(self._job_ids, self._failures)
        self._queues: dict[str, QueueDefinition] = {}
        self._routings: dict[str, Routing] = {}
        self._revision = Revision(queues=0, routings=0)
        self._ownership = Ownership()
        self._deletions = 0

    async def push(self, pushes: Sequence[Push]) -> list[Job | InvalidRequest]:
        """Store jobs as far as they fit."""
        await trio.lowlevel.checkpoint()
        return [misfit(push.job) or self._push(push) for push in pushes]

    async def claim(self, claimant: Claimant) -> None:
        """Claim due jobs, step by step."""
        await trio.lowlevel.checkpoint()
        while (claim := claimant.ask()) is not None:
            claimant.take(self._claim(claim))

    def _claim(self, claim: Claim) -> list[Job]:
        if self._ownership.epoch(claim.queue) != claim.epoch:
            return []
        places = self._places[claim.queue]
        due = (self._jobs[job_id] for job_id in places.waiting.due(claim.now_ms))
        return [self._start(job) for job in fill(islice(due, claim.limit), job_size)]

    def _start(self, job: Job) -> Job:
        self._remove(job)
        running = evolve(job, state=JobState.RUNNING, attempt=job.attempt + 1)
        self._insert(running)
        return running

    async def settle(self, settlement: Settlement) -> bool:
        """End an attempt."""
        await trio.lowlevel.checkpoint()
        job = self._jobs.get(settlement.job_id)
        if job is None or job.state is not JobState.RUNNING or job.attempt != settlement.attempt:
            return False
        self._remove(job)
        match settlement:
            case Completed():
                pass
            case Retried():
                self._insert(_retried(job, settlement))
            case Released():
                self._insert(evolve(job, state=JobState.WAITING))
            case Failed():
                self._failures.add(_failed(self._failures.next_id(), job, settlement))
            case _:
                assert_never(settlement)
        return True

    async def job(self, queue: str, job_id: int) -> Job | None:
        """Return a job that has not ended."""
        await trio.lowlevel.checkpoint()
        return self._find(queue, job_id)

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return one page of a list."""
        await trio.lowlevel.checkpoint()
        rows = bounds(query)
        edge = (rows.edge.time_ms, rows.edge.id)
        lowest, highest = (rows.lowest_ms, 0), (rows.highest_ms, INT64_MAX)
        lowest, highest = (max(lowest, edge), highest) if query.ascending else (lowest, min(highest, edge))
        if query.queue not in self._places:
            return Page([], None)
        walk = self._places[query.queue].between(rows.state, lowest, highest, ascending=query.ascending)
        return cut_jobs((self._jobs[job_id] for _, job_id in walk), query.limit)

    async def delete_job(self, queue: str, job_id: int) -> Job | None:
        """Remove a job and return it."""
        await trio.lowlevel.checkpoint()
        job = self._find(queue, job_id)
        if job is not None:
            self._remove(job)
            self._deletions += job.state is JobState.RUNNING
        return job

    async def due_queues(self, now_ms: int) -> list[str]:
        """Name the queues that have a job to claim."""
        await trio.lowlevel.checkpoint()
        return [name for name in self._queues if name in self._places and self._places[name].is_due(now_ms)]

    async def enqueue(self, jobs: Sequence[NewPullJob]) -> list[int | None]:
        """Store pull jobs whose keys are free."""
        for job in jobs:
            check_pull_job(job)
        await trio.lowlevel.checkpoint()
        return self._pull.enqueue(jobs)

    async def take(self, taker: Taker) -> None:
        """Hand out pull jobs, step by step."""
        await trio.lowlevel.checkpoint()
        while (take := taker.ask()) is not None:
            taker.take(self._pull.take(take))

    async def change(self, change: PullChange) -> Verdict:
        """Carry out a change to a pull job."""
        if isinstance(change, Rescheduling):
            check_pull_job(change)
        await trio.lowlevel.checkpoint()
        return self._pull.change(change)

    async def expire_leases(self, now_ms: int, limit: int) -> list[TimedOut]:
        """End leases of pull jobs."""
        await trio.lowlevel.checkpoint()
        return self._pull.expire_leases(now_ms, limit)

    async def outlook(self, queues: Collection[str]) -> Outlook:
        """Return what is next for pull jobs."""
        await trio.lowlevel.checkpoint()
        return self._pull.outlook(queues)

    async def pull_job(self, queue: str, key: str) -> PullJob | None:
        """Return a pull job that has not ended."""
        await trio.lowlevel.checkpoint()
        return self._pull.find(queue, key)

    async def failures(self, query: FailureQuery) -> Page[FailedJob]:
        """Return one page of the failure log."""
        await trio.lowlevel.checkpoint()
        return self._failures.page(query)

    async def failure(self, queue: str, failure_id: int) -> FailedJob | None:
        """Return an entry of the failure log."""
        await trio.lowlevel.checkpoint()
        return self._failures.find(Kind.PUSH, queue, failure_id)

    async def delete_failure(self, queue: str, failure_id: int) -> FailedJob | None:
        """Remove an entry of the failure log and return it."""
        await trio.lowlevel.checkpoint()
        return self._failures.pop(Kind.PUSH, queue, failure_id)

    async def queues(self) -> list[QueueDefinition]:
        """Return every definition."""
        await trio.lowlevel.checkpoint()
        # By code points, which is the order of their bytes in UTF-8 too.
        return sorted(self._queues.values(), key=lambda definition: definition.name)

    async def queue(self, name: str) -> QueueDefinition | None:
        """Return a queue's definition."""
        await trio.lowlevel.checkpoint()
        return self._queues.get(name)

    async def put_queue(self, definition: QueueDefinition) -> bool:
        """Define a queue; True if that changed anything."""
        await trio.lowlevel.checkpoint()
        if self._queues.get(definition.name) == definition:
            return False
        self._queues[definition.name] = definition
        self._revision = evolve(self._revision, queues=self._revision.queues + 1)
        return True

    async def add_queue(self, definition: QueueDefinition) -> bool:
        """Define a queue unless it is defined; True if it was not."""
        if definition.name in self._queues:
            await trio.lowlevel.checkpoint()
            return False
        return await self.put_queue(definition)

    async def delete_queue(self, name: str) -> QueueDefinition | None:
        """Remove a definition and return it."""
        await trio.lowlevel.checkpoint()
        definition = self._queues.pop(name, None)
        if definition is not None:
            self._revision = evolve(self._revision, queues=self._revision.queues + 1)
        return definition

    async def routings(self) -> list[Routing]:
        """Return every routing."""
        await trio.lowlevel.checkpoint()
        return sorted(self._routings.values(), key=lambda routing: (routing.queue, routing.category))

    async def put_routing(self, routing: Routing) -> bool:
        """Route a category; True if that changed anything. Raises NoSuchQueue."""
        await trio.lowlevel.checkpoint()
        if routing.queue not in self._queues:
            raise NoSuchQueue(routing.queue)
        if self._routings.get(routing.category) == routing:
            return False
        self._routings[routing.category] = routing
        self._revision = evolve(self._revision, routings=self._revision.routings + 1)
        return True

    async def delete_routing(self, category: str) -> Routing | None:
        """Remove a routing and return it."""
        await trio.lowlevel.checkpoint()
        routing = self._routings.pop(category, None)
        if routing is not None:
            self._revision = evolve(self._revision, routings=self._revision.routings + 1)
        return routing

    async def revision(self) -> Revision:
        """Return how often definitions and routings have changed."""
        await trio.lowlevel.checkpoint()
        return self._revision

    async def hold(self, hold: Hold) -> Held:
        """Take or renew leases; return those held."""
        await trio.lowlevel.checkpoint()
        planned = self._ownership.hold(hold)
        return planned.held({queue: self._release_running(queue) for queue in planned.taken})

    async def give_back(self, node_id: str, now_ms: int, queues: Sequence[str] | None = None) -> None:
        """End leases of a node."""
        await trio.lowlevel.checkpoint()
        self._ownership.give_back(node_id, now_ms, queues)

    async def owner(self, queue: str, now_ms: int) -> Owner | None:
        """Return who holds the lease of a queue."""
        await trio.lowlevel.checkpoint()
        return self._ownership.owner(queue, now_ms)

    async def look_round(self, now_ms: int) -> Sighting:
        """Look at the other nodes and at what they have let go."""
        await trio.lowlevel.checkpoint()
        free = self._ownership.free(now_ms).intersection(self._queues)
        return Sighting(self._ownership.peers(), free, self._deletions)

    async def missing_jobs(self, job_ids: Sequence[int]) -> set[int]:
        """Return which of these jobs are no longer there."""
        await trio.lowlevel.checkpoint()
        return {job_id for job_id in job_ids if job_id not in self._jobs}

    async def schema(self) -> Schema:
        """Return that there is none, and none needed."""
        await trio.lowlevel.checkpoint()
        return Schema(0, 0)

    @property
    def commits(self) -> Commits:
        """Return that there have been none."""
        return Commits()

    async def clock_ms(self) -> None:
        """Return None: there is no clock but this machine's."""
        await trio.lowlevel.checkpoint()

    def _push(self, push: Push) -> Job:
        start = push.offer and push.offer()
        is_running = may_start(push.job, start, self._heads(push.job.queue))
        stored = push.job.stored(next(self._job_ids), is_running=is_running)
        self._insert(stored)
        if start is not None and is_running:
            start.begin(stored)
        elif start is not None:
            start.withdraw()
        return stored

    def _heads(self, queue: str) -> dict[str, Head]:
        epoch = self._ownership.epoch(queue)
        return {} if epoch is None else {queue: Head(epoch, self._places[queue].first_try_ms())}

    def _find(self, queue: str, job_id: int) -> Job | None:
        job = self._jobs.get(job_id)
        return job if job is not None and job.queue == queue else None

    def _insert(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._places[job.queue].add(job)

    def _remove(self, job: Job) -> None:
        del self._jobs[job.id]
        self._places[job.queue].remove(job)

    def _release_running(self, queue: str) -> int:
        running = list(self._places[queue].running)
        for _, job_id in running:
            job = self._jobs[job_id]
            self._remove(job)
            self._insert(evolve(job, state=JobState.WAITING))
        return len(running)


def _retried(job: Job, retried: Retried) -> Job:
    return evolve(
        job,
        state=JobState.WAITING,
        next_try_ms=retried.next_try_ms,
        retries_left=retried.retries_left,
        fail_count=retried.fail_count,
    )


def _failed(failure_id: int, job: Job, failed: Failed) -> FailedJob:
    return FailedJob(
        id=failure_id,
        job_id=job.id,
        queue=job.queue,
        category=job.category,
        url=job.url,
        payload=job.payload,
        result=failed.result,
        fail_count=failed.fail_count,
        failed_at_ms=failed.failed_at_ms,
        created_at_ms=job.created_at_ms,
    )
