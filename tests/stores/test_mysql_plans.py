"""Whatever the MySQL store is asked often reads one range of the index that is meant for it, in order."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import trio
from attrs import frozen

from tests.mariadb import administer, with_database
from tests.stores import mysql_plan_cases as manage_cases
from tests.stores.nodes import NOW
from tests.stores.plan_cases import LEASE_END, Case, PullIndexes, cases, filling
from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter
from trioworq.core.jobs import INT64_MAX, FinishedJob, Kind
from trioworq.core.retry import Completed
from trioworq.stores.browsing import SEARCHED_JOBS, FinishedSearch, JobSearch
from trioworq.stores.interface import JobSet, Page
from trioworq.stores.mysql import (
    counts,
    failure_reads,
    history,
    jobs,
    lists,
    load,
    lookup,
    pull_reads,
    reads,
    searches,
    spread,
    writer,
    writes,
)
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.conversations import Mismatch
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.store import open_mysql_store
from trioworq.stores.mysql.wire import Result
from trioworq.stores.operations import Operation

SMALL, LARGE = 10_000, 100_000

HANDLER_COUNTS = (
    "SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler_read%%' OR Variable_name = 'Handler_icp_attempts'"
)
# Of an index alone, or of nothing at all.
EXTRA_OF_INDEXES = {
    "Using index",
    "Using index for group-by",
    "Select tables optimized away",
    "Impossible WHERE",
    "No tables used",
}

# A page's rows are read three times: for their places, their sizes and themselves.
READS_A_ROW = 4
READS_MORE = 10

MODULES = (reads, lists, pull_reads, lookup, failure_reads, history, load, searches, spread)

Dsns = dict[int, str]


class _RollBack(Exception):
    """Ends a transaction that has served its purpose."""


@pytest.fixture(scope="module")
def dsns(mysql_server_dsn: str) -> Iterator[Dsns]:
    """A small database and a large one, whose statistics are up to date."""
    names = {size: f"trioworq_{secrets.token_hex(6)}" for size in (SMALL, LARGE)}
    found = {size: with_database(mysql_server_dsn, name) for size, name in names.items()}
    for size, name in names.items():
        administer(mysql_server_dsn, f"CREATE DATABASE {name}")
        _make_tables(found[size])
        administer(
            found[size],
            *filling(f"seq_1_to_{size}"),
            "INSERT INTO pull_job (queue, pull_key, job_id, pull_timeout, max_retries, lease_end) "
            f"SELECT queue, pull_key, id, 30, 3, {LEASE_END} FROM job WHERE kind = 1",
            "INSERT INTO node_batch VALUES ('n1', 1)",
            "ANALYZE TABLE job, pull_job, queue, queue_owner",
            *manage_cases.filling(f"seq_1_to_{size}"),
        )
    yield found
    administer(mysql_server_dsn, *(f"DROP DATABASE {name}" for name in names.values()))


def _make_tables(dsn: str) -> None:
    async def run() -> None:
        async with open_mysql_store(dsn, node_id="n"):
            pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(trio.run, run).result()


@pytest.fixture
async def connection(dsns: Dsns) -> AsyncIterator[Connection]:
    """The large database."""
    async with open_connection(parse(dsns[LARGE]), autocommit=False) as opened:
        yield opened


@frozen
class Step:
    """One row of EXPLAIN: how a table is read."""

    table: str
    access: str
    key: str
    rows: int
    extra: str


async def ask(connection: Connection, case: Case) -> object:
    """Do what the case says and undo it; return the outcome."""
    functions = [getattr(module, case.function, None) for module in MODULES]
    (function,) = filter(None, [*functions, apply if case.function == "apply" else None])
    outcome = None
    with suppress(_RollBack):
        async with connection.transaction():
            outcome = await function(connection, *case.arguments)
            raise _RollBack
    return outcome


async def apply(connection: Connection, operations: Sequence[Operation]) -> object:
    """Carry out writes as the writer does, carefully where that is necessary."""
    mark = fill(writer.MARK, ("n1", 1))
    try:
        return await writes.apply(connection, operations, mark)
    except Mismatch:
        await connection.execute("ROLLBACK")
        return await writes.apply(connection, operations, mark, is_careful=True)


async def statements(connection: Connection, case: Case, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the statements that the case comes down to."""
    found = await noted(connection, lambda: ask(connection, case), monkeypatch)
    return [statement for statement in found if statement != b"ROLLBACK"]


async def noted(
    connection: Connection, work: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> list[bytes]:
    """Return the statements that `work` sends."""
    found: list[bytes] = []
    send_all = connection.send_all

    async def note_and_send(asked: Sequence[bytes]) -> list[Result]:
        found.extend(asked)
        return await send_all(asked)

    with monkeypatch.context() as noting:
        noting.setattr(connection, "send_all", note_and_send)
        await work()
    return found


async def plan(connection: Connection, statement: bytes) -> list[Step]:
    """Return how the server means to read what a statement needs; what it has read it may put in order."""
    found = await connection.send(b"EXPLAIN " + statement)
    return [
        Step(table or "", access or "", key or "", int(rows or 0), extra or "")
        for _, kind, table, access, _, key, _, _, rows, extra in found.rows
        if kind not in ("INSERT", "UNION RESULT")
    ]


async def rows_read(dsn: str, case: Case) -> int:
    """Count the rows that the storage engine is asked for, and those that it judges by itself."""
    async with open_connection(parse(dsn), autocommit=False) as connection:
        # The first to open a table reads what the server knows of its columns, too.
        await ask(connection, case)
        await connection.execute("FLUSH STATUS")
        await ask(connection, case)
        found = await connection.execute(HANDLER_COUNTS)
        return sum(int(count) for _, count in found.rows)


INDEXES = PullIndexes(key=frozenset({"pull_job.PRIMARY"}), lease=frozenset({"pull_job.pull_job_lease"}))


def in_two_sizes(its_cases: Callable[[int], list[Case]]) -> list[Any]:
    """Return each case for the small and the large tables."""
    pairs = zip(its_cases(SMALL), its_cases(LARGE), strict=True)
    return [pytest.param(small, large, id=small.name) for small, large in pairs]


CASES = in_two_sizes(lambda size: [*cases(size, INDEXES), *manage_cases.cases(size)])
SORTING_CASES = in_two_sizes(manage_cases.sorting_cases)


@pytest.mark.parametrize(("_small", "case"), CASES)
async def test_what_is_asked_often_uses_its_index_and_sorts_nothing(
    connection: Connection, _small: Case, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No table is gone through but the small ones that have to be, and no temporary one is made."""
    asked = await statements(connection, case, monkeypatch)
    steps = [step for statement in asked for step in await plan(connection, statement)]
    assert {step.table for step in steps if step.access in ("ALL", "index")} <= case.scans
    used = {f"{step.table}.{step.key}" for step in steps if step.key and step.table not in case.scans}
    assert case.keys <= used
    assert {key for key in used - case.keys - case.may_use if not key.endswith(".PRIMARY")} == set()
    assert not [step for step in steps if "filesort" in step.extra or "temporary" in step.extra]


@pytest.mark.parametrize(("small", "large"), [*CASES, *SORTING_CASES])
async def test_what_is_asked_often_reads_as_many_rows_of_many_jobs_as_of_few(
    dsns: Dsns, small: Case, large: Case
) -> None:
    """Ten times the rows in the tables are no reason to read more of them."""
    read = await rows_read(dsns[LARGE], large)
    assert read == await rows_read(dsns[SMALL], small)
    assert read <= READS_A_ROW * large.rows + READS_MORE


@pytest.mark.parametrize("case", manage_cases.SEARCHES, ids=lambda case: case.name)
async def test_search_goes_through_so_many_rows_and_no_more(
    dsns: Dsns, connection: Connection, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds by an index alone where it has to stop; what is behind is left to the next search."""
    page = await ask(connection, case)
    assert isinstance(page, Page)
    assert not page.items
    assert page.next_cursor is not None
    first, *others = await statements(connection, case, monkeypatch)
    assert all("Using index" in step.extra.split("; ") for step in await plan(connection, first))
    steps = [step for statement in others for step in await plan(connection, statement)]
    assert case.keys <= {f"{step.table}.{step.key}" for step in steps}
    assert not [step for step in steps if "filesort" in step.extra or "temporary" in step.extra]
    # An entry of the index to find the end, another to find the row, and the row.
    assert await rows_read(dsns[LARGE], case) <= 3 * case.rows * SEARCHED_JOBS + 10 * READS_MORE


FOUND_BY_TEXT = [
    pytest.param(
        failure_reads.newest_failures,
        lambda cursor: (FailureFilter(text="AILED77"), cursor, 500),
        "SELECT id FROM failure WHERE pull_key LIKE 'failed77%' ORDER BY id DESC",
        id="failures",
    ),
    pytest.param(
        searches.search_jobs,
        lambda cursor: (
            JobSearch(
                kind=Kind.PULL,
                queue="q1",
                jobs=JobSet.DEFERRED,
                now_ms=NOW,
                limit=500,
                cursor=cursor,
                text="777",
            ),
        ),
        f"SELECT id FROM job WHERE kind = 1 AND queue = 'q1' AND state = 0 AND next_try > {NOW} "
        "AND pull_key LIKE '%777%' ORDER BY next_try, id",
        id="jobs",
    ),
    pytest.param(
        searches.search_finished,
        lambda cursor: (
            FinishedSearch(kind=Kind.PUSH, queue="q1", limit=500, cursor=cursor, category="c", text="U77"),
        ),
        "SELECT job_id FROM finished WHERE queue = 'q1' AND url LIKE 'u77%' ORDER BY ended_at DESC",
        id="history",
    ),
]


@pytest.mark.parametrize(("search", "asking", "everything"), FOUND_BY_TEXT)
async def test_searches_that_go_on_where_the_last_one_stopped_find_everything_once(
    connection: Connection,
    search: Callable[..., Awaitable[Page[Any]]],
    asking: Callable[[Cursor | None], tuple[object, ...]],
    everything: str,
) -> None:
    """Some of their pages are full, others are not; all in order."""
    found: list[int] = []
    pages, cursor = 0, None
    while pages == 0 or cursor is not None:
        page = await search(connection, *asking(cursor))
        found += [item.job_id if isinstance(item, FinishedJob) else item.id for item in page.items]
        pages, cursor = pages + 1, page.next_cursor
    assert found == [number for (number,) in (await connection.send(everything.encode())).rows]
    assert pages > len(found) // 500 + 1


async def test_completions_of_a_batch_read_their_own_rows_only(connection: Connection) -> None:
    """One statement for many completions finds each by its primary key."""
    (step,) = await plan(connection, jobs.complete_many([Completed(100 * n, 1) for n in range(1, 31)]))
    assert (step.key, step.access, step.rows) == ("PRIMARY", "range", 30)


@pytest.mark.parametrize("statement", [lists.LIST_UP, lists.LIST_DOWN])
async def test_places_of_jobs_are_read_from_the_index_alone(connection: Connection, statement: str) -> None:
    """No row is looked at, let alone its payload, before it is known which are wanted."""
    (step,) = await plan(connection, fill(statement, ("q1", 0, NOW, INT64_MAX, NOW + 7, 5, 100)))
    assert "Using index" in step.extra.split("; ")


async def test_what_tells_of_the_last_commit_is_found_by_its_key(connection: Connection) -> None:
    """However many nodes there have been, one row is locked."""
    (step,) = await plan(connection, fill(writer.READ_MARK, ("n1",)))
    assert (step.key, step.access) == ("PRIMARY", "const")


async def test_load_of_many_types_is_read_from_the_index_alone(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of each type at each of the times lies somewhere else; in the index they are side by side."""
    asked = await noted(connection, lambda: spread.read_spread(connection, manage_cases.SPREAD), monkeypatch)
    steps = [step for statement in asked for step in await plan(connection, statement)]
    found = [step.extra for step in steps if step.table == "load_count"]
    assert len(found) == 2
    assert all("Using index" in extra.split("; ") for extra in found)


COUNTS = [
    pytest.param(counts.count_jobs, (NOW, None), id="jobs"),
    pytest.param(counts.count_jobs, (NOW, "q1"), id="jobs of a queue"),
    pytest.param(counts.count_ended, (None,), id="ended"),
    pytest.param(counts.count_ended, ("q1",), id="ended of a queue"),
    pytest.param(counts.count_ended_by_queue, (), id="ended by queue"),
    pytest.param(failure_reads.count_failures, (FailureFilter(error="e1"),), id="failures of an error"),
    *(
        pytest.param(function, (wanted, *more), id=f"{function.__name__}, {name}")
        for name, (wanted, _) in manage_cases.FILTERS.items()
        for function, more in (
            (failure_reads.count_failures, ()),
            (failure_reads.find_ids, (0, LARGE, 100)),
            (failure_reads.failure_groups, (100,)),
        )
    ),
    pytest.param(failure_reads.read_newest, (), id="the newest failure"),
    pytest.param(failure_reads.read_outdated_failures, (NOW + LARGE, 100), id="outdated failures"),
    pytest.param(history.read_outdated_finished, (NOW + 99, 1000, 100), id="outdated history"),
    pytest.param(load.count_samples, (NOW, NOW + LARGE), id="samples"),
]


@pytest.mark.parametrize(("count", "arguments"), COUNTS)
async def test_what_goes_through_many_rows_reads_an_index_alone(
    connection: Connection,
    count: Callable[..., Awaitable[object]],
    arguments: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A million jobs with their payloads would be read for nothing."""
    asked = await noted(connection, lambda: count(connection, *arguments), monkeypatch)
    steps = [step for statement in asked for step in await plan(connection, statement)]
    assert steps
    assert [step for step in steps if not EXTRA_OF_INDEXES & set(step.extra.split("; "))] == []
