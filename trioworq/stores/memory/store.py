"""The in-memory store: everything is gone when the process ends, and nothing waits for a disk.

Every method passes one checkpoint first and then works without another, so it is carried out as a whole
or, if cancelled, not at all.
"""

from collections.abc import Collection, Sequence
from itertools import count, islice

import trio

from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import FailureFilter, FailureName, Obstacle, Requeued
from trioworq.core.jobs import FailedJob, FinishedJob, Job, JobState, Kind
from trioworq.core.leases import Held, Hold
from trioworq.core.load import EndedCount, JobCount, JobType, LoadPoint, LoadQuery, LoadSample, TypeName
from trioworq.core.pull import (
    NewPullJob,
    PullChange,
    PullJob,
    Rescheduling,
    TimedOut,
    Verdict,
)
from trioworq.core.queues import Owner, QueueDefinition, Revision
from trioworq.core.retry import Settlement
from trioworq.core.routing import Routing
from trioworq.stores.claims import Claimant, Push, Taker
from trioworq.stores.commits import Commits
from trioworq.stores.interface import FailureQuery, JobQuery, Outlook, Page, Schema, Sighting
from trioworq.stores.managing import Chore
from trioworq.stores.memory.browsing import BrowsedMemory
from trioworq.stores.memory.counts import count_jobs
from trioworq.stores.memory.definitions import Definitions
from trioworq.stores.memory.failures import Failures
from trioworq.stores.memory.history import History
from trioworq.stores.memory.load import LoadLog, Turns
from trioworq.stores.memory.ownership import Ownership
from trioworq.stores.memory.pull import PullQueues
from trioworq.stores.memory.push import PushQueues
from trioworq.stores.operations import check_pull_job, misfit
from trioworq.stores.paging import cut_failures, fitting


class MemoryStore(BrowsedMemory):
    """`interface.Store` in this process's memory."""

    def __init__(self) -> None:
        job_ids = count(1)
        failures, history = Failures(), History()
        super().__init__(
            push=PushQueues(job_ids, failures, history),
            pull=PullQueues(job_ids, failures, history),
            failures=failures,
            history=history,
            load=LoadLog(),
            ownership=Ownership(),
        )
        self._turns = Turns()
        self._definitions = Definitions()
        self._deletions = 0

    async def push(self, pushes: Sequence[Push]) -> list[Job | InvalidRequest]:
        """Store jobs as far as they fit."""
        await trio.lowlevel.checkpoint()
        return [
            misfit(push.job) or self._push.push(push, self._ownership.epoch(push.job.queue))
            for push in pushes
        ]

    async def claim(self, claimant: Claimant) -> None:
        """Claim due jobs, step by step."""
        await trio.lowlevel.checkpoint()
        while (claim := claimant.ask()) is not None:
            is_current = self._ownership.epoch(claim.queue) == claim.epoch
            claimant.take(self._push.claim(claim) if is_current else [])

    async def settle(self, settlement: Settlement) -> bool:
        """End an attempt."""
        await trio.lowlevel.checkpoint()
        return self._push.settle(settlement)

    async def job(self, queue: str, job_id: int) -> Job | None:
        """Return a job that has not ended."""
        await trio.lowlevel.checkpoint()
        job = self._push.find(job_id)
        return job if job is not None and job.queue == queue else None

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return one page of a list."""
        await trio.lowlevel.checkpoint()
        return self._push.page(query)

    async def delete_job(self, queue: str, job_id: int) -> Job | None:
        """Remove a job and return it."""
        await trio.lowlevel.checkpoint()
        job = self._push.pop(queue, job_id)
        self._deletions += job is not None and job.state is JobState.RUNNING
        return job

    async def due_queues(self, now_ms: int) -> list[str]:
        """Name the queues that have a job to claim."""
        await trio.lowlevel.checkpoint()
        return [name for name in self._definitions.queues if self._push.is_due(name, now_ms)]

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
        return self._find_failure(queue, failure_id)

    async def delete_failure(self, queue: str, failure_id: int) -> FailedJob | None:
        """Remove an entry of the failure log and return it."""
        await trio.lowlevel.checkpoint()
        failed = self._find_failure(queue, failure_id)
        if failed is not None:
            self._failures.pop(failure_id)
        return failed

    async def failed_jobs(self, wanted: FailureFilter, offset: int, limit: int) -> Sequence[FailedJob]:
        """Return failures of both kinds, the oldest first."""
        await trio.lowlevel.checkpoint()
        found = islice(self._failures.wanted(wanted), offset, offset + limit)
        return cut_failures((failure.entry for failure in found), limit).items

    async def count_failures(self, wanted: FailureFilter) -> int:
        """Count failures of both kinds."""
        await trio.lowlevel.checkpoint()
        return sum(1 for _ in self._failures.wanted(wanted))

    async def failure_ids(self, wanted: FailureFilter, after_id: int, until_id: int, limit: int) -> list[int]:
        """Return the first ids of failures within a range of them."""
        await trio.lowlevel.checkpoint()
        found = islice(self._failures.wanted(wanted, after_id, until_id), limit)
        return [failure.entry.id for failure in fitting(found, lambda failure: failure.size)]

    async def newest_failure_id(self) -> int:
        """Return the greatest id of a failure."""
        await trio.lowlevel.checkpoint()
        return self._failures.newest_id

    async def retry_failures(self, failure_ids: Sequence[int], now_ms: int) -> list[Requeued | None]:
        """Have failed jobs wait again."""
        await trio.lowlevel.checkpoint()
        return [self._retry(failure_id, now_ms) for failure_id in failure_ids]

    async def forget_failures(self, failure_ids: Sequence[int]) -> list[FailureName | None]:
        """Remove failures of either kind."""
        await trio.lowlevel.checkpoint()
        failures = [self._failures.pop(failure_id) for failure_id in failure_ids]
        return [None if failure is None else failure.name for failure in failures]

    async def outdated_failures(self, before_ms: int, limit: int) -> list[int]:
        """Return ids of failures from before a time."""
        await trio.lowlevel.checkpoint()
        return self._failures.outdated(before_ms, limit)

    async def find_job(self, job_id: int) -> Job | PullJob | FailedJob | FinishedJob | None:
        """Return a job wherever it is."""
        await trio.lowlevel.checkpoint()
        return (
            self._push.find(job_id)
            or self._pull.find_id(job_id)
            or self._failures.of_job(job_id)
            or self._history.find(job_id)
        )

    async def count_jobs(self, now_ms: int, queue: str | None = None) -> list[JobCount]:
        """Count the jobs that have not ended."""
        await trio.lowlevel.checkpoint()
        return count_jobs(self._push.all(), self._pull.all(), now_ms, queue)

    async def count_ended(self, queue: str | None = None) -> EndedCount:
        """Count the failures and the history."""
        await trio.lowlevel.checkpoint()
        return EndedCount(self._failures.count(queue), self._history.count(queue))

    async def outdated_finished(self, before_ms: int, most: int, limit: int) -> list[int]:
        """Return job ids of the history that are to be forgotten."""
        await trio.lowlevel.checkpoint()
        return self._history.outdated(before_ms, most, limit)

    async def forget_finished(self, job_ids: Sequence[int]) -> None:
        """Remove jobs from the history."""
        await trio.lowlevel.checkpoint()
        self._history.forget(job_ids)

    async def job_types(self, types: Collection[TypeName] | None = None) -> list[JobType]:
        """Return job types that have a number."""
        await trio.lowlevel.checkpoint()
        return self._load.types(types)

    async def name_types(self, types: Collection[TypeName]) -> list[JobType]:
        """Return job types with their numbers."""
        await trio.lowlevel.checkpoint()
        return self._load.name(types)

    async def add_load(self, sample: LoadSample) -> None:
        """Store a sample."""
        await trio.lowlevel.checkpoint()
        self._load.add(sample)

    async def count_load(self, first_ms: int, last_ms: int) -> int:
        """Count samples."""
        await trio.lowlevel.checkpoint()
        return self._load.count(first_ms, last_ms)

    async def load(self, query: LoadQuery) -> list[LoadPoint]:
        """Return samples."""
        await trio.lowlevel.checkpoint()
        return self._load.series(query)

    async def forget_load(self, before_ms: int, limit: int) -> int:
        """Remove the oldest samples; return how many."""
        await trio.lowlevel.checkpoint()
        return self._load.forget(before_ms, limit)

    async def take_turn(self, chore: Chore, now_ms: int, period_ms: int) -> bool:
        """Say whether a chore is this node's now."""
        await trio.lowlevel.checkpoint()
        return self._turns.take(chore, now_ms, period_ms)

    async def queues(self) -> list[QueueDefinition]:
        """Return every definition."""
        await trio.lowlevel.checkpoint()
        # By code points, which is the order of their bytes in UTF-8 too.
        return sorted(self._definitions.queues.values(), key=lambda definition: definition.name)

    async def queue(self, name: str) -> QueueDefinition | None:
        """Return a queue's definition."""
        await trio.lowlevel.checkpoint()
        return self._definitions.queues.get(name)

    async def put_queue(self, definition: QueueDefinition) -> bool:
        """Define a queue; True if that changed anything."""
        await trio.lowlevel.checkpoint()
        return self._definitions.put_queue(definition, replaces=True)

    async def add_queue(self, definition: QueueDefinition) -> bool:
        """Define a queue unless it is defined; True if it was not."""
        await trio.lowlevel.checkpoint()
        return self._definitions.put_queue(definition, replaces=False)

    async def delete_queue(self, name: str) -> QueueDefinition | None:
        """Remove a definition and return it."""
        await trio.lowlevel.checkpoint()
        return self._definitions.delete_queue(name)

    async def routings(self) -> list[Routing]:
        """Return every routing."""
        await trio.lowlevel.checkpoint()
        routings = self._definitions.routings.values()
        return sorted(routings, key=lambda routing: (routing.queue, routing.category))

    async def put_routing(self, routing: Routing) -> bool:
        """Route a category; True if that changed anything. Raises NoSuchQueue."""
        await trio.lowlevel.checkpoint()
        return self._definitions.put_routing(routing)

    async def delete_routing(self, category: str) -> Routing | None:
        """Remove a routing and return it."""
        await trio.lowlevel.checkpoint()
        return self._definitions.delete_routing(category)

    async def set_paused(self, kind: Kind, queue: str, *, is_paused: bool) -> bool:
        """Pause or resume a queue; True if that changed anything. Raises NoSuchQueue."""
        await trio.lowlevel.checkpoint()
        return self._definitions.set_paused(kind, queue, is_paused=is_paused)

    async def paused_queues(self) -> frozenset[tuple[Kind, str]]:
        """Return the queues that are paused."""
        await trio.lowlevel.checkpoint()
        return frozenset(self._definitions.paused)

    async def revision(self) -> Revision:
        """Return how often definitions and routings have changed."""
        await trio.lowlevel.checkpoint()
        return self._definitions.revision

    async def hold(self, hold: Hold) -> Held:
        """Take or renew leases; return those held."""
        await trio.lowlevel.checkpoint()
        planned = self._ownership.hold(hold)
        return planned.held({queue: self._push.release_running(queue) for queue in planned.taken})

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
        free = self._ownership.free(now_ms).intersection(self._definitions.queues)
        return Sighting(self._ownership.peers(), free, self._deletions, self._definitions.pauses)

    async def missing_jobs(self, job_ids: Sequence[int]) -> set[int]:
        """Return which of these jobs are no longer there."""
        await trio.lowlevel.checkpoint()
        return self._push.missing(job_ids)

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

    def _find_failure(self, queue: str, failure_id: int) -> FailedJob | None:
        failure = self._failures.get(failure_id)
        if failure is None or (failure.entry.kind, failure.entry.queue) != (Kind.PUSH, queue):
            return None
        return failure.entry

    def _retry(self, failure_id: int, now_ms: int) -> Requeued | None:
        failure = self._failures.get(failure_id)
        if failure is None:
            return None
        obstacle = self._obstacle(failure.name)
        if obstacle is None:
            self._failures.pop(failure_id)
            match failure.job:
                case Job():
                    self._push.requeue(failure.job, now_ms)
                case PullJob():
                    self._pull.requeue(failure.job, now_ms)
        return Requeued(failure.name, obstacle)

    def _obstacle(self, name: FailureName) -> Obstacle | None:
        if name.key is None:
            return None if name.queue in self._definitions.queues else Obstacle.QUEUE_IS_GONE
        return None if self._pull.find(name.queue, name.key) is None else Obstacle.KEY_IS_TAKEN
