"""Pages of a queue's jobs for those who look for some, as a MySQL or MariaDB database is asked for them.

As in `lists`, but where rows have to be looked at to know which are wanted, only so many are: an index alone
tells where the search has to stop.
"""

from typing import TypeVar

from attrs import evolve, frozen

from trioworq.core.cursors import Cursor
from trioworq.core.jobs import FinishedJob, Job, Kind
from trioworq.core.pull import PullJob
from trioworq.stores.browsing import SEARCHED_JOBS, FinishedSearch, JobSearch
from trioworq.stores.interface import Page
from trioworq.stores.mysql import lists
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.lists import Table
from trioworq.stores.mysql.pull_reads import BY_ID, PULL_JOB, pull_job_of
from trioworq.stores.mysql.ranges import Condition, Range, holds
from trioworq.stores.mysql.reads import finished_of
from trioworq.stores.paging import LAST
from trioworq.stores.rows import FINISHED
from trioworq.stores.searching import finished_place, place_of, search_bounds, until

PULL_JOBS = Table(
    BY_ID,
    "id, LENGTH(payload) + COALESCE(LENGTH(pull_state), 0)",
    PULL_JOB,
    pull_job_of,
    place_of,
)
HISTORY = Table(
    "finished FORCE INDEX (PRIMARY)",
    "job_id, LENGTH(url) + COALESCE(LENGTH(payload), 0) + LENGTH(message)",
    FINISHED,
    finished_of,
    finished_place,
    key="job_id",
)

T = TypeVar("T")


@frozen
class _Walk:
    """Rows of a range in the order of two columns, ascending or descending."""

    range: Range
    time: str
    id: str
    ascending: bool

    @property
    def order(self) -> str:
        direction = "" if self.ascending else " DESC"
        return f"ORDER BY {self.time}{direction}, {self.id}{direction}"

    def from_place(self, place: Cursor) -> "_Walk":
        """Return what is at this place or behind it."""
        return self._cut(place, ">=" if self.ascending else "<=", "=")

    def before(self, place: Cursor) -> "_Walk":
        """Return what comes before this place."""
        return self._cut(place, "<=" if self.ascending else ">=", "")

    def _cut(self, place: Cursor, side: str, or_equal: str) -> "_Walk":
        text = f"{self.time} {side} %s AND ({self.time} <> %s OR {self.id} {side[0]}{or_equal} %s)"
        values = (place.time_ms, place.time_ms, place.id)
        return evolve(self, range=self.range.also(Condition(text, values)))

    async def places(self, connection: Connection, limit: int, offset: int = 0) -> list[Cursor]:
        """Return the places of the first rows."""
        behind = f"{self.order} LIMIT %s OFFSET %s"
        found = await connection.send(self.range.select(f"{self.time}, {self.id}", behind, limit, offset))
        return [Cursor(*row) for row in found.rows]


async def search_jobs(connection: Connection, search: JobSearch) -> Page[Job | PullJob]:
    """Return one page of jobs that have not ended."""
    rows = search_bounds(search)
    listed = Condition(
        "kind = %s AND queue = %s AND state = %s AND next_try BETWEEN %s AND %s",
        (search.kind.value, search.queue, rows.state.value, rows.lowest_ms, rows.highest_ms),
    )
    walk = _Walk(Range("job FORCE INDEX (job_list)", listed), "next_try", "id", ascending=True)
    walk = walk.from_place(rows.edge)
    is_push = search.kind is Kind.PUSH
    sought = _sought(search, "url" if is_push else "pull_key")
    page: Page[Job] | Page[PullJob]
    if is_push:
        page = await _page(connection, lists.JOBS, walk, sought, search.limit)
    else:
        page = await _page(connection, PULL_JOBS, walk, sought, search.limit)
    # Those that have just been started, or ended their run, are in another list now.
    return Page([job for job in page.items if job.state is rows.state], page.next_cursor)


async def search_finished(connection: Connection, search: FinishedSearch) -> Page[FinishedJob]:
    """Return one page of the history."""
    listed = Condition("kind = %s AND queue = %s", (search.kind.value, search.queue))
    walk = _Walk(
        Range("finished FORCE INDEX (finished_ended)", listed), "ended_at", "job_id", ascending=False
    )
    sought = _sought(search, "url" if search.kind is Kind.PUSH else "pull_key")
    walk = walk.from_place(search.cursor or LAST)
    return await _page(connection, HISTORY, walk, sought, search.limit)


def _sought(search: JobSearch | FinishedSearch, text_column: str) -> list[Condition]:
    conditions = []
    if search.category is not None:
        conditions.append(Condition("category = %s", (search.category,)))
    if search.text is not None:
        conditions.append(holds(search.text, text_column))
    return conditions


async def _page(
    connection: Connection, table: Table[T], walk: _Walk, sought: list[Condition], limit: int
) -> Page[T]:
    """Return one page of those rows of a walk that are sought, of as many as one search goes through."""
    stop = next(iter(await walk.places(connection, 1, SEARCHED_JOBS)), None) if sought else None
    if stop is not None:
        walk = walk.before(stop)
    wanted = evolve(walk, range=walk.range.also(*sought))
    places = await wanted.places(connection, limit + 1)
    return until(await lists.page(connection, table, places, limit), stop)
