"""What is particular to SQLite: its plans, its errors, its threads, and a second process on the file."""

import re
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import TypeVar, cast

import pytest
import trio

from tests.stores.nodes import NOW, Node, new_job, push_one, storing
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Job, Kind, Payload, PayloadForm
from trioworq.core.leases import FIRST_EPOCH, Hold
from trioworq.stores.batching import BatchRejected
from trioworq.stores.claims import Claim
from trioworq.stores.interface import PAGE_BYTES, JobQuery, JobSet, StoreBroken, StoreUnavailable
from trioworq.stores.migrations import newest
from trioworq.stores.rows import Row
from trioworq.stores.sqlite import due, leases, pull, reads, writes
from trioworq.stores.sqlite.connection import Runner, open_connection, prepare, transaction, translated
from trioworq.stores.sqlite.store import open_sqlite_store

T = TypeVar("T")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database may be made."""
    return tmp_path / "test.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a prepared, empty database."""
    prepare(path)
    with open_connection(path) as opened:
        yield opened


HOT = [
    (due.NEXT_PRIORITY, "job_claim"),
    (due.DUE[Kind.PUSH], "job_claim"),
    (due.DUE[Kind.PULL], "job_claim"),
    (writes.START, None),
    (writes.COMPLETE, None),
    (writes.RETRY, None),
    (writes.RELEASE, None),
    (writes.FAIL, None),
    (writes.DELETE_JOB, None),
    (writes.DELETE_FAILURE, None),
    (pull.START, None),
    (pull.FIND_STANDING, "job_pull_key"),
    (pull.KEEP, None),
    (pull.COMPLETE, None),
    (pull.RETURN, None),
    (pull.RESCHEDULE, None),
    (pull.ENDED, "job_lease"),
    (pull.RETRY, None),
    (pull.FAIL, None),
    (leases.RELEASE_QUEUE, "job_"),
    (reads.FIND_JOB, None),
    (reads.LIST_DOWN, "job_list"),
    (reads.LIST_UP, "job_list"),
    (reads.FIND_PULL_JOB, "job_pull_key"),
    (reads.FIRST_LEASE_END, "job_lease"),
    (reads.FIRST_TRY, "job_list"),
    (reads.FIND_FAILURE, None),
    (reads.FAILURES_BY_ID, "failure_failed"),
    (reads.FAILURES_BY_CREATION, "failure_created"),
]


def plan_of(connection: sqlite3.Connection, statement: str) -> str:
    arguments = (0,) * statement.count("?")
    return "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", arguments))


@pytest.mark.parametrize("is_analyzed", [False, True])
@pytest.mark.parametrize(("statement", "index"), HOT)
def test_hot_statement_is_served_by_its_index(
    connection: sqlite3.Connection, statement: str, index: str | None, is_analyzed: bool
) -> None:
    """No scan and no sort, with the planner's statistics and without: the index gives the order too."""
    if is_analyzed:
        fill(connection)
        connection.execute("ANALYZE")
    plan = plan_of(connection, statement)
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan
    assert "SEARCH" in plan
    assert re.search(f"INDEX {index}" if index else "USING INTEGER PRIMARY KEY", plan)


def test_due_queues_looks_once_into_the_index_for_each_queue(connection: sqlite3.Connection) -> None:
    """The queues are walked, the jobs are not."""
    plan = plan_of(connection, reads.DUE_QUEUES)
    assert "SCAN queue" in plan
    assert re.search(r"SEARCH job USING COVERING INDEX job_list .*next_try<\?", plan)
    assert "SCAN job" not in plan
    assert "TEMP B-TREE" not in plan


def test_no_more_rows_are_read_once_the_page_is_full(connection: sqlite3.Connection) -> None:
    """Of what the page leaves out, one row at most is in memory together with it (I13)."""
    half = Payload(PayloadForm.TEXT, bytes(PAGE_BYTES // 2 - 1000))
    with transaction(connection):
        for _ in range(6):
            writes.apply(connection, [storing(new_job(payload=half))])
    read: list[int] = []

    def count(_cursor: sqlite3.Cursor, row: Row) -> Row:
        read.append(row[0])
        return row

    connection.row_factory = count
    page = reads.read_jobs(connection, JobQuery("q", JobSet.WAITING, NOW, 1000, ascending=True))
    assert read[:2] == [job.id for job in page.items]
    assert len(read) == 3


def fill(connection: sqlite3.Connection) -> None:
    job = new_job()
    with transaction(connection):
        for number in range(400):
            changed = new_job(next_try_ms=NOW + number * 1000, priority=number % 5, queue=f"q{number % 3}")
            writes.apply(connection, [storing(changed)])
        writes.apply(connection, [storing(job)])


def steps(connection: sqlite3.Connection, work: Callable[[], object]) -> int:
    """Count how much SQLite works for `work`, in hundreds of its virtual machine's steps."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(tick, 100)
    try:
        work()
    finally:
        connection.set_progress_handler(None, 100)
    return count


def test_claim_costs_the_same_however_many_jobs_are_deferred(connection: sqlite3.Connection) -> None:
    """Deferred jobs of every priority, before and after the due ones, are never walked."""

    def push(queue: str, count: int, *, due: int) -> None:
        for number in range(count):
            writes.apply(connection, [storing(new_job(queue=queue, priority=number % 4, next_try_ms=due))])

    def claim(queue: str) -> int:
        (outcome,) = writes.apply(connection, [Claim(queue, FIRST_EPOCH, 15, NOW)])
        return len(cast("list[Job]", outcome))

    costs = {}
    for queue, deferred in (("few", 4), ("many", 20_000)):
        with transaction(connection):
            writes.apply(connection, [Hold("node-1", "host", [queue], NOW, 1000)])
            push(queue, deferred, due=NOW + 1)
            push(queue, 20, due=NOW)
            costs[queue] = steps(connection, partial(claim, queue))
            assert claim(queue) == 5
    assert costs["many"] <= 2 * costs["few"]


class Tripwire:
    """A runner that works inline and counts, so that no thread is in the way of a fake clock."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, work: Callable[[], T], /) -> T:
        await trio.lowlevel.checkpoint()
        self.count += 1
        return work()


async def test_store_runs_on_the_runner_it_is_given(
    path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Opening, writing, reading and counting each go through one, so tests can run them inline."""
    runners: list[Tripwire] = []

    def new_runner() -> Runner:
        runners.append(Tripwire())
        return runners[-1]

    async with open_sqlite_store(path, node_id="node-1", new_runner=new_runner) as store:
        node = Node(store)
        await node.hold("q")
        job_id = await push_one(store, new_job())
        assert await store.job("q", job_id) is not None
    assert sorted(runner.count for runner in runners) == [0, 1, 1, 2]


async def test_event_loop_runs_on_while_another_process_holds_the_write_lock(path: Path) -> None:
    """A push waits for the lock in its thread, and is stored once the lock is free."""
    async with open_sqlite_store(path, node_id="node-1") as store:
        with open_connection(path) as other:
            other.execute("BEGIN IMMEDIATE")
            answers: list[int] = []

            async def push() -> None:
                answers.append(await push_one(store, new_job()))

            async with trio.open_nursery() as pushers:
                pushers.start_soon(push)
                for _ in range(200):
                    await trio.lowlevel.checkpoint()
                assert answers == []
                other.execute("ROLLBACK")
            assert len(answers) == 1


async def test_lock_that_is_never_released_makes_the_store_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bounded time; and the store works again when the lock is gone."""
    monkeypatch.setattr("trioworq.stores.sqlite.connection.BUSY_S", 0.05)
    async with open_sqlite_store(path, node_id="node-1") as store:
        with open_connection(path) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                await push_one(store, new_job())
            other.execute("ROLLBACK")
        assert await push_one(store, new_job()) > 0


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let this process's writes fail beyond `size` bytes of a file, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_store_that_cannot_write_is_unavailable_and_loses_nothing(path: Path) -> None:
    """The push that does not fit is refused and rolled back; when there is room again the store goes on."""
    async with open_sqlite_store(path, node_id="node-1") as store:
        first = await push_one(store, new_job())
        large = new_job(payload=Payload(PayloadForm.TEXT, bytes(4_000_000)))
        with files_no_larger_than(1_000_000), pytest.raises(StoreUnavailable, match="disk"):
            await push_one(store, large)
        second = await push_one(store, large)
        waiting = (await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 10, ascending=True))).items
        assert [job.id for job in waiting] == [first, second]


def test_full_database_is_unavailable_and_rolled_back(connection: sqlite3.Connection) -> None:
    """SQLite may end the transaction by itself then; the connection is free for the next either way."""
    connection.execute("PRAGMA max_page_count = 1")

    def push_many() -> None:
        with translated(), transaction(connection):
            for _ in range(1000):
                writes.apply(connection, [storing(new_job(url="x" * 1000))])

    with pytest.raises(StoreUnavailable, match="full"):
        push_many()
    assert not connection.in_transaction
    assert connection.execute("SELECT COUNT(*) FROM job").fetchone() == (0,)


async def test_two_processes_share_a_file(path: Path) -> None:
    """A hot restart: both write at the same time, and each sees the other's jobs (design §5)."""
    script = """
import pathlib, sys, trio
from tests.stores.nodes import new_job, push_one
from trioworq.core.leases import FIRST_EPOCH
from trioworq.stores.sqlite.store import open_sqlite_store
async def main():
    async with open_sqlite_store(pathlib.Path(sys.argv[1]), node_id="node-1") as store:
        for _ in range(200):
            print(await push_one(store, new_job()))
trio.run(main)
"""
    mine: list[int] = []
    theirs: list[int] = []

    async def push_until(process: trio.Process) -> None:
        while process.poll() is None:
            mine.append(await push_one(store, new_job()))

    async def collect(stdout: trio.abc.ReceiveStream) -> None:
        printed = b"".join([chunk async for chunk in stdout])
        theirs.extend(map(int, printed.split()))

    command = [sys.executable, "-c", script, str(path)]
    async with open_sqlite_store(path, node_id="node-1") as store, trio.open_nursery() as nursery:
        process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        nursery.start_soon(collect, process.stdout)
        await push_until(process)
    assert process.returncode == 0
    assert len(theirs) == 200
    async with open_sqlite_store(path, node_id="node-1") as store:
        node = Node(store)
        await node.hold("q")
        claimed = [job.id for job in await node.claim(100_000)]
    assert claimed == sorted([*mine, *theirs])


def test_those_who_start_together_on_a_new_file_all_succeed(tmp_path: Path) -> None:
    """Each finds the schema made once; none is refused because another is busy making it."""
    paths = [tmp_path / f"{number}.db" for number in range(25)]
    together = Barrier(4)

    def start(path: Path) -> None:
        together.wait(timeout=30)
        prepare(path)

    # Connections of one process lock each other out as those of several do, and threads are quicker.
    with ThreadPoolExecutor(together.parties) as starters:
        for path in paths:
            for outcome in [starters.submit(start, path) for _ in range(together.parties)]:
                outcome.result(timeout=60)
    for path in paths:
        with open_connection(path) as connection:
            versions = connection.execute("SELECT version FROM schema_version").fetchall()
            assert versions == [(version,) for version in range(1, newest("sqlite") + 1)]
            assert connection.execute("SELECT COUNT(*) FROM config_revision").fetchone() == (4,)


def sqlite_error(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind("it says why")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (sqlite_error(sqlite3.SQLITE_BUSY), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_LOCKED), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_FULL), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_CORRUPT, sqlite3.DatabaseError), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_NOTADB, sqlite3.DatabaseError), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_ERROR), StoreBroken),
        (sqlite3.ProgrammingError("no code"), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_TOOBIG, sqlite3.DataError), BatchRejected),
        (sqlite_error(sqlite3.SQLITE_CONSTRAINT_NOTNULL, sqlite3.IntegrityError), BatchRejected),
        (OverflowError("too large"), BatchRejected),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), BatchRejected),
    ],
)
def test_errors_are_translated_at_the_seam(error: Exception, meaning: type[Exception]) -> None:
    """Nothing above the stores sees an error of SQLite's; the cause stays attached."""
    with pytest.raises(meaning) as caught, translated():
        raise error
    assert caught.value.__cause__ is error
    if isinstance(caught.value, BatchRejected):
        assert isinstance(caught.value.reason, InvalidRequest)


def test_foreign_errors_are_left_alone() -> None:
    """A bug is not a state of the database."""
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError


def test_transaction_is_all_or_nothing(connection: sqlite3.Connection) -> None:
    """An error in the middle rolls back, and the connection is free for the next."""

    def push_and_fail() -> None:
        with transaction(connection):
            writes.apply(connection, [storing(new_job())])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        push_and_fail()
    assert connection.execute("SELECT COUNT(*) FROM job").fetchone() == (0,)
    assert not connection.in_transaction


def test_commits_are_durable(connection: sqlite3.Connection) -> None:
    """A write-ahead log, fsynced at every commit (2 is FULL)."""
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_cache_of_a_connection_is_small(connection: sqlite3.Connection) -> None:
    """At most half a MiB of the file is kept in memory, however large it is (a negative size is in KiB)."""
    assert connection.execute("PRAGMA cache_size").fetchone() == (-512,)


async def test_opening_that_is_cancelled_waits_for_nothing(path: Path) -> None:
    """The service task, which heeds no cancellation, ends even when that came just before its start."""

    async def cancel_after(work: Callable[[], T]) -> T:
        done = work()
        opening.cancel()
        return done

    with trio.CancelScope() as opening:
        async with open_sqlite_store(path, node_id="node-1", new_runner=lambda: cancel_after):
            await trio.sleep_forever()
    assert opening.cancelled_caught
