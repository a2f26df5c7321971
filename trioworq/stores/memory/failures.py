"""The failed store of the in-memory store: each queue's failures, in both of their orders."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import Any

from attrs import define, field
from sortedcontainers import SortedDict, SortedList  # type: ignore[import-untyped]

from trioworq.core.jobs import FailedJob, Kind
from trioworq.stores.interface import FailureOrder, FailureQuery, Page
from trioworq.stores.paging import cut_failures


@define(eq=False)
class Failures:
    """What has failed, of both kinds, under ids that are never used twice."""

    _ids: Iterator[int] = field(factory=lambda: count(1))
    _logs: dict[tuple[Kind, str], "_Log"] = field(factory=lambda: defaultdict(_Log))

    def next_id(self) -> int:
        """Return the id for the next entry."""
        return next(self._ids)

    def add(self, failed: FailedJob) -> None:
        """Enter a failure."""
        self._logs[failed.kind, failed.queue].add(failed)

    def find(self, kind: Kind, queue: str, failure_id: int) -> FailedJob | None:
        """Return an entry."""
        log = self._logs.get((kind, queue))
        return log.by_id.get(failure_id) if log is not None else None

    def pop(self, kind: Kind, queue: str, failure_id: int) -> FailedJob | None:
        """Remove an entry and return it."""
        log = self._logs.get((kind, queue))
        return log.pop(failure_id) if log is not None else None

    def page(self, query: FailureQuery) -> Page[FailedJob]:
        """Return one page of a queue's log."""
        log = self._logs.get((query.kind, query.queue))
        return log.page(query) if log is not None else Page([], None)


@define(eq=False)
class _Log:
    by_id: Any = field(factory=SortedDict)
    by_creation: Any = field(factory=SortedList)  # (created_at_ms, id)

    def add(self, failed: FailedJob) -> None:
        self.by_id[failed.id] = failed
        self.by_creation.add((failed.created_at_ms, failed.id))

    def pop(self, failure_id: int) -> FailedJob | None:
        failed: FailedJob | None = self.by_id.pop(failure_id, None)
        if failed is not None:
            self.by_creation.remove((failed.created_at_ms, failed.id))
        return failed

    def page(self, query: FailureQuery) -> Page[FailedJob]:
        edge = query.cursor
        if query.order is FailureOrder.FAILED:
            ids = self.by_id.irange(None, edge.id if edge else None, reverse=True)
        else:
            newest = (edge.time_ms, edge.id) if edge else None
            ids = (failure_id for _, failure_id in self.by_creation.irange(None, newest, reverse=True))
        return cut_failures((self.by_id[failure_id] for failure_id in ids), query.limit)
