"""What is told of jobs, queues and load. Times have zones; what an answer may leave out is None."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, TypedDict

from attrs import frozen

Kind = Literal["push", "pull"]

# A point in time, or so long before the daemon's now.
Moment = datetime | timedelta


class Which(TypedDict, total=False):
    """Which failures are meant; what is absent or None does not count.

    `queue` is the name of queues of either kind, `category` that of push jobs. Times, which have zones, are
    when a job failed; the first is inclusive, the second exclusive.
    """

    queue: str | None
    category: str | None
    failed_after: datetime | None
    failed_before: datetime | None


class Span(TypedDict, total=False):
    """Which load is meant; what is absent, None or empty does not count.

    Both ends are inclusive; the first is a week ago and the last now, if not given. `queues` are those that
    categories are routed to now, `priorities` those queues'.
    """

    started: Moment | None
    ended: Moment | None
    type_ids: Sequence[int]
    type_names: Sequence[str]
    queues: Sequence[str]
    priorities: Sequence[int]


@frozen(kw_only=True)
class JobReport:
    """A job of either kind, wherever in its life it is.

    `status` is queued, scheduled, started, finished or failed. `func_name` is a push job's category, a pull
    job's queue; `key` the id that the client of a pull job gave it. A payload that is an array is `args`, an
    object `kwargs`, anything else the one argument; of a large one nothing is kept once the job has finished,
    and `payload_omitted` is True. `exc_info` is why it failed, `result` what its worker said at the end.
    """

    job_id: str
    status: str
    func_name: str
    args_json: bytes
    kwargs_json: bytes
    payload_omitted: bool
    kind: str | None
    queue: str | None
    category: str | None
    url: str | None
    key: str | None
    fail_count: int | None
    priority: int
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    exc_info: str | None
    result: str | None

    @cached_property
    def args(self) -> Any:
        """The arguments, decoded when they are first looked at; raises what `Job.payload` raises."""
        return json.loads(self.args_json)

    @cached_property
    def kwargs(self) -> Any:
        """The named arguments, decoded when they are first looked at; raises what `Job.payload` raises."""
        return json.loads(self.kwargs_json)


@frozen
class JobCounts:
    """How many jobs there are; those that wait for a time are in none of the counts."""

    queue_name: str
    queued: int
    failed: int
    started: int
    finished: int


@frozen
class NotSwept:
    """A job that was left where it was, and why."""

    job_id: str
    error: str


@frozen
class Sweep:
    """What became of many failed jobs: of `total`, those of `job_ids` were changed.

    After a dry run `total` alone says something: how many would be touched.
    """

    total: int
    job_ids: Sequence[str]
    errors: Sequence[NotSwept]


@frozen(kw_only=True)
class PushQueue:
    """A push queue as it is defined. A throttle of 0 dispatches a second is none."""

    name: str
    polling_interval_ms: int
    max_workers: int
    max_dispatches_per_second: float
    max_burst_size: int
    priority: int
    is_paused: bool


@frozen(kw_only=True)
class QueueCounts:
    """What the daemon that was asked has done for a push queue since it started.

    `total_elapsed_ms` is from push to end, over all jobs that ended. `total_workers` is 0 where another node
    owns the queue, and `active_nodes` then too.
    """

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


@frozen(kw_only=True)
class QueuedType:
    """The jobs of one type that wait and are due: push jobs of a category, pull jobs of a queue.

    `highest_priority` is the least number that one of them has; the lowest go first.
    """

    type_id: int
    name: str
    description: str
    is_active: bool
    is_paused: bool
    count: int
    longest_queued: datetime
    highest_priority: int


@frozen
class LoadPoint:
    """How many jobs waited for a time, waited and were due, and ran, when they were counted."""

    time: datetime
    pending: int
    queued: int
    running: int
