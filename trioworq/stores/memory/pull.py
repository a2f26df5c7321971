"""The pull jobs of the in-memory store. Nothing here waits."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, assert_never

from attrs import define, evolve, field
from sortedcontainers import SortedList  # type: ignore[import-untyped]

from trioworq.core.jobs import (
    INT64_MAX,
    KEPT_PAYLOAD_BYTES,
    FailedJob,
    FinishedJob,
    Job,
    JobState,
    Payload,
    PayloadForm,
)
from trioworq.core.pull import (
    Completion,
    Heartbeat,
    NewPullJob,
    PullChange,
    PullJob,
    Rescheduling,
    Return,
    Standing,
    TimedOut,
    Verdict,
    is_exhausted,
    judge,
    lease_end_ms,
    retries_at_first,
    timeout_message,
)
from trioworq.core.results import Result, ResultStatus
from trioworq.stores.browsing import JobSearch
from trioworq.stores.claims import Take
from trioworq.stores.interface import Outlook, Page
from trioworq.stores.memory.failures import Failure, Failures
from trioworq.stores.memory.history import History
from trioworq.stores.memory.places import Place, Waiting
from trioworq.stores.paging import fill, pull_job_size
from trioworq.stores.searching import pick_jobs, search_bounds


@define(eq=False)
class PullQueues:
    """Every pull queue; one is there as long as it has jobs, so that names come and go (I13).

    A job that is here stands in exactly one list: in that of its queue if it waits, in that of leases if not.
    """

    _ids: Iterator[int]  # shared with push jobs
    _failures: Failures
    _history: History
    _jobs: dict[int, PullJob] = field(factory=dict)
    _id_of: dict[tuple[str, str], int] = field(factory=dict)  # by (queue, key)
    _waiting: dict[str, Waiting] = field(factory=dict)
    _leases: Any = field(factory=SortedList)  # (when it ends, in ms; id)

    def enqueue(self, jobs: Sequence[NewPullJob]) -> list[int | None]:
        """Store the jobs whose keys are free; return their ids."""
        return [None if (job.queue, job.key) in self._id_of else self._enqueue(job) for job in jobs]

    def take(self, take: Take) -> list[PullJob]:
        """Hand out due jobs."""
        if take.queue not in self._waiting:
            return []
        due = (self._jobs[job_id] for job_id in self._waiting[take.queue].due(take.now_ms))
        return [self._start(job, take.now_ms) for job in fill(islice(due, take.limit), pull_job_size)]

    def change(self, change: PullChange) -> Verdict:
        """Carry out a change if it may be."""
        job = self.find(change.queue, change.key)
        standing = None if job is None else Standing(job.id, job.state, job.attempt)
        verdict = judge(change, standing)
        if job is not None and verdict is Verdict.DONE:
            self._remove(job)
            if (changed := _changed(job, change)) is not None:
                self._insert(changed)
            if isinstance(change, Completion) and change.finished_at_ms is not None:
                self._history.add(_finished(job, change.finished_at_ms))
        return verdict

    def expire_leases(self, now_ms: int, limit: int) -> list[TimedOut]:
        """End leases that ended before `now_ms`."""
        ended = [job_id for _, job_id in self._leases.irange(None, (now_ms, 0))]
        return [self._expire(self._jobs[job_id], now_ms) for job_id in ended[:limit]]

    def outlook(self, queues: Collection[str]) -> Outlook:
        """Return what is next."""
        first_lease_end_ms = self._leases[0][0] if self._leases else None
        first_tries_ms = {
            queue: self._waiting[queue].first_try_ms() for queue in queues if queue in self._waiting
        }
        return Outlook(first_lease_end_ms, first_tries_ms)

    def find(self, queue: str, key: str) -> PullJob | None:
        """Return a job that has not ended."""
        job_id = self._id_of.get((queue, key))
        return None if job_id is None else self._jobs[job_id]

    def search(self, search: JobSearch) -> Page[Job | PullJob]:
        """Return one page of a search."""
        rows = search_bounds(search)
        lowest = max((rows.lowest_ms, 0), (rows.edge.time_ms, rows.edge.id))
        walk = self._places_of(search.queue, rows.state, lowest, (rows.highest_ms, INT64_MAX))
        return pick_jobs((self._jobs[job_id] for _, job_id in walk), search)

    def _places_of(self, queue: str, state: JobState, lowest: Place, highest: Place) -> Iterator[Place]:
        if state is JobState.WAITING:
            waiting = self._waiting.get(queue)
            return iter(()) if waiting is None else waiting.between(lowest, highest)
        running = (self._jobs[job_id] for _, job_id in self._leases)
        places = ((job.run_at_ms, job.id) for job in running if job.queue == queue)
        return iter(sorted(place for place in places if lowest <= place <= highest))

    def hasten(self, job: PullJob, now_ms: int) -> PullJob:
        """Have a job that waits be due now; return it."""
        self._remove(job)
        hastened = evolve(job, run_at_ms=min(job.run_at_ms, now_ms))
        self._insert(hastened)
        return hastened

    def _enqueue(self, job: NewPullJob) -> int:
        stored = job.stored(next(self._ids))
        self._insert(stored)
        return stored.id

    def _start(self, job: PullJob, now_ms: int) -> PullJob:
        self._remove(job)
        running = job.handed_out(now_ms)
        self._insert(running)
        return running

    def _expire(self, job: PullJob, now_ms: int) -> TimedOut:
        self._remove(job)
        is_failed = is_exhausted(job.max_retries, job.retries_left)
        if is_failed:
            self._failures.add(Failure(_failed(self._failures.next_id(), job, now_ms), job))
        else:
            self._insert(_retried(job))
        return TimedOut(
            id=job.id, queue=job.queue, key=job.key, fail_count=job.fail_count + 1, is_failed=is_failed
        )

    def find_id(self, job_id: int) -> PullJob | None:
        """Return a job that has not ended."""
        return self._jobs.get(job_id)

    def all(self) -> Collection[PullJob]:
        """Return every job that has not ended."""
        return self._jobs.values()

    def requeue(self, job: PullJob, now_ms: int) -> None:
        """Have a job that has failed wait again, as if it had never been tried; its key must be free."""
        waiting = evolve(
            job,
            state=JobState.WAITING,
            run_at_ms=now_ms,
            retries_left=retries_at_first(job.max_retries),
            fail_count=0,
            lease_ends_at_ms=None,
            started_at_ms=None,
        )
        self._insert(waiting)

    def _insert(self, job: PullJob) -> None:
        self._jobs[job.id] = job
        self._id_of[job.queue, job.key] = job.id
        if job.lease_ends_at_ms is not None:
            self._leases.add((job.lease_ends_at_ms, job.id))
            return
        if job.queue not in self._waiting:
            self._waiting[job.queue] = Waiting()
        self._waiting[job.queue].add(job.priority, (job.run_at_ms, job.id))

    def _remove(self, job: PullJob) -> None:
        del self._jobs[job.id]
        del self._id_of[job.queue, job.key]
        if job.lease_ends_at_ms is not None:
            self._leases.remove((job.lease_ends_at_ms, job.id))
            return
        self._waiting[job.queue].remove(job.priority, (job.run_at_ms, job.id))
        if not self._waiting[job.queue]:
            del self._waiting[job.queue]


def _changed(job: PullJob, change: PullChange) -> PullJob | None:
    """Return a job as it is after a change; None if it has ended."""
    match change:
        case Heartbeat():
            saved_state = job.saved_state if change.saved_state is None else change.saved_state
            lease_ends_at_ms = lease_end_ms(change.now_ms, job.timeout_s)
            return evolve(job, saved_state=saved_state, lease_ends_at_ms=lease_ends_at_ms)
        case Completion():
            return None
        case Rescheduling():
            return _rescheduled(job, change)
        case Return():
            return evolve(job, state=JobState.WAITING, lease_ends_at_ms=None)
        case _:
            assert_never(change)


def _rescheduled(job: PullJob, change: Rescheduling) -> PullJob:
    return evolve(
        job,
        payload=change.payload,
        saved_state=change.saved_state,
        state=JobState.WAITING,
        priority=job.priority if change.priority is None else change.priority,
        run_at_ms=change.run_at_ms,
        timeout_s=change.timeout_s,
        max_retries=change.max_retries,
        retries_left=retries_at_first(change.max_retries),
        fail_count=0,
        lease_ends_at_ms=None,
        started_at_ms=None,
    )


def _retried(job: PullJob) -> PullJob:
    return evolve(
        job,
        state=JobState.WAITING,
        retries_left=job.retries_left - (job.max_retries >= 0),
        fail_count=job.fail_count + 1,
        lease_ends_at_ms=None,
    )


def _failed(failure_id: int, job: PullJob, now_ms: int) -> FailedJob:
    fail_count = job.fail_count + 1
    return FailedJob(
        id=failure_id,
        job_id=job.id,
        queue=job.queue,
        category="",
        url="",
        payload=Payload(PayloadForm.JSON, job.payload),
        result=Result(ResultStatus.FAILURE, 0, timeout_message(fail_count)),
        fail_count=fail_count,
        failed_at_ms=now_ms,
        created_at_ms=job.created_at_ms,
        key=job.key,
        priority=job.priority,
        started_at_ms=job.started_at_ms,
    )


def _finished(job: PullJob, ended_at_ms: int) -> FinishedJob:
    is_kept = len(job.payload) <= KEPT_PAYLOAD_BYTES
    return FinishedJob(
        job_id=job.id,
        queue=job.queue,
        category="",
        url="",
        payload=Payload(PayloadForm.JSON, job.payload) if is_kept else None,
        priority=job.priority,
        result=Result(ResultStatus.SUCCESS, 0, ""),
        fail_count=job.fail_count,
        created_at_ms=job.created_at_ms,
        started_at_ms=job.started_at_ms,
        ended_at_ms=ended_at_ms,
        key=job.key,
    )
