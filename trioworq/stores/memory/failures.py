"""The failed store of the in-memory store: each queue's failures in both of their orders, and all by id."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from heapq import merge
from itertools import count, islice
from typing import Any

from attrs import define, field, frozen
from sortedcontainers import SortedDict, SortedList  # type: ignore[import-untyped]

from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter, FailureName, error_of
from trioworq.core.jobs import FailedJob, Job, Kind
from trioworq.core.pull import PullJob
from trioworq.stores.interface import FailureOrder, FailureQuery, Page
from trioworq.stores.paging import LAST, cut_failures, failure_place, failure_size, job_size, pull_job_size
from trioworq.stores.searching import is_part, pick


@frozen
class Failure:
    """A job that has failed: what is shown of it, and the job as its last attempt left it."""

    entry: FailedJob
    job: Job | PullJob
    error: str = field(init=False)

    @error.default
    def _error_of_entry(self) -> str:
        return error_of(self.entry.result)

    @property
    def size(self) -> int:
        """How much of `CLAIM_BYTES` its job takes."""
        return pull_job_size(self.job) if isinstance(self.job, PullJob) else job_size(self.job)

    @property
    def name(self) -> FailureName:
        """The names of its job."""
        return FailureName(self.entry.job_id, self.entry.queue, self.entry.key)


@define(eq=False)
class Failures:
    """What has failed, of both kinds, under ids that are never used twice."""

    _ids: Iterator[int] = field(factory=lambda: count(1))
    _all: Any = field(factory=SortedDict)  # id → Failure
    _id_of: dict[int, int] = field(factory=dict)  # by the job's id
    _logs: dict[tuple[Kind, str], "_Log"] = field(factory=lambda: defaultdict(_Log))

    def next_id(self) -> int:
        """Return the id for the next entry."""
        return next(self._ids)

    @property
    def newest_id(self) -> int:
        """The greatest id of an entry that is there; 0 if there is none."""
        return self._all.keys()[-1] if self._all else 0

    def add(self, failure: Failure) -> None:
        """Enter a failure."""
        entry = failure.entry
        self._all[entry.id] = failure
        self._id_of[entry.job_id] = entry.id
        self._logs[entry.kind, entry.queue].add(entry)

    def get(self, failure_id: int) -> Failure | None:
        """Return a failure."""
        failure: Failure | None = self._all.get(failure_id)
        return failure

    def pop(self, failure_id: int) -> Failure | None:
        """Remove a failure and return it."""
        failure: Failure | None = self._all.pop(failure_id, None)
        if failure is not None:
            entry = failure.entry
            del self._id_of[entry.job_id]
            self._logs[entry.kind, entry.queue].remove(entry)
            if not self._logs[entry.kind, entry.queue]:
                del self._logs[entry.kind, entry.queue]
        return failure

    def of_job(self, job_id: int) -> FailedJob | None:
        """Return the entry of a job."""
        failure = self.get(self._id_of.get(job_id, 0))
        return None if failure is None else failure.entry

    def page(self, query: FailureQuery) -> Page[FailedJob]:
        """Return one page of a queue's log."""
        log = self._logs.get((query.kind, query.queue))
        return log.page(query) if log is not None else Page([], None)

    def count(self, queue: str | None) -> int:
        """Count entries, of all queues or of those of a name."""
        if queue is None:
            return len(self._all)
        return sum(len(self._logs.get((kind, queue), ())) for kind in Kind)

    def wanted(
        self, wanted: FailureFilter, after_id: int | None = None, until_id: int | None = None
    ) -> Iterator[Failure]:
        """Walk failures by id, ascending."""
        for failure_id in self._all.irange(after_id, until_id, (False, True)):
            failure: Failure = self._all[failure_id]
            if _matches(failure, wanted):
                yield failure

    def newest(self, wanted: FailureFilter, cursor: Cursor | None, limit: int) -> Page[FailedJob]:
        """Return one page of entries, the newest first."""
        failures = (self._all[failure_id] for failure_id in self._down(wanted, (cursor or LAST).id))
        page = pick(
            failures,
            lambda failure: _matches(failure, wanted),
            limit,
            lambda failure: failure_place(failure.entry),
            lambda failure: failure_size(failure.entry),
        )
        return Page([failure.entry for failure in page.items], page.next_cursor)

    def _down(self, wanted: FailureFilter, until_id: int) -> Iterator[int]:
        """Walk ids, descending, of all entries that may be wanted."""
        if wanted.job_id is not None or wanted.job_ids is not None:
            job_ids = [wanted.job_id] if wanted.job_ids is None else wanted.job_ids
            ids = (self._id_of.get(job_id, 0) for job_id in job_ids if job_id is not None)
            return iter(sorted((each for each in ids if 0 < each <= until_id), reverse=True))
        if wanted.queue is None:
            return iter(self._all.irange(None, until_id, reverse=True))
        logs = [self._logs[kind, wanted.queue] for kind in Kind if (kind, wanted.queue) in self._logs]
        return merge(*(log.by_id.irange(None, until_id, reverse=True) for log in logs), reverse=True)

    def by_queue(self) -> Counter[tuple[Kind, str]]:
        """Count the entries of each queue."""
        return Counter({queue: len(log) for queue, log in self._logs.items()})

    def outdated(self, before_ms: int, limit: int) -> list[int]:
        """Return ids of entries from before a time."""
        old = self.wanted(FailureFilter(failed_before_ms=before_ms))
        return [failure.entry.id for failure in islice(old, limit)]


def _matches(failure: Failure, wanted: FailureFilter) -> bool:
    entry = failure.entry
    return (
        wanted.job_id in {None, entry.job_id}
        and (wanted.job_ids is None or entry.job_id in wanted.job_ids)
        and wanted.kind in {None, entry.kind}
        and wanted.queue in {None, entry.queue}
        and (wanted.category is None or (entry.kind is Kind.PUSH and entry.category == wanted.category))
        and (wanted.failed_after_ms is None or entry.failed_at_ms >= wanted.failed_after_ms)
        and (wanted.failed_before_ms is None or entry.failed_at_ms < wanted.failed_before_ms)
        and wanted.error in {None, failure.error}
        and (wanted.newest_id is None or entry.id <= wanted.newest_id)
        and is_part(wanted.text, entry.result.message, entry.url, entry.key)
    )


@define(eq=False)
class _Log:
    by_id: Any = field(factory=SortedDict)
    by_creation: Any = field(factory=SortedList)  # (created_at_ms, id)

    def __len__(self) -> int:
        return len(self.by_id)

    def add(self, failed: FailedJob) -> None:
        self.by_id[failed.id] = failed
        self.by_creation.add((failed.created_at_ms, failed.id))

    def remove(self, failed: FailedJob) -> None:
        del self.by_id[failed.id]
        self.by_creation.remove((failed.created_at_ms, failed.id))

    def page(self, query: FailureQuery) -> Page[FailedJob]:
        edge = query.cursor
        if query.order is FailureOrder.FAILED:
            ids = self.by_id.irange(None, edge.id if edge else None, reverse=True)
        else:
            newest = (edge.time_ms, edge.id) if edge else None
            ids = (failure_id for _, failure_id in self.by_creation.irange(None, newest, reverse=True))
        return cut_failures((self.by_id[failure_id] for failure_id in ids), query.limit)
