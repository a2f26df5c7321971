"""The failed store as a MySQL or MariaDB database is asked for it: failures of both kinds.

What is sought is found in an index alone; rows are looked at when it is known which are wanted.
"""

from collections.abc import Iterable, Sequence

from attrs import evolve

from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter, FailureGroup
from trioworq.core.jobs import FailedJob, Kind
from trioworq.stores.browsing import SEARCHED_JOBS
from trioworq.stores.claims import CLAIM_BYTES
from trioworq.stores.interface import Page
from trioworq.stores.mysql import lists
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.failure_parts import Purpose, parts, wanted_ranges
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.ranges import Condition, Range
from trioworq.stores.paging import LAST, fitting
from trioworq.stores.rows import Row
from trioworq.stores.searching import until

NEWEST = "SELECT COALESCE(MAX(id), 0) FROM failure"
OUTDATED = (
    "SELECT id FROM failure FORCE INDEX (failure_time) WHERE failed_at < %s ORDER BY failed_at, id LIMIT %s"
)
GROUP = "kind, queue, category, error, COUNT(*), MIN(failed_at), MAX(failed_at), MAX(id)"
BY_GROUP = "GROUP BY kind, queue, category, error ORDER BY COUNT(*) DESC, MAX(id) DESC LIMIT %s"


def _place(failure_id: int) -> Cursor:
    return Cursor(0, failure_id)


FAILURES = evolve(lists.FAILURES, place=lambda failed: _place(failed.id))
# What running failed jobs again moves.
CONTENTS = evolve(FAILURES, sizes="id, LENGTH(payload) + COALESCE(LENGTH(pull_state), 0)")


async def read_failed(
    connection: Connection, wanted: FailureFilter, offset: int, limit: int
) -> list[FailedJob]:
    """Return failures from the one at `offset` on, as many as fill a page."""
    ids = await _ids(connection, wanted_ranges(wanted, Purpose.LIST), "id", limit, offset)
    page = await lists.page(connection, FAILURES, _places(ids), limit)
    return list(page.items)


async def count_failures(connection: Connection, wanted: FailureFilter) -> int:
    """Count failures."""
    ranges = wanted_ranges(wanted, Purpose.COUNT)
    counts = await connection.send_all([each.select("COUNT(*)") for each in ranges])
    return sum(count for result in counts for (count,) in result.rows)


async def read_failure_ids(
    connection: Connection, wanted: FailureFilter, after_id: int, until_id: int, limit: int
) -> list[int]:
    """Return the first ids within a range, as many as one transaction should change."""
    ids = await find_ids(connection, wanted, after_id, until_id, limit)
    sizes = await lists.sizes(connection, CONTENTS, _places(ids), CLAIM_BYTES)
    return fitting(ids, lambda failure_id: sizes.get(failure_id, 0))


async def find_ids(
    connection: Connection, wanted: FailureFilter, after_id: int, until_id: int, limit: int
) -> list[int]:
    """Return the first ids within a range."""
    within = Condition("id > %s AND id <= %s", (after_id, until_id))
    ranges = [each.also(within) for each in wanted_ranges(wanted, Purpose.LIST)]
    return await _ids(connection, ranges, "id", limit)


async def read_newest(connection: Connection) -> int:
    """Return the greatest id of a failure."""
    found = await connection.execute(NEWEST)
    return int(found.rows[0][0])


async def read_outdated_failures(connection: Connection, before_ms: int, limit: int) -> list[int]:
    """Return ids of failures from before a time."""
    found = await connection.execute(OUTDATED, (before_ms, limit))
    return [failure_id for (failure_id,) in found.rows]


async def newest_failures(
    connection: Connection, wanted: FailureFilter, cursor: Cursor | None, limit: int
) -> Page[FailedJob]:
    """Return one page of failures, newest first; goes through SEARCHED_JOBS at most."""
    found = parts(wanted, Purpose.LIST)
    from_edge = Condition("id <= %s", ((cursor or LAST).id,))
    stop = 0
    if any(part.rest for part in found):
        gone_through = [part.range.also(from_edge) for part in found]
        (stop,) = await _ids(connection, gone_through, "id DESC", 1, SEARCHED_JOBS) or [0]
    to_stop = Condition("id > %s", (stop,))
    ranges = [part.wanted.also(from_edge, to_stop) for part in found]
    ids = await _ids(connection, ranges, "id DESC", limit + 1)
    page = await lists.page(connection, FAILURES, _places(ids), limit)
    return until(page, _place(stop) if stop else None)


async def failure_groups(connection: Connection, wanted: FailureFilter, limit: int) -> list[FailureGroup]:
    """Return the groups of failures, those with the most first."""
    ranges = wanted_ranges(wanted, Purpose.GROUP)
    found = await connection.send_all([each.select(GROUP, BY_GROUP, limit) for each in ranges])
    groups = [_group_of(row) for result in found for row in result.rows]
    return sorted(groups, key=lambda group: (-group.count, -group.newest_id))[:limit]


async def _ids(
    connection: Connection, ranges: Sequence[Range], order: str, limit: int, offset: int = 0
) -> list[int]:
    """Return the ids that any of the ranges has, in order."""
    if not ranges:
        return []
    if len(ranges) == 1:
        statement = ranges[0].select("id", f"ORDER BY {order} LIMIT %s OFFSET %s", limit, offset)
    else:
        each = [one.select("id", f"ORDER BY {order} LIMIT %s", offset + limit) for one in ranges]
        together = b" UNION ALL ".join(b"(%s)" % one for one in each)
        statement = together + fill(f" ORDER BY {order} LIMIT %s OFFSET %s", (limit, offset))
    return [failure_id for (failure_id,) in (await connection.send(statement)).rows]


def _places(ids: Iterable[int]) -> list[Cursor]:
    return [_place(failure_id) for failure_id in ids]


def _group_of(row: Row) -> FailureGroup:
    kind, queue, category, error, count, first_failed_at_ms, last_failed_at_ms, newest_id = row
    return FailureGroup(
        kind=Kind(kind),
        queue=queue.decode(),
        category=category.decode(),
        error=error.decode(),
        count=count,
        first_failed_at_ms=first_failed_at_ms,
        last_failed_at_ms=last_failed_at_ms,
        newest_id=newest_id,
    )
