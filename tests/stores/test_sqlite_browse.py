"""What SQLite alone does when people look around: bounded searches, and the schema of the release before."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stores.failing import fail_push
from tests.stores.nodes import NOW, Node
from tests.stores.test_browse_failures import saying
from trioworq.core.cursors import Cursor
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.core.jobs import Kind
from trioworq.core.nodes import LiveNode
from trioworq.stores.browsing import SEARCHED_JOBS, FinishedSearch, JobSearch
from trioworq.stores.interface import JobSet
from trioworq.stores.migrations import CREATE_VERSION, available
from trioworq.stores.sqlite.connection import open_connection, prepare, transaction
from trioworq.stores.sqlite.failure_reads import read_newest_failures
from trioworq.stores.sqlite.searches import search_finished, search_jobs
from trioworq.stores.sqlite.store import open_sqlite_store

LEFT = 5000
MANY = SEARCHED_JOBS + LEFT
_NUMBERS = (
    f"(WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < {MANY}) "
    "SELECT seq FROM n)"
)
_JOB = "kind, queue, category, url, payload, payload_form, priority, created_at"
_A_JOB = f"0, 'q', 'c', 'the url', x'7b7d', 2, 100, {NOW}"

Search = Callable[[sqlite3.Connection, Cursor | None], Any]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A database with more jobs of each sort than one search goes through, numbered from 1."""
    path = tmp_path_factory.mktemp("browse") / "test.db"
    prepare(path)
    with open_connection(path) as opened:
        with transaction(opened):
            _fill(opened)
        yield opened


def _fill(connection: sqlite3.Connection) -> None:
    connection.execute(
        f"INSERT INTO job (id, next_try, {_JOB}, state, timeout, retry_delay, retries_left, fail_count, "
        f"attempt) SELECT seq, {NOW} + seq, {_A_JOB}, 0, 0, 0, 0, 0, 0 FROM {_NUMBERS}"
    )
    connection.execute(
        f"INSERT INTO finished (job_id, ended_at, {_JOB}, message, code, fail_count) "
        f"SELECT seq, {NOW} + seq, {_A_JOB}, '', 200, 0 FROM {_NUMBERS}"
    )
    connection.execute(
        f"INSERT INTO failure (id, job_id, {_JOB}, failed_at, result_status, result_code, result_message, "
        f"fail_count) SELECT seq, seq, {_A_JOB}, {NOW}, 'failure', 500, '', 1 FROM {_NUMBERS}"
    )


def _search_jobs(connection: sqlite3.Connection, cursor: Cursor | None) -> Any:
    search = JobSearch(
        kind=Kind.PUSH,
        queue="q",
        jobs=JobSet.WAITING,
        now_ms=NOW + MANY,
        limit=10,
        cursor=cursor,
        text="absent",
    )
    return search_jobs(connection, search)


def _search_finished(connection: sqlite3.Connection, cursor: Cursor | None) -> Any:
    search = FinishedSearch(kind=Kind.PUSH, queue="q", limit=10, cursor=cursor, text="absent")
    return search_finished(connection, search)


def _search_failures(connection: sqlite3.Connection, cursor: Cursor | None) -> Any:
    return read_newest_failures(connection, FailureFilter(text="absent"), cursor, 10)


def _search_failures_of_queue(connection: sqlite3.Connection, cursor: Cursor | None) -> Any:
    return read_newest_failures(connection, FailureFilter(text="absent", queue="q"), cursor, 10)


@pytest.mark.parametrize(
    ("search", "stop"),
    [
        (_search_jobs, Cursor(NOW + SEARCHED_JOBS + 1, SEARCHED_JOBS + 1)),
        (_search_finished, Cursor(NOW + LEFT, LEFT)),
        (_search_failures, Cursor(0, LEFT)),
        (_search_failures_of_queue, Cursor(0, LEFT)),
    ],
)
def test_search_looks_at_so_many_rows(connection: sqlite3.Connection, search: Search, stop: Cursor) -> None:
    """Exactly; the next page begins with the first that was not looked at, and ends with the last of all."""
    looked_at = 0

    def lower(text: str | None) -> str | None:
        nonlocal looked_at
        looked_at += text == "the url"
        return text

    connection.create_function("lower", 1, lower)
    page = search(connection, None)
    assert (page.items, page.next_cursor, looked_at) == ([], stop, SEARCHED_JOBS)
    page = search(connection, page.next_cursor)
    assert (page.items, page.next_cursor, looked_at) == ([], None, SEARCHED_JOBS + LEFT)


async def test_failures_of_the_release_before_are_a_group_without_an_error(tmp_path: Path) -> None:
    """They are found by all else; what fails from then on has its error."""
    path = tmp_path / "old.db"
    _make_version_4(path)
    async with open_sqlite_store(path, node_id="n") as store:
        node = Node(store)
        await node.hold("q")
        await fail_push(node, result=saying("order 17 is gone"))
        await fail_push(node, result=saying("order 18 is gone"))
        groups = await store.failure_groups(EVERY_FAILURE, 10)
        assert [(group.error, group.count) for group in groups] == [("HTTP 500: order # is gone", 2), ("", 1)]
        assert await store.count_failures(FailureFilter(error="")) == 1
        assert await store.count_failures(FailureFilter(text="SAID BEFORE")) == 1


async def test_node_of_the_release_before_goes_on_beside_a_new_one(tmp_path: Path) -> None:
    """It renews its place, which has no report, and stores failures, which have no error."""
    path = tmp_path / "old.db"
    _make_version_4(path)
    with open_connection(path) as old:
        old.execute(OLD_JOIN, ("old", NOW + 1))
        async with open_sqlite_store(path, node_id="n") as store:
            await Node(store, "n").hold()
            await store.report("n", "h", b"[1]")
            old.execute(OLD_JOIN, ("old", NOW + 2))
            old.execute(OLD_FAILURE)
            assert await store.nodes(NOW) == [LiveNode("old", ""), LiveNode("n", "h", b"[1]")]
            (group,) = await store.failure_groups(EVERY_FAILURE, 10)
            assert (group.error, group.count) == ("", 2)


# As the release before writes them.
OLD_JOIN = "REPLACE INTO node (node_id, expires_at) VALUES (?, ?)"
OLD_FAILURE = (
    "INSERT INTO failure (kind, job_id, queue, category, url, payload, payload_form, result_status, "
    "result_code, result_message, fail_count, failed_at, created_at, max_retries, priority, timeout, "
    "retry_delay, attempt, started_at) VALUES (0, 7, 'q', 'c', 'u', x'', 0, 'failure', 500, 'said before', "
    f"1, {NOW}, {NOW}, 0, 100, 0, 0, 1, {NOW})"
)


def _make_version_4(path: Path) -> None:
    """Make a database as the release before left it, with a failure."""
    with open_connection(path) as connection, transaction(connection):
        connection.execute(CREATE_VERSION)
        for migration in available("sqlite")[:4]:
            for statement in (*migration.statements, migration.record_version):
                connection.execute(statement)
        connection.execute(OLD_FAILURE)
