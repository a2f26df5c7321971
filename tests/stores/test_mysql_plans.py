"""Every frequent statement of the MySQL store reads one range of the index that is meant for it, in order."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import frozen

from tests.mariadb import administer
from tests.stores.nodes import NOW
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import INT64_MAX
from trioworq.core.retry import Completed
from trioworq.stores.mysql import jobs, leases, lists, reads, writer
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.literals import Value, fill
from trioworq.stores.mysql.store import open_mysql_store

JOBS = 6000


@pytest.fixture
async def connection(mysql_dsn: str) -> AsyncIterator[Connection]:
    """A database with thousands of jobs, most of them deferred, whose statistics are up to date."""
    async with open_mysql_store(mysql_dsn, node_id="n"):
        pass
    administer(
        mysql_dsn,
        "INSERT INTO job SELECT seq, 0, CONCAT('q', seq % 3), 'c', 'u', '', 0, seq % 100 < 2, "
        f"100 + seq % 4, {NOW} + CAST(seq AS SIGNED) * IF(seq % 50 = 0, -1000, 1000), {NOW}, "
        f"0, 0, 0, 0, 1, NULL FROM seq_1_to_{JOBS}",
        "INSERT INTO failure SELECT seq, seq, CONCAT('q', seq % 3), 'c', 'u', '', 0, 'failure', 500, '', 1, "
        f"{NOW} + seq, {NOW} - seq FROM seq_1_to_{JOBS}",
        "INSERT INTO queue SELECT CONCAT('q', seq), 200, 20, 0, 0 FROM seq_1_to_200",
        f"INSERT INTO queue_owner SELECT CONCAT('q', seq), CONCAT('n', seq % 9), '', 1, {NOW} "
        "FROM seq_1_to_200",
        "ANALYZE TABLE job, failure, queue, queue_owner",
    )
    async with open_connection(parse(mysql_dsn)) as opened:
        yield opened


@frozen
class Step:
    """One row of EXPLAIN: how a table is read."""

    table: str
    access: str
    key: str
    rows: int
    extra: str


async def plan(connection: Connection, statement: bytes) -> list[Step]:
    """Return how the server means to carry out a statement."""
    found = await connection.send(b"EXPLAIN " + statement)
    return [
        Step(table or "", access or "", key or "", int(rows or 0), extra or "")
        for _, _, table, access, _, key, _, _, rows, extra in found.rows
    ]


FREQUENT: list[tuple[str, tuple[Value, ...], str]] = [
    (reads.FIND_JOB, (5, "q1"), "PRIMARY"),
    (lists.LIST_UP, ("q1", 0, NOW, INT64_MAX, NOW + 7, 5, 100), "job_list"),
    (lists.LIST_DOWN, ("q1", 0, NOW, INT64_MAX, NOW + 7, 5, 100), "job_list"),
    (lists.LIST_UP, ("q1", 1, 0, NOW, 0, 0, 100), "job_list"),
    (reads.FIND_FAILURE, (5, "q1"), "PRIMARY"),
    (lists.FAILURES_BY_ID, ("q1", INT64_MAX, 100), "failure_failed"),
    (lists.FAILURES_BY_CREATION, ("q1", NOW, NOW, 7, 100), "failure_created"),
    (reads.FIND_QUEUE, ("q1",), "PRIMARY"),
    (reads.FIND_OWNER, ("q1", NOW), "PRIMARY"),
    (jobs.FIND_EPOCH, ("q1",), "PRIMARY"),
    (jobs.NEXT_PRIORITY, ("q1", -(2**31)), "job_claim"),
    (jobs.NEXT_PRIORITY, ("q1", 101), "job_claim"),
    (jobs.DUE, ("q1", 100, NOW, 20), "job_claim"),
    (jobs.COMPLETE, (5, 1), "PRIMARY"),
    (jobs.RELEASE, (5, 1), "PRIMARY"),
    (jobs.RETRY, (NOW, 1, 1, 5, 1), "PRIMARY"),
    (jobs.FAIL, ("failure", 0, "", 1, NOW, 5, 1), "PRIMARY"),
    (leases.RELEASE_QUEUE, ("q1",), "job_list"),
    (leases.GIVE_BACK, ("n1",), "queue_owner_node"),
    (writer.READ_MARK, ("n",), "PRIMARY"),
]


@pytest.mark.parametrize(("statement", "values", "key"), FREQUENT, ids=range(len(FREQUENT)))
async def test_frequent_statement_uses_its_index_and_sorts_nothing(
    connection: Connection, statement: str, values: tuple[Value, ...], key: str
) -> None:
    """One index is read, by its key, and what comes out of it is in order."""
    for step in await plan(connection, fill(statement, values)):
        assert (step.key or key) == key
        assert step.access not in ("ALL", "index")
        assert "filesort" not in step.extra
        assert "temporary" not in step.extra


async def test_completions_of_a_batch_read_their_own_rows_only(connection: Connection) -> None:
    """One statement for many completions finds each by its primary key."""
    (step,) = await plan(connection, jobs.complete_many([Completed(100 * n, 1) for n in range(1, 31)]))
    assert (step.key, step.access, step.rows) == ("PRIMARY", "range", 30)


@pytest.mark.parametrize("table", [lists.JOBS, lists.FAILURES], ids=["job", "failure"])
async def test_pages_read_their_own_rows_only(connection: Connection, table: lists.Table[Any]) -> None:
    """The sizes and the rows of a page are found by their primary key, however many they are."""
    places = [Cursor(0, number) for number in range(1, lists.READ_AT_ONCE + 1)]
    for columns in (table.sizes, table.columns):
        (step,) = await plan(connection, lists.select(columns, table.name, places))
        assert (step.key, step.access, step.rows) == ("PRIMARY", "range", lists.READ_AT_ONCE)


@pytest.mark.parametrize("statement", [lists.LIST_UP, lists.LIST_DOWN])
async def test_places_of_jobs_are_read_from_the_index_alone(connection: Connection, statement: str) -> None:
    """No row is looked at, let alone its payload, before it is known which are wanted."""
    (step,) = await plan(connection, fill(statement, ("q1", 0, NOW, INT64_MAX, NOW + 7, 5, 100)))
    assert "Using index" in step.extra.split("; ")


async def test_jobs_that_are_started_read_their_own_rows_only(connection: Connection) -> None:
    """Claimed jobs are updated by their ids."""
    (step,) = await plan(connection, jobs.start_many(range(1, 31), NOW))
    assert (step.key, step.access, step.rows) == ("PRIMARY", "range", 30)


async def test_leases_are_locked_one_by_one_in_the_order_of_their_key(connection: Connection) -> None:
    """Holding many queues locks their rows and no others, in the same order on every node."""
    (step,) = await plan(connection, leases.lock_leases([f"q{n}" for n in range(1, 31)]))
    assert (step.key, step.access, step.rows) == ("PRIMARY", "range", 30)
    assert "filesort" not in step.extra


async def test_due_queues_take_one_look_at_each_queue(connection: Connection) -> None:
    """The poll's one statement reads the first job of each queue and no other."""
    outer, inner = await plan(connection, fill(reads.DUE_QUEUES, (NOW,)))
    assert (outer.table, outer.rows) == ("queue", 200)
    assert (inner.table, inner.key, inner.access) == ("job", "job_list", "ref")
    assert "filesort" not in inner.extra
    await connection.execute("FLUSH STATUS")
    found = await connection.execute(reads.DUE_QUEUES, (NOW,))
    assert [name for (name,) in found.rows] == [b"q1", b"q2"]
    status = dict((await connection.execute("SHOW SESSION STATUS LIKE 'Handler_read%%'")).rows)
    assert sum(int(count) for count in status.values()) < 1000


async def test_claim_costs_the_same_however_many_jobs_are_deferred(connection: Connection) -> None:
    """Looking for due jobs passes over the deferred ones without reading them."""
    await connection.execute("FLUSH STATUS")
    await connection.execute(jobs.NEXT_PRIORITY, ("q1", 100))
    await connection.execute(jobs.DUE, ("q1", 102, NOW - 10**9, 20))
    status = dict((await connection.execute("SHOW SESSION STATUS LIKE 'Handler_read%%'")).rows)
    assert sum(int(count) for count in status.values()) < 10
