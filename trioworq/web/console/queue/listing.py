"""A queue's jobs in five lists, page by page."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from trioworq.core.cursors import Cursor, decode
from trioworq.core.failures import FailureFilter
from trioworq.core.jobs import FailedJob, FinishedJob, Job, JobState
from trioworq.core.nodes import QueueName
from trioworq.core.pull import PullJob
from trioworq.manage.browse import JobBrowser
from trioworq.stores.browsing import SEARCHED_JOBS
from trioworq.stores.interface import JobSet
from trioworq.web.fields import replaced

ROWS = 50
TABS = ("waiting", "deferred", "running", "failed", "finished")


@frozen(kw_only=True)
class Row:
    """A job in a list. `name` is its category, or its key if it is a pull job, which has no `url`.

    `at_ms` is what its list is about: when it is or was due, began or ended; `until_ms` is when a run has
    to have ended.
    """

    id: int
    name: str
    url: str
    at_ms: int | None
    tries: str
    priority: int
    until_ms: int | None = None
    error: str = ""


@frozen(kw_only=True)
class Listing:
    """A page of a list, and where the next one begins; `is_cut` if a search stopped before the page's end."""

    tab: str
    category: str
    text: str
    rows: Sequence[Row]
    next_cursor: Cursor | None
    is_first: bool

    @property
    def is_searched(self) -> bool:
        """Whether only some jobs are shown."""
        return bool(self.category or self.text)

    @property
    def is_cut(self) -> bool:
        """Whether more is to be searched, though the page is not full."""
        return self.is_searched and self.next_cursor is not None and len(self.rows) < ROWS

    @property
    def searched(self) -> int:
        """How many jobs a search goes through at once."""
        return SEARCHED_JOBS


async def read_listing(browser: JobBrowser, queue: QueueName, query: Mapping[str, str]) -> Listing:
    """Read the page that a query asks for; the first one of jobs that wait unless it says so."""
    tab = query.get("tab", "")
    tab = tab if tab in TABS else TABS[0]
    category, text = (replaced(query.get(name, "")).strip() for name in ("category", "text"))
    cursor = decode(query.get("cursor", ""))
    rows, next_cursor = await _read(browser, queue, tab, cursor, category or None, text or None)
    return Listing(
        tab=tab,
        category=category,
        text=text,
        rows=rows,
        next_cursor=next_cursor,
        is_first=cursor is None,
    )


async def _read(
    browser: JobBrowser,
    queue: QueueName,
    tab: str,
    cursor: Cursor | None,
    category: str | None,
    text: str | None,
) -> tuple[list[Row], Cursor | None]:
    match tab:
        case "failed":
            wanted = FailureFilter(kind=queue.kind, queue=queue.name, category=category, text=text)
            failed = await browser.failures(wanted, ROWS, cursor)
            return [_failed(job) for job in failed.items], failed.next_cursor
        case "finished":
            ended = await browser.finished(queue, ROWS, cursor=cursor, category=category, text=text)
            return [_finished(job) for job in ended.items], ended.next_cursor
        case _:
            page = await browser.jobs(queue, JobSet(tab), ROWS, cursor=cursor, category=category, text=text)
            return [_live(job) for job in page.items], page.next_cursor


def _live(job: Job | PullJob) -> Row:
    return _pushed(job) if isinstance(job, Job) else _pulled(job)


def _pushed(job: Job) -> Row:
    is_running = job.state is JobState.RUNNING
    return Row(
        id=job.id,
        name=job.category,
        url=job.url,
        at_ms=job.started_at_ms if is_running else job.next_try_ms,
        tries=f"{job.fail_count + is_running} of {job.max_retries + 1}",
        priority=job.priority,
        until_ms=_end_ms(job) if is_running else None,
    )


def _end_ms(job: Job) -> int | None:
    if not job.timeout_s or job.started_at_ms is None:
        return None
    return job.started_at_ms + job.timeout_s * 1000


def _pulled(job: PullJob) -> Row:
    most = "∞" if job.max_retries < 0 else job.max_retries + 1
    return Row(
        id=job.id,
        name=job.key,
        url="",
        at_ms=job.run_at_ms if job.lease_ends_at_ms is None else job.started_at_ms,
        tries=f"{job.tries} of {most}",
        priority=job.priority,
        until_ms=job.lease_ends_at_ms,
    )


def _failed(job: FailedJob) -> Row:
    return Row(
        id=job.job_id,
        name=job.category if job.key is None else job.key,
        url=job.url,
        at_ms=job.failed_at_ms,
        tries=str(job.fail_count),
        priority=job.priority,
        error=job.result.message,
    )


def _finished(job: FinishedJob) -> Row:
    return Row(
        id=job.job_id,
        name=job.category if job.key is None else job.key,
        url=job.url,
        at_ms=job.ended_at_ms,
        tries=str(job.fail_count + 1),
        priority=job.priority,
    )
