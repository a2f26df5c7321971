"""Pages of the lists of jobs and failures, as a MySQL or MariaDB database is asked for them.

Three steps: the places that the page may have, from an index alone; the sizes of their rows, until they
fill the page; the rows. The server reads a payload as a whole to say its length, hence so few at a time.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from attrs import evolve, frozen

from trioworq.core.cursors import Cursor
from trioworq.core.jobs import FailedJob, Job
from trioworq.stores.interface import PAGE_BYTES, FailureOrder, FailureQuery, JobQuery, Page
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.literals import Value
from trioworq.stores.mysql.reads import failure_of, job_of
from trioworq.stores.paging import LAST, bounds, cut, failure_place, job_place
from trioworq.stores.rows import FAILURE, JOB, Row

LIST_DOWN = (
    "SELECT next_try, id FROM job FORCE INDEX (job_list) WHERE kind = 0 AND queue = %s AND state = %s "
    "AND next_try BETWEEN %s AND %s AND (next_try <> %s OR id <= %s) ORDER BY next_try DESC, id DESC LIMIT %s"
)
LIST_UP = (
    "SELECT next_try, id FROM job FORCE INDEX (job_list) WHERE kind = 0 AND queue = %s AND state = %s "
    "AND next_try BETWEEN %s AND %s AND (next_try <> %s OR id >= %s) ORDER BY next_try, id LIMIT %s"
)
FAILURES_BY_ID = (
    "SELECT created_at, id FROM failure FORCE INDEX (failure_failed) WHERE kind = %s AND queue = %s "
    "AND id <= %s ORDER BY id DESC LIMIT %s"
)
FAILURES_BY_CREATION = (
    "SELECT created_at, id FROM failure FORCE INDEX (failure_created) WHERE kind = %s AND queue = %s "
    "AND created_at <= %s AND (created_at <> %s OR id <= %s) ORDER BY created_at DESC, id DESC LIMIT %s"
)

# At 16 MiB each, a server reads this many payloads in about a second.
_SIZED_AT_ONCE = 16

# MariaDB makes a join with a temporary table out of a thousand ids.
READ_AT_ONCE = 500

T = TypeVar("T")


@frozen
class Table(Generic[T]):
    """How the rows of a list are read: by `key`. The columns of `sizes` are that and a number of bytes."""

    source: str
    sizes: str
    columns: str
    read: Callable[[Row], T]
    place: Callable[[T], Cursor]
    key: str = "id"


JOBS = Table("job FORCE INDEX (PRIMARY)", "id, LENGTH(url) + LENGTH(payload)", JOB, job_of, job_place)
FAILURES = Table(
    "failure FORCE INDEX (PRIMARY)",
    "id, LENGTH(url) + LENGTH(payload) + LENGTH(result_message)",
    FAILURE,
    failure_of,
    failure_place,
)


async def read_jobs(connection: Connection, query: JobQuery) -> Page[Job]:
    """Return one page of a list of jobs."""
    rows = bounds(query)
    values = (rows.state.value, rows.lowest_ms, rows.highest_ms, rows.edge.time_ms, rows.edge.id)
    places = await _places(
        connection, LIST_UP if query.ascending else LIST_DOWN, (query.queue, *values, query.limit + 1)
    )
    found = await page(connection, JOBS, places, query.limit)
    # Those that have just been started, or ended their run, are in another list now.
    return evolve(found, items=[job for job in found.items if job.state is rows.state])


async def read_failures(connection: Connection, query: FailureQuery) -> Page[FailedJob]:
    """Return one page of the failure log."""
    edge = query.cursor or LAST
    limit = query.limit + 1
    if query.order is FailureOrder.FAILED:
        places = await _places(connection, FAILURES_BY_ID, (query.kind.value, query.queue, edge.id, limit))
    else:
        values = (query.kind.value, query.queue, edge.time_ms, edge.time_ms, edge.id, limit)
        places = await _places(connection, FAILURES_BY_CREATION, values)
    return await page(connection, FAILURES, places, query.limit)


def select(columns: str, table: Table[T], places: Sequence[Cursor]) -> bytes:
    """Return the statement that reads the rows at these places."""
    ids = ",".join(str(place.id) for place in places)
    return f"SELECT {columns} FROM {table.source} WHERE {table.key} IN ({ids})".encode()


async def _places(connection: Connection, statement: str, values: Sequence[Value]) -> list[Cursor]:
    return [Cursor(*row) for row in (await connection.execute(statement, values)).rows]


async def page(connection: Connection, table: Table[T], places: Sequence[Cursor], limit: int) -> Page[T]:
    """Return what is still at its place; the next page begins where it would have with all of them."""
    if not places:
        return Page([], None)
    found_sizes = await sizes(connection, table, places, PAGE_BYTES)
    shown = cut(places, limit, lambda place: place, lambda place: found_sizes.get(place.id, 0))
    found: dict[Cursor, T] = {}
    for some in _in_turn(shown.items, READ_AT_ONCE):
        rows = (await connection.send(select(table.columns, table, some))).rows
        found.update((table.place(item), item) for item in map(table.read, rows))
    return Page([found[place] for place in shown.items if place in found], shown.next_cursor)


async def sizes(
    connection: Connection, table: Table[T], places: Sequence[Cursor], room: int
) -> dict[int, int]:
    """Return the sizes of the rows at the first of `places`, by id: all, or those that fill `room` bytes."""
    found: dict[int, int] = {}
    for some in _in_turn(places, _SIZED_AT_ONCE):
        found.update((await connection.send(select(table.sizes, table, some))).rows)
        if sum(found.values()) > room:
            break
    return found


def _in_turn(places: Sequence[Cursor], count: int) -> Iterator[Sequence[Cursor]]:
    for first in range(0, len(places), count):
        yield places[first : first + count]
