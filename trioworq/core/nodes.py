"""What nodes say of themselves, so that each can show them all: what goes on in their queues, per second."""

import json
from collections.abc import Iterable, Mapping

from attrs import frozen

from trioworq.core.jobs import Kind

# How many queues a node tells of, the busiest; names are the clients' choice, and so is how many there are.
REPORTED_QUEUES = 1000


@frozen
class QueueName:
    """A queue of either kind."""

    kind: Kind
    name: str


@frozen
class Activity:
    """What goes on in a queue, on one node or on all.

    `pushed`, `completed` and `failed` are jobs per second, a failure being an attempt that failed (a lease
    that ended, for pull jobs). `busy` and `workers` are worker slots taken and present of a push queue;
    `workers` are those that wait for a job of a pull queue.
    """

    pushed: float = 0.0
    completed: float = 0.0
    failed: float = 0.0
    busy: int = 0
    workers: int = 0

    def __add__(self, other: "Activity") -> "Activity":
        return Activity(
            self.pushed + other.pushed,
            self.completed + other.completed,
            self.failed + other.failed,
            self.busy + other.busy,
            self.workers + other.workers,
        )


NO_ACTIVITY = Activity()


@frozen
class LiveNode:
    """A node that is counted among the live ones, and what it has reported last; empty before that."""

    id: str
    host: str
    report: bytes = b""


def write_report(activities: Mapping[QueueName, Activity]) -> bytes:
    """Write what a node says of its queues; those where nothing goes on are left out."""
    told = [(queue, activity) for queue, activity in activities.items() if activity != NO_ACTIVITY]
    told.sort(key=lambda each: -(each[1].pushed + each[1].completed + each[1].failed + each[1].busy))
    rows = [
        [
            queue.kind.value,
            queue.name,
            _short(of.pushed),
            _short(of.completed),
            _short(of.failed),
            of.busy,
            of.workers,
        ]
        for queue, of in told[:REPORTED_QUEUES]
    ]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode() if rows else b""


def read_report(report: bytes) -> dict[QueueName, Activity]:
    """Read what `write_report` wrote; what another release may have written otherwise says nothing."""
    try:
        return dict(_read_row(row) for row in json.loads(report or b"[]"))
    except (ValueError, TypeError):
        return {}


def sum_up(reports: Iterable[Mapping[QueueName, Activity]]) -> dict[QueueName, Activity]:
    """Return what goes on in queues on all nodes together."""
    total: dict[QueueName, Activity] = {}
    for report in reports:
        for queue, activity in report.items():
            total[queue] = total.get(queue, NO_ACTIVITY) + activity
    return total


def _read_row(row: object) -> tuple[QueueName, Activity]:
    if not isinstance(row, list):
        raise TypeError("not a row")
    kind, name, pushed, completed, failed, busy, workers = row
    rates = float(pushed), float(completed), float(failed)
    return QueueName(Kind(kind), str(name)), Activity(*rates, int(busy), int(workers))


def _short(rate: float) -> float:
    return round(rate, 1)
