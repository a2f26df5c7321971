"""Where pages and claims end, and which rows a page asks for, alike in every store (contract §1.10)."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from attrs import frozen

from trioworq.core.cursors import Cursor
from trioworq.core.jobs import INT64_MAX, FailedJob, Job, JobState
from trioworq.core.pull import PullJob
from trioworq.stores.claims import CLAIM_BYTES
from trioworq.stores.interface import PAGE_BYTES, JobQuery, JobSet, Page
from trioworq.stores.operations import utf8_size

T = TypeVar("T")

# A pull job may have been due before 1970.
_FIRST = Cursor(-INT64_MAX, 0)
LAST = Cursor(INT64_MAX, INT64_MAX)


@frozen
class Bounds:
    """Rows in `state` with lowest <= next_try <= highest, cut off at `edge`.

    Ascending, a row is past the edge when (next_try, id) < edge; descending, when it is greater. `lowest`
    and `highest` already take the edge's time in, so that an index range serves them and only ties are
    left to compare: `next_try <> edge.time_ms OR id >= edge.id` (descending: `id <= edge.id`).
    """

    state: JobState
    lowest_ms: int
    highest_ms: int
    edge: Cursor


def bounds(query: JobQuery) -> Bounds:
    """Say which rows `query` asks for."""
    state = JobState.RUNNING if query.jobs is JobSet.RUNNING else JobState.WAITING
    is_deferred = query.jobs is JobSet.DEFERRED
    lowest, highest = (query.now_ms + 1, INT64_MAX) if is_deferred else (_FIRST.time_ms, query.now_ms)
    if query.ascending:
        edge = query.cursor or _FIRST
        return Bounds(state, max(lowest, edge.time_ms), highest, edge)
    edge = query.cursor or LAST
    return Bounds(state, lowest, min(highest, edge.time_ms), edge)


def cut(items: Iterable[T], limit: int, place: Callable[[T], Cursor], size: Callable[[T], int]) -> Page[T]:
    """Take the first page off `items`, which are in order; takes one more than it returns, and no further.

    `size` is in bytes.
    """
    shown: list[T] = []
    room = PAGE_BYTES
    for item in items:
        room -= size(item)
        if len(shown) == limit or (shown and room < 0):
            return Page(shown, place(item))
        shown.append(item)
    return Page(shown, None)


def fill(jobs: Iterable[T], size: Callable[[T], int]) -> list[T]:
    """Take jobs until they have `CLAIM_BYTES`, and no further; `size` is in bytes."""
    filled: list[T] = []
    room = CLAIM_BYTES
    for job in jobs:
        filled.append(job)
        room -= size(job)
        if room <= 0:
            break
    return filled


def fitting(items: Iterable[T], size: Callable[[T], int]) -> list[T]:
    """Take items for as long as they have at most `CLAIM_BYTES`, one at least; `size` is in bytes."""
    fitted: list[T] = []
    room = CLAIM_BYTES
    for item in items:
        room -= size(item)
        if fitted and room < 0:
            break
        fitted.append(item)
    return fitted


def job_size(job: Job) -> int:
    """Return how much of `CLAIM_BYTES` a push job takes."""
    return len(job.payload.body)


def pull_job_size(job: PullJob) -> int:
    """Return how much of `CLAIM_BYTES` a pull job takes."""
    return job.size


def cut_jobs(jobs: Iterable[Job], limit: int) -> Page[Job]:
    """Take the first page off a list of jobs."""
    return cut(jobs, limit, job_place, lambda job: utf8_size(job.url) + len(job.payload.body))


def cut_failures(failures: Iterable[FailedJob], limit: int) -> Page[FailedJob]:
    """Take the first page off the failure log."""
    return cut(failures, limit, failure_place, failure_size)


def job_place(job: Job) -> Cursor:
    """Return where a job stands in its list."""
    return Cursor(job.next_try_ms, job.id)


def failure_place(failed: FailedJob) -> Cursor:
    """Return where an entry stands in the failure log, in both of its orders."""
    return Cursor(failed.created_at_ms, failed.id)


def failure_size(failed: FailedJob) -> int:
    """Return how much of `PAGE_BYTES` an entry of the failure log takes."""
    return utf8_size(failed.url) + len(failed.payload.body) + utf8_size(failed.result.message)
