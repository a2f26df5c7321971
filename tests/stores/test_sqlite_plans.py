"""Whatever the SQLite store is asked often reads one range of the index that is meant for it, in order."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from attrs import evolve

from tests.stores import sqlite_browse_cases as browse_cases
from tests.stores import sqlite_plan_cases as manage_cases
from tests.stores.nodes import NOW
from tests.stores.plan_cases import LEASE_END, Case, PullIndexes, cases, filling
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.core.jobs import Kind
from trioworq.core.load import SpreadQuery
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.interface import JobSet
from trioworq.stores.sqlite import (
    counts,
    failure_reads,
    failures,
    history,
    load,
    reads,
    searches,
    spread,
    writes,
)
from trioworq.stores.sqlite.connection import open_connection, prepare, transaction

SMALL, LARGE = 10_000, 100_000
NUMBERS = (
    "(WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < {}) SELECT * FROM n)"
)
STEP = re.compile(r"(SEARCH|SCAN) (\w+)(?: USING (?:COVERING )?(?:INDEX (\w+)|(?:INTEGER )?PRIMARY KEY))?")

MODULES = (reads, writes, failures, failure_reads, history, load, searches, spread)

Databases = dict[int, sqlite3.Connection]


class _RollBack(Exception):
    """Ends a transaction that has served its purpose."""


@pytest.fixture(scope="module", params=["new", "analyzed"])
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    """A small database and a large one, without statistics, as it is by itself, or with them."""
    folder = tmp_path_factory.mktemp("plans")
    with _filled(folder / "small.db", SMALL) as small, _filled(folder / "large.db", LARGE) as large:
        if request.param == "analyzed":
            small.execute("ANALYZE")
            large.execute("ANALYZE")
        yield {SMALL: small, LARGE: large}


@contextmanager
def _filled(path: Path, size: int) -> Iterator[sqlite3.Connection]:
    prepare(path)
    with open_connection(path) as connection:
        with transaction(connection):
            for statement in filling(NUMBERS.format(size)):
                connection.execute(statement)
            connection.execute(f"UPDATE job SET max_retries = 3, lease_end = {LEASE_END} WHERE kind = 1")
            for statement in manage_cases.filling(NUMBERS.format(size)):
                connection.execute(statement)
        yield connection


def ask(connection: sqlite3.Connection, case: Case) -> object:
    """Do what the case says and undo it; return the outcome."""
    function = next(filter(None, (getattr(module, case.function, None) for module in MODULES)))
    if function is not writes.apply:
        return function(connection, *case.arguments)
    outcome = None
    with suppress(_RollBack), transaction(connection):
        outcome = function(connection, *case.arguments)
        raise _RollBack
    return outcome


def statements(connection: sqlite3.Connection, case: Case) -> list[str]:
    """Return the statements that the case comes down to."""
    return traced(connection, lambda: ask(connection, case))


def traced(connection: sqlite3.Connection, work: Callable[[], object]) -> list[str]:
    """Return the statements that `work` runs, but for the bounds of transactions."""
    found: list[str] = []
    connection.set_trace_callback(found.append)
    work()
    connection.set_trace_callback(None)
    return [statement for statement in found if not statement.startswith(("BEGIN", "ROLLBACK"))]


def plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    """Return the lines of a statement's query plan."""
    with closing(connection.execute(f"EXPLAIN QUERY PLAN {statement}")) as found:
        return [line for *_, line in found]


def steps(connection: sqlite3.Connection, case: Case) -> int:
    """Count the steps that the case takes."""
    return count_steps(connection, lambda: ask(connection, case))


def count_steps(connection: sqlite3.Connection, work: Callable[[], object]) -> int:
    """Count the steps of SQLite's virtual machine; each row that is looked at takes some."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(step, 1)
    work()
    connection.set_progress_handler(None, 0)
    return count


INDEXES = PullIndexes(key=frozenset({"job.job_pull_key"}), lease=frozenset({"job.job_lease"}))
CASES = [
    pytest.param(small, large, id=small.name)
    for small, large in zip(
        [*cases(SMALL, INDEXES), *manage_cases.cases(SMALL), *browse_cases.cases(SMALL)],
        [*cases(LARGE, INDEXES), *manage_cases.cases(LARGE), *browse_cases.cases(LARGE)],
        strict=True,
    )
]


@pytest.mark.parametrize(("_small", "case"), CASES)
def test_what_is_asked_often_uses_its_index_and_sorts_nothing(
    databases: Databases, _small: Case, case: Case
) -> None:
    """No table is gone through but the small ones that have to be, and no B-tree is made."""
    lines = [
        line for statement in statements(databases[LARGE], case) for line in plan(databases[LARGE], statement)
    ]
    read = [match for line in lines if (match := STEP.match(line)) and match[2] != "json_each"]
    assert {match[2] for match in read if match[1] == "SCAN"} <= case.scans
    used = {f"{match[2]}.{match[3] or 'PRIMARY'}" for match in read if match[1] == "SEARCH"}
    assert case.keys <= used
    assert {key for key in used - case.keys - case.may_use if not key.endswith(".PRIMARY")} == set()
    assert not [line for line in lines if "TEMP B-TREE" in line or "AUTOMATIC" in line]


@pytest.mark.parametrize(("small", "large"), CASES)
def test_what_is_asked_often_takes_as_long_with_many_jobs_as_with_few(
    databases: Databases, small: Case, large: Case
) -> None:
    """Ten times the rows cost no more steps of SQLite's virtual machine."""
    assert ask(databases[LARGE], large) != []
    assert steps(databases[LARGE], large) == steps(databases[SMALL], small)


COUNTS = [
    (counts.count_jobs, (NOW, None)),
    (counts.count_jobs, (NOW, "q1")),
    (counts.count_ended, (None,)),
    (counts.count_ended, ("q1",)),
    *(
        (failure_reads.count_failures, (wanted,))
        for wanted in (
            EVERY_FAILURE,
            FailureFilter(queue="q1"),
            FailureFilter(category="c"),
            FailureFilter(failed_after_ms=NOW, failed_before_ms=NOW + 5),
            FailureFilter(queue="q1", category="c", failed_after_ms=NOW),
            FailureFilter(error="e"),
            FailureFilter(kind=Kind.PUSH, queue="q1", category="c", error="e"),
            FailureFilter(queue="q1", error="e", failed_after_ms=NOW),
        )
    ),
    (counts.count_ended_by_queue, ()),
    *(
        (failure_reads.read_groups, (wanted, 10))
        for wanted in (
            EVERY_FAILURE,
            FailureFilter(kind=Kind.PUSH, queue="q1", category="c", error="e", failed_after_ms=NOW),
            FailureFilter(queue="q1"),
            FailureFilter(error="e"),
            FailureFilter(failed_before_ms=NOW + 5),
        )
    ),
]


@pytest.mark.parametrize(("count", "arguments"), COUNTS)
def test_counts_read_indexes_and_no_rows(
    databases: Databases, count: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    """A million jobs with their payloads would be read for nothing."""
    connection = databases[SMALL]
    lines = [
        line
        for statement in traced(connection, lambda: count(connection, *arguments))
        for line in plan(connection, statement)
        if line.startswith(("SCAN", "SEARCH"))
    ]
    assert lines
    assert [line for line in lines if not re.search("COVERING INDEX|CONSTANT|subquery", line)] == []


def test_jobs_are_counted_without_a_sort_where_queues_have_one_category(databases: Databases) -> None:
    """A sort of a million jobs takes several times as long as going through them."""
    connection = databases[SMALL]
    statements = traced(connection, lambda: counts.count_jobs(connection, NOW, None))
    assert len(statements) == 1
    assert not [line for line in plan(connection, statements[0]) if "TEMP B-TREE" in line]


SEARCHES = [
    (failure_reads.read_newest_failures, (FailureFilter(text="absent"), None, 10)),
    (failure_reads.read_newest_failures, (FailureFilter(queue="q1", error="absent"), None, 10)),
    (failure_reads.read_newest_failures, (FailureFilter(failed_before_ms=NOW), None, 10)),
    *(
        (
            searches.search_jobs,
            (JobSearch(kind=kind, queue="q1", jobs=JobSet.WAITING, now_ms=NOW, limit=10, text="absent"),),
        )
        for kind in Kind
    ),
    (searches.search_finished, (FinishedSearch(kind=Kind.PUSH, queue="q1", limit=10, category="absent"),)),
]


@pytest.mark.parametrize(("search", "arguments"), SEARCHES)
def test_where_a_search_stops_is_found_by_an_index_alone(
    databases: Databases, search: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    """Of the rows that it goes through none is sorted either."""
    connection = databases[LARGE]
    plans = [
        plan(connection, statement)
        for statement in traced(connection, lambda: search(connection, *arguments))
    ]
    stop, _found = plans
    assert [line for line in stop if line.startswith("SEARCH")]
    assert [line for line in stop if line.startswith("SEARCH") and "COVERING INDEX" not in line] == []
    assert not [line for lines in plans for line in lines if "TEMP B-TREE" in line or "SCAN" in line]


def test_spread_of_the_load_costs_by_what_is_shown(databases: Databases) -> None:
    """However many samples there are between and beyond the points."""
    query = SpreadQuery(first_ms=NOW, last_ms=NOW + 8999, step_ms=5 * manage_cases.SAMPLES_SHARE, most=3)
    found = spread.read_spread(databases[LARGE], query)
    assert (len(found.points), len(found.by_type)) == (90, 3)

    def cost(size: int, query: SpreadQuery) -> int:
        connection = databases[size]
        return count_steps(connection, lambda: spread.read_spread(connection, query))

    assert cost(LARGE, query) == cost(SMALL, query)
    assert cost(LARGE, evolve(query, step_ms=9000)) < cost(LARGE, query) / 10
