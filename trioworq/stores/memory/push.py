"""The push jobs of the in-memory store. Nothing here waits."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import assert_never

from attrs import define, evolve, field

from trioworq.core.jobs import INT64_MAX, FailedJob, Job, JobState
from trioworq.core.pull import PullJob
from trioworq.core.results import Result, read_last_error, write_last_error
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.stores.browsing import JobSearch
from trioworq.stores.claims import Claim, Push
from trioworq.stores.interface import JobQuery, Page
from trioworq.stores.memory.failures import Failure, Failures
from trioworq.stores.memory.history import History
from trioworq.stores.memory.places import Places
from trioworq.stores.paging import Bounds, bounds, cut_jobs, fill, job_size
from trioworq.stores.searching import pick_jobs, search_bounds
from trioworq.stores.starts import Head, may_start


@define(eq=False)
class PushQueues:
    """Every push job, and where it stands in its queue."""

    _ids: Iterator[int]  # shared with pull jobs
    _failures: Failures
    _history: History
    _jobs: dict[int, Job] = field(factory=dict)
    _places: defaultdict[str, Places] = field(factory=lambda: defaultdict(Places))
    _last_errors: dict[int, bytes] = field(factory=dict)

    def push(self, push: Push, epoch: int | None) -> Job:
        """Store a job, as running if it may start under the queue's `epoch`."""
        start = push.offer and push.offer()
        queue = push.job.queue
        heads = {} if epoch is None else {queue: Head(epoch, self._places[queue].first_try_ms())}
        is_running = may_start(push.job, start, heads)
        stored = push.job.stored(next(self._ids), is_running=is_running)
        self._insert(stored)
        if start is not None and is_running:
            start.begin(stored)
        elif start is not None:
            start.withdraw()
        return stored

    def claim(self, claim: Claim) -> list[Job]:
        """Mark due jobs as running."""
        due = (self._jobs[job_id] for job_id in self._places[claim.queue].waiting.due(claim.now_ms))
        return [self._start(job, claim.now_ms) for job in fill(islice(due, claim.limit), job_size)]

    def _start(self, job: Job, now_ms: int) -> Job:
        self._remove(job)
        running = evolve(job, state=JobState.RUNNING, attempt=job.attempt + 1, started_at_ms=now_ms)
        self._insert(running)
        return running

    def settle(self, settlement: Settlement) -> bool:
        """End an attempt, if it is the running one."""
        job = self._jobs.get(settlement.job_id)
        if job is None or job.state is not JobState.RUNNING or job.attempt != settlement.attempt:
            return False
        self._remove(job)
        match settlement:
            case Completed():
                self._last_errors.pop(job.id, None)
                if settlement.finished is not None:
                    self._history.add(settlement.finished)
            case Retried():
                self._insert(_retried(job, settlement))
                self._last_errors[job.id] = write_last_error(settlement.result)
            case Released():
                self._insert(evolve(job, state=JobState.WAITING))
            case Failed():
                self._last_errors.pop(job.id, None)
                failed = _failed(self._failures.next_id(), job, settlement)
                self._failures.add(Failure(failed, job))
            case _:
                assert_never(settlement)
        return True

    def find(self, job_id: int) -> Job | None:
        """Return a job that has not ended."""
        return self._jobs.get(job_id)

    def last_error(self, job_id: int) -> Result | None:
        """Return what is kept of the last attempt at a job that is tried again."""
        kept = self._last_errors.get(job_id)
        return None if kept is None else read_last_error(kept)

    def page(self, query: JobQuery) -> Page[Job]:
        """Return one page of a list."""
        return cut_jobs(self._walk(query.queue, bounds(query), ascending=query.ascending), query.limit)

    def search(self, search: JobSearch) -> Page[Job | PullJob]:
        """Return one page of a search."""
        return pick_jobs(self._walk(search.queue, search_bounds(search), ascending=True), search)

    def _walk(self, queue: str, rows: Bounds, *, ascending: bool) -> Iterator[Job]:
        if queue not in self._places:
            return iter(())
        edge = (rows.edge.time_ms, rows.edge.id)
        lowest, highest = (rows.lowest_ms, 0), (rows.highest_ms, INT64_MAX)
        lowest, highest = (max(lowest, edge), highest) if ascending else (lowest, min(highest, edge))
        walk = self._places[queue].between(rows.state, lowest, highest, ascending=ascending)
        return (self._jobs[job_id] for _, job_id in walk)

    def hasten(self, job: Job, now_ms: int) -> Job:
        """Have a job that waits be due now; return it."""
        self._remove(job)
        hastened = evolve(job, next_try_ms=min(job.next_try_ms, now_ms))
        self._insert(hastened)
        return hastened

    def pop(self, queue: str, job_id: int) -> Job | None:
        """Remove a job and return it."""
        job = self._jobs.get(job_id)
        if job is None or job.queue != queue:
            return None
        self._remove(job)
        self._last_errors.pop(job_id, None)
        return job

    def is_due(self, queue: str, now_ms: int) -> bool:
        """Whether a queue has a job to claim."""
        return queue in self._places and self._places[queue].is_due(now_ms)

    def missing(self, job_ids: Sequence[int]) -> set[int]:
        """Return which of these jobs are not there."""
        return {job_id for job_id in job_ids if job_id not in self._jobs}

    def release_running(self, queue: str) -> int:
        """Have the running jobs of a queue wait again; return how many."""
        running = [self._jobs[job_id] for _, job_id in self._places[queue].running]
        for job in running:
            self._remove(job)
            self._insert(evolve(job, state=JobState.WAITING))
        return len(running)

    def all(self) -> Collection[Job]:
        """Return every job that has not ended."""
        return self._jobs.values()

    def requeue(self, job: Job, now_ms: int) -> None:
        """Have a job that has failed wait again, as if it had never been tried."""
        waiting = evolve(
            job,
            state=JobState.WAITING,
            next_try_ms=now_ms,
            retries_left=job.max_retries,
            fail_count=0,
            started_at_ms=None,
        )
        self._insert(waiting)

    def _insert(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._places[job.queue].add(job)

    def _remove(self, job: Job) -> None:
        del self._jobs[job.id]
        self._places[job.queue].remove(job)


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
        priority=job.priority,
        started_at_ms=job.started_at_ms,
    )
