"""Failures of the in-memory store in groups."""

from collections.abc import Iterable

from attrs import define

from trioworq.core.failures import FailureGroup
from trioworq.core.jobs import Kind
from trioworq.stores.memory.failures import Failure


@define
class _Group:
    first_failed_at_ms: int
    last_failed_at_ms: int
    newest_id: int
    count: int = 1

    def add(self, failed_at_ms: int, failure_id: int) -> None:
        self.count += 1
        self.first_failed_at_ms = min(self.first_failed_at_ms, failed_at_ms)
        self.last_failed_at_ms = max(self.last_failed_at_ms, failed_at_ms)
        self.newest_id = max(self.newest_id, failure_id)


def group(failures: Iterable[Failure], limit: int) -> list[FailureGroup]:
    """Return the groups of failures, those with the most first."""
    groups: dict[tuple[Kind, str, str, str], _Group] = {}
    for failure in failures:
        entry = failure.entry
        name = (entry.kind, entry.queue, entry.category, failure.error)
        if name in groups:
            groups[name].add(entry.failed_at_ms, entry.id)
        else:
            groups[name] = _Group(entry.failed_at_ms, entry.failed_at_ms, entry.id)
    found = sorted(groups.items(), key=lambda each: (-each[1].count, -each[1].newest_id))
    return [
        FailureGroup(
            kind=kind,
            queue=queue,
            category=category,
            error=error,
            count=each.count,
            first_failed_at_ms=each.first_failed_at_ms,
            last_failed_at_ms=each.last_failed_at_ms,
            newest_id=each.newest_id,
        )
        for (kind, queue, category, error), each in found[:limit]
    ]
