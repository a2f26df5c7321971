"""What comes back: answers → values."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from attrs import frozen

from trioworq.client.answers import Answer, decoder
from trioworq.client.errors import BadAnswer
from trioworq.client.manage.values import (
    JobCounts,
    JobReport,
    LoadPoint,
    NotSwept,
    PushQueue,
    QueueCounts,
    QueuedType,
    Sweep,
)
from trioworq.client.values import DEFAULT_PRIORITY

T = TypeVar("T")

_Count = Annotated[int, msgspec.Meta(ge=0)]


@frozen
class Page(Generic[T]):
    """A part of a list, and whether it is the last."""

    items: Sequence[T]
    is_last: bool


class _JobShape(msgspec.Struct):
    job_id: str
    func_name: str
    args: msgspec.Raw
    kwargs: msgspec.Raw
    # What the list of failures leaves out.
    status: str = "failed"
    payload_omitted: bool = False
    kind: str | None = None
    queue: str | None = None
    category: str | None = None
    url: str | None = None
    key: str | None = None
    fail_count: _Count | None = None
    priority: int = DEFAULT_PRIORITY
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exc_info: str | None = None
    result: str | None = None


class _CountsShape(
    msgspec.Struct,
    rename={
        "queued": "queued_count",
        "failed": "failed_count",
        "started": "started_count",
        "finished": "finished_count",
    },
):
    queue_name: str
    queued: _Count
    failed: _Count
    started: _Count
    finished: _Count


class _NotSweptShape(msgspec.Struct):
    job_id: str
    error: str


class _SweepShape(msgspec.Struct):
    total_failed: _Count
    errors: list[_NotSweptShape]
    requeued_jobs: list[str] = []
    deleted_jobs: list[str] = []


class _QueueShape(msgspec.Struct, rename={"polling_interval_ms": "polling_interval"}):
    name: str
    polling_interval_ms: int
    max_workers: int
    max_dispatches_per_second: float = 0.0
    max_burst_size: int = 0
    priority: int = DEFAULT_PRIORITY
    is_paused: bool = False


class _QueueCountsShape(msgspec.Struct, rename={"total_elapsed_ms": "total_elapsed"}):
    total_pushes: int
    total_pops: int
    total_successes: int
    total_failures: int
    total_permanent_failures: int
    total_completes: int
    total_elapsed_ms: int
    pushes_per_second: int
    pops_per_second: int
    total_workers: int
    idle_workers: int
    active_nodes: int


class _TypeShape(msgspec.Struct, rename={"type_id": "id"}):
    type_id: int
    name: str
    is_active: bool
    is_paused: bool
    description: str | None = None


class _QueuedTypeShape(msgspec.Struct):
    job_type: _TypeShape
    count: _Count
    longest_queued: datetime
    highest_priority: int


class _PointShape(
    msgspec.Struct,
    rename={"pending": "pending_count", "queued": "queued_count", "running": "running_count"},
):
    time: datetime
    pending: _Count
    queued: _Count
    running: _Count


class _PageShape(msgspec.Struct, Generic[T]):
    results: list[T]
    next: str | None = None


_read_job = decoder(_JobShape)
_read_jobs = decoder(list[_JobShape])
_read_counts = decoder(_CountsShape)
_read_sweep = decoder(_SweepShape)
_read_queues = decoder(list[_QueueShape])
_read_queue_counts = decoder(dict[str, _QueueCountsShape])
_read_types = decoder(_PageShape[_QueuedTypeShape])
_read_points = decoder(_PageShape[_PointShape])


def report(answer: Answer) -> JobReport:
    """Read one job."""
    return _report(_read_job(answer.body))


def reports(answer: Answer) -> list[JobReport]:
    """Read a list of failures."""
    return [_report(shape) for shape in _read_jobs(answer.body)]


def _report(shape: _JobShape) -> JobReport:
    return JobReport(
        job_id=shape.job_id,
        status=shape.status,
        func_name=shape.func_name,
        args_json=bytes(shape.args),
        kwargs_json=bytes(shape.kwargs),
        payload_omitted=shape.payload_omitted,
        kind=shape.kind,
        queue=shape.queue,
        category=shape.category,
        url=shape.url,
        key=shape.key,
        fail_count=shape.fail_count,
        priority=shape.priority,
        created_at=shape.created_at and _in_utc(shape.created_at),
        started_at=shape.started_at and _in_utc(shape.started_at),
        ended_at=shape.ended_at and _in_utc(shape.ended_at),
        exc_info=shape.exc_info,
        result=shape.result,
    )


def _in_utc(time: datetime) -> datetime:
    """Return a time with its zone, which is left out where jobs are told. Raises BadAnswer."""
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        # The first and the last day of the calendar have hours that it lacks in UTC.
        raise BadAnswer(f"the answer has a time beyond the calendar: {time}") from None


def counts(answer: Answer) -> JobCounts:
    """Read how many jobs there are."""
    return JobCounts(**msgspec.structs.asdict(_read_counts(answer.body)))


def sweep(answer: Answer) -> Sweep:
    """Read what became of many failures."""
    shape = _read_sweep(answer.body)
    errors = [NotSwept(each.job_id, each.error) for each in shape.errors]
    return Sweep(shape.total_failed, [*shape.requeued_jobs, *shape.deleted_jobs], errors)


def queues(answer: Answer) -> list[PushQueue]:
    """Read the definitions of push queues."""
    return [PushQueue(**msgspec.structs.asdict(shape)) for shape in _read_queues(answer.body)]


def queue_counts(answer: Answer) -> dict[str, QueueCounts]:
    """Read the counters of push queues, by name."""
    shapes = _read_queue_counts(answer.body)
    return {name: QueueCounts(**msgspec.structs.asdict(shape)) for name, shape in shapes.items()}


def queued_types(answer: Answer) -> Page[QueuedType]:
    """Read what waits."""
    page = _read_types(answer.body)
    # A page that leads nowhere would be followed without end.
    return Page([_queued_type(shape) for shape in page.results], page.next is None or not page.results)


def _queued_type(shape: _QueuedTypeShape) -> QueuedType:
    return QueuedType(
        type_id=shape.job_type.type_id,
        name=shape.job_type.name,
        description=shape.job_type.description or "",
        is_active=shape.job_type.is_active,
        is_paused=shape.job_type.is_paused,
        count=shape.count,
        longest_queued=_in_utc(shape.longest_queued),
        highest_priority=shape.highest_priority,
    )


def load(answer: Answer, after: datetime | None) -> Page[LoadPoint]:
    """Read a series, from the first point behind `after` on."""
    page = _read_points(answer.body)
    points = [LoadPoint(_in_utc(each.time), each.pending, each.queued, each.running) for each in page.results]
    fresh = points if after is None else [point for point in points if point.time > after]
    # A page that leads nowhere would be asked for without end.
    return Page(fresh, page.next is None or not fresh)
