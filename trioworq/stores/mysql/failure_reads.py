"""The failed store as a MySQL or MariaDB database is asked for it: failures of both kinds, the oldest first.

What is sought is found in an index alone; rows are looked at when it is known which are wanted.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Iterable, Sequence

from attrs import evolve, frozen

from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter
from trioworq.core.jobs import FailedJob, Kind
from trioworq.stores.claims import CLAIM_BYTES
from trioworq.stores.mysql import lists
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.literals import Value, fill
from trioworq.stores.paging import fitting

NEWEST = "SELECT COALESCE(MAX(id), 0) FROM failure"
OUTDATED = (
    "SELECT id FROM failure FORCE INDEX (failure_time) WHERE failed_at < %s ORDER BY failed_at, id LIMIT %s"
)


def _place(failure_id: int) -> Cursor:
    return Cursor(0, failure_id)


FAILURES = evolve(lists.FAILURES, place=lambda failed: _place(failed.id))
# What running failed jobs again moves.
CONTENTS = evolve(FAILURES, sizes="id, LENGTH(payload) + COALESCE(LENGTH(pull_state), 0)")


@frozen
class _Part:
    """A condition that one range of one index serves, in the order of the ids."""

    index: str
    condition: str
    values: tuple[Value, ...]

    def also(self, condition: str, *values: Value) -> "_Part":
        """Return the part of this part for which `condition` holds too."""
        return _Part(self.index, f"{self.condition} AND {condition}", (*self.values, *values))

    def select(self, what: str, behind: str = "", *more: Value) -> bytes:
        """Return the statement that reads `what` of it."""
        statement = f"SELECT {what} FROM failure FORCE INDEX ({self.index}) WHERE {self.condition} {behind}"
        return fill(statement, (*self.values, *more))


async def read_failed(
    connection: Connection, wanted: FailureFilter, offset: int, limit: int
) -> list[FailedJob]:
    """Return failures from the one at `offset` on, as many as fill a page."""
    ids = await _ids(connection, _parts(wanted), offset, limit)
    page = await lists.page(connection, FAILURES, _places(ids), limit)
    return list(page.items)


async def count_failures(connection: Connection, wanted: FailureFilter) -> int:
    """Count failures."""
    counts = await connection.send_all([part.select("COUNT(*)") for part in _parts(wanted)])
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
    parts = [part.also("id > %s AND id <= %s", after_id, until_id) for part in _parts(wanted)]
    return await _ids(connection, parts, 0, limit)


async def read_newest(connection: Connection) -> int:
    """Return the greatest id of a failure."""
    found = await connection.execute(NEWEST)
    return int(found.rows[0][0])


async def read_outdated_failures(connection: Connection, before_ms: int, limit: int) -> list[int]:
    """Return ids of failures from before a time."""
    found = await connection.execute(OUTDATED, (before_ms, limit))
    return [failure_id for (failure_id,) in found.rows]


async def _ids(connection: Connection, parts: Sequence[_Part], offset: int, limit: int) -> list[int]:
    """Return the ids that any of the parts has, in order."""
    if len(parts) == 1:
        statement = parts[0].select("id", "ORDER BY id LIMIT %s OFFSET %s", limit, offset)
    else:
        each = [part.select("id", "ORDER BY id LIMIT %s", offset + limit) for part in parts]
        together = b" UNION ALL ".join(b"(%s)" % one for one in each)
        statement = together + fill(" ORDER BY id LIMIT %s OFFSET %s", (limit, offset))
    return [failure_id for (failure_id,) in (await connection.send(statement)).rows]


def _places(ids: Iterable[int]) -> list[Cursor]:
    return [_place(failure_id) for failure_id in ids]


def _parts(wanted: FailureFilter) -> list[_Part]:
    """Return what a filter lets in; no failure is in two of the parts."""
    if wanted.job_id is not None:
        parts = [_Part("failure_job", "job_id = %s", (wanted.job_id,))]
    else:
        index = "failure_all" if wanted.queue is None else "failure_failed"
        parts = [_Part(index, "kind = %s", (kind.value,)) for kind in Kind]
    for condition, value in _conditions(wanted):
        parts = [part.also(condition, value) for part in parts]
    return parts


def _conditions(wanted: FailureFilter) -> list[tuple[str, Value]]:
    given = [
        ("queue = %s", wanted.queue),
        # Pull jobs have none.
        ("kind = 0 AND category = %s", wanted.category),
        ("failed_at >= %s", wanted.failed_after_ms),
        ("failed_at < %s", wanted.failed_before_ms),
    ]
    return [(condition, value) for condition, value in given if value is not None]
