"""What is particular to pull jobs in the SQLite store: its transactions, its rows and the way to them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores.nodes import A_FAILURE, NOW, Node, new_job, storing
from tests.stores.workers import completion, heartbeat, pull_job, rescheduling
from trioworq.core.jobs import Kind
from trioworq.core.leases import FIRST_EPOCH, Hold
from trioworq.core.pull import Verdict
from trioworq.core.retry import Failed, Retried
from trioworq.stores.claims import CLAIM_BYTES, Claim, Take
from trioworq.stores.interface import FailureOrder, FailureQuery
from trioworq.stores.migrations import CREATE_VERSION, available
from trioworq.stores.operations import EnqueueJobs, ExpireLeases, Operation
from trioworq.stores.rows import Row
from trioworq.stores.sqlite import reads, writes
from trioworq.stores.sqlite.connection import open_connection, prepare, transaction
from trioworq.stores.sqlite.due import PRIORITIES
from trioworq.stores.sqlite.store import open_sqlite_store

KEPT = "kind, pull_key, pull_state, max_retries, priority, timeout, retry_delay"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a prepared, empty database."""
    path = tmp_path / "test.db"
    prepare(path)
    with open_connection(path) as opened:
        yield opened


def commit(connection: sqlite3.Connection, *operations: Operation) -> list[object]:
    """Carry operations out in one transaction."""
    with transaction(connection):
        return writes.apply(connection, operations)


def test_operations_of_one_transaction_see_each_other(connection: sqlite3.Connection) -> None:
    """A take finds what was enqueued before it, and a change what became of the job before that."""
    ids, again, taken, *verdicts, left = commit(
        connection,
        EnqueueJobs([pull_job(), pull_job()]),
        EnqueueJobs([pull_job()]),
        Take("q", 10, NOW),
        heartbeat(saved_state=b"1"),
        rescheduling(run_at_ms=NOW),
        heartbeat(),
        completion(),
        completion(),
        Take("q", 10, NOW),
    )
    assert isinstance(taken, list)
    assert (ids, again) == ([taken[0].id, None], [None])
    assert verdicts == [Verdict.DONE, Verdict.DONE, Verdict.ABSENT, Verdict.DONE, Verdict.ABSENT]
    assert left == []
    assert reads.read_pull_job(connection, "q", "k") is None


def test_take_reads_no_more_than_it_hands_out(connection: sqlite3.Connection) -> None:
    """What would go beyond CLAIM_BYTES is not in memory together with the rest (I13)."""
    payload = bytes(CLAIM_BYTES // 2 + 1)
    commit(connection, *(EnqueueJobs([pull_job(str(number), payload=payload)]) for number in range(4)))
    read: list[int] = []

    def count(_cursor: sqlite3.Cursor, row: Row) -> Row:
        read.extend([row[0]] if len(row) > 1 else [])
        return row

    connection.row_factory = count
    (jobs,) = commit(connection, Take("q", 10, NOW))
    assert isinstance(jobs, list)
    assert [job.id for job in jobs] == read
    assert len(read) == 2


def test_thousands_of_priorities_without_a_due_job_are_passed_by(connection: sqlite3.Connection) -> None:
    """A take keeps others waiting, and must not take a statement for each of them (I13)."""
    numbers = range(5 * PRIORITIES)
    commit(
        connection,
        EnqueueJobs([pull_job(str(number), priority=number, run_at_ms=NOW + 1) for number in numbers]),
        EnqueueJobs([pull_job("due", priority=len(numbers))]),
    )
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    (jobs,) = commit(connection, Take("q", 1, NOW))
    assert isinstance(jobs, list)
    assert [job.key for job in jobs] == ["due"]
    assert len(statements) < 3 * PRIORITIES


def test_failed_pull_job_keeps_what_running_it_again_needs(connection: sqlite3.Connection) -> None:
    """Its key, what its worker saved, and its numbers as they were given (README 12)."""
    job = pull_job(max_retries=0, priority=7, timeout_s=9)
    commit(connection, EnqueueJobs([job]), Take("q", 1, NOW), heartbeat(saved_state=b"[1]"))
    commit(connection, ExpireLeases(NOW + 9001, 10))
    assert connection.execute(f"SELECT {KEPT} FROM failure").fetchall() == [(1, "k", b"[1]", 0, 7, 9, 0)]


def test_failed_push_job_keeps_what_running_it_again_needs(connection: sqlite3.Connection) -> None:
    """The number of retries is the one that was pushed, however many are used up (README 12)."""
    commit(connection, Hold("n", "h", ["q"], NOW, 1000), storing(new_job(max_retries=3, priority=7)))
    claim = Claim("q", FIRST_EPOCH, 1, NOW)
    commit(connection, claim, Retried(1, 1, NOW, 2, 1, A_FAILURE), claim, Failed(1, 2, A_FAILURE, 2, NOW))
    assert connection.execute(f"SELECT {KEPT} FROM failure").fetchall() == [(0, None, None, 3, 7, 30, 5)]


async def test_database_of_the_release_before_is_brought_up(tmp_path: Path) -> None:
    """Its jobs and failures are those of push queues; pull jobs come beside them."""
    path = tmp_path / "old.db"
    _make_version_2(path)
    async with open_sqlite_store(path, node_id="n") as store:
        node = Node(store)
        await node.hold("q")
        for order in FailureOrder:
            page = await store.failures(FailureQuery("q", 10, order))
            assert [(entry.id, entry.job_id, entry.kind) for entry in page.items] == [(4, 3, Kind.PUSH)]
            assert (await store.failures(FailureQuery("q", 10, order, kind=Kind.PULL))).items == []
        assert (await store.enqueue([pull_job(), pull_job()])) == [8, None]
        assert [(job.id, job.category) for job in await node.claim()] == [(7, "c")]
        await store.settle(Failed(7, 1, A_FAILURE, 1, NOW))
        page = await store.failures(FailureQuery("q", 10))
        assert [entry.job_id for entry in page.items] == [7, 3]


def _make_version_2(path: Path) -> None:
    """Make a database as it was before pull jobs, with a job and a failure."""
    with open_connection(path) as connection, transaction(connection):
        connection.execute(CREATE_VERSION)
        for migration in available("sqlite")[:2]:
            for statement in (*migration.statements, migration.record_version):
                connection.execute(statement)
        row = "'q', 'c', 'u', x'7b7d', 2"
        connection.execute(f"INSERT INTO job VALUES (7, 0, {row}, 0, 100, {NOW}, {NOW}, 0, 0, 3, 0, 0, NULL)")
        connection.execute(f"INSERT INTO failure VALUES (4, 3, {row}, 'failure', 500, '', 1, {NOW}, {NOW})")
