"""Where searches end, and what they look for, alike in every store."""

from collections.abc import Callable, Iterator
from itertools import islice
from string import ascii_lowercase, ascii_uppercase
from typing import TypeVar

from trioworq.core.cursors import Cursor
from trioworq.core.jobs import FinishedJob, Job
from trioworq.core.pull import PullJob
from trioworq.stores.browsing import SEARCHED_JOBS, FinishedSearch, JobSearch
from trioworq.stores.interface import JobQuery, Page
from trioworq.stores.operations import utf8_size
from trioworq.stores.paging import Bounds, bounds, cut

T = TypeVar("T")

_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def folded(text: str) -> str:
    """Return `text` with its ASCII letters in lower case, and no others, as databases do it."""
    return text.lower() if text.isascii() else text.translate(_TO_LOWER)


def is_part(wanted: str | None, *texts: str | None) -> bool:
    """Whether one of the texts holds what is wanted, if anything is."""
    return wanted is None or any(folded(wanted) in folded(text) for text in texts if text is not None)


def is_selective(search: JobSearch | FinishedSearch) -> bool:
    """Whether jobs may have to be passed over."""
    return search.category is not None or search.text is not None


def search_bounds(search: JobSearch) -> Bounds:
    """Say which rows are gone through."""
    return bounds(
        JobQuery(search.queue, search.jobs, search.now_ms, search.limit, search.cursor, ascending=True)
    )


def pick(
    items: Iterator[T],
    is_wanted: Callable[[T], bool],
    limit: int,
    place: Callable[[T], Cursor],
    size: Callable[[T], int],
) -> Page[T]:
    """Take a page of those that are wanted off the first SEARCHED_JOBS of `items`; `size` is in bytes."""
    page = cut(filter(is_wanted, islice(items, SEARCHED_JOBS)), limit, place, size)
    return page if page.next_cursor else until(page, next(map(place, items), None))


def pick_jobs(jobs: Iterator[Job | PullJob], search: JobSearch) -> Page[Job | PullJob]:
    """Take a page of a search off jobs of the list that is searched, in order."""

    def is_wanted(job: Job | PullJob) -> bool:
        category, name = (job.category, job.url) if isinstance(job, Job) else ("", job.key)
        return search.category in {None, category} and is_part(search.text, name)

    return pick(jobs, is_wanted, search.limit, place_of, size_of)


def until(page: Page[T], stop: Cursor | None) -> Page[T]:
    """Return a page of a search that went on until `stop`, or to the end of the list."""
    return page if page.next_cursor else Page(page.items, stop)


def place_of(job: Job | PullJob) -> Cursor:
    """Return where a job stands among those of its queue."""
    return Cursor(job.next_try_ms if isinstance(job, Job) else job.run_at_ms, job.id)


def finished_place(finished: FinishedJob) -> Cursor:
    """Return where a job stands in its queue's history."""
    return Cursor(finished.ended_at_ms, finished.job_id)


def size_of(job: Job | PullJob) -> int:
    """Return how much of `PAGE_BYTES` a job takes."""
    if isinstance(job, Job):
        return utf8_size(job.url) + len(job.payload.body)
    return job.size


def finished_size(finished: FinishedJob) -> int:
    """Return how much of `PAGE_BYTES` a job of the history takes."""
    body = finished.payload.body if finished.payload else b""
    return utf8_size(finished.url) + len(body) + utf8_size(finished.result.message)
