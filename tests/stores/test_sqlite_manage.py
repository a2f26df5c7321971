"""What is particular to managing and watching in the SQLite store: its threads, and older databases."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import trio
import trio.testing

from tests.stores.failing import failed_job_ids
from tests.stores.nodes import NOW, Node, new_job, push_one
from tests.stores.workers import take
from trioworq.core.failures import EVERY_FAILURE
from trioworq.core.jobs import INT64_MAX, FailedJob, Job, Kind
from trioworq.core.load import EndedCount, Load, LoadSample, SpreadQuery
from trioworq.core.queues import QueueDefinition
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.interface import JobSet, Store
from trioworq.stores.migrations import CREATE_VERSION, available
from trioworq.stores.operations import RetryFailures
from trioworq.stores.rows import UNKNOWN_ATTEMPT
from trioworq.stores.sqlite import reads, writes
from trioworq.stores.sqlite.connection import Runner, open_connection, prepare, transaction
from trioworq.stores.sqlite.store import open_sqlite_store

T = TypeVar("T")

FAILURE = (
    "id, kind, job_id, queue, category, url, payload, payload_form, result_status, result_code, "
    "result_message, fail_count, failed_at, created_at, pull_key"
)


class Gate:
    """Runs work at once, but none while it is shut."""

    def __init__(self) -> None:
        self.is_open = trio.Event()
        self.is_open.set()

    async def __call__(self, work: Callable[[], T], /) -> T:
        await self.is_open.wait()
        return work()


async def test_a_long_count_holds_up_nobody_else(tmp_path: Path) -> None:
    """Jobs are pushed, claimed and looked up while a million of them are being counted."""
    gates: list[Gate] = []

    def new_runner() -> Runner:
        gates.append(Gate())
        return gates[-1]

    async with open_sqlite_store(tmp_path / "test.db", node_id="n", new_runner=new_runner) as store:
        counter = gates[-1]
        counter.is_open = trio.Event()
        async with trio.open_nursery() as counting:
            for count in _long_questions(store):
                counting.start_soon(count)
            await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(60):
                await _use(store)
            assert len(counting.child_tasks) == len(_long_questions(store))
            counter.is_open.set()


def _long_questions(store: Store) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: store.count_jobs(NOW),
        store.count_ended,
        lambda: store.count_failures(EVERY_FAILURE),
        lambda: store.failed_jobs(EVERY_FAILURE, 0, 10_000),
        lambda: store.failure_ids(EVERY_FAILURE, 0, INT64_MAX, 10),
        lambda: store.outdated_failures(NOW, 10),
        lambda: store.outdated_finished(NOW, 10, 10),
        store.count_ended_by_queue,
        lambda: store.newest_failures(EVERY_FAILURE, None, 10),
        lambda: store.failure_groups(EVERY_FAILURE, 10),
        lambda: store.search_jobs(
            JobSearch(kind=Kind.PUSH, queue="q", jobs=JobSet.WAITING, now_ms=NOW, limit=1)
        ),
        lambda: store.search_finished(FinishedSearch(kind=Kind.PUSH, queue="q", limit=1)),
        lambda: store.load_spread(SpreadQuery(first_ms=0, last_ms=NOW, step_ms=1, most=1)),
    ]


async def _use(store: Store) -> None:
    """Do what goes on all the time."""
    node = Node(store)
    await node.hold("q")
    job_id = await push_one(store, new_job())
    assert [job.id for job in await node.claim()] == [job_id]
    assert await store.job("q", job_id) is not None
    assert await store.find_job(job_id) is not None
    await store.due_queues(NOW)
    await store.look_round(NOW)
    await store.paused_queues()
    await store.owners(NOW)
    await store.nodes(NOW)
    await store.hasten(job_id, NOW)


def test_job_that_waits_again_while_it_is_looked_for_is_found(tmp_path: Path) -> None:
    """It moves to where has been looked already; what is read shows one moment."""
    path = tmp_path / "test.db"
    _make_version_3(path)
    prepare(path)
    with open_connection(path) as reader, open_connection(path) as writer:

        def move(statement: str) -> None:
            if "FROM failure" in statement:
                reader.set_trace_callback(None)
                with transaction(writer):
                    writes.apply(writer, [RetryFailures([1], NOW)])

        reader.set_trace_callback(move)
        assert isinstance(reads.find_job(reader, 11), FailedJob)
        assert isinstance(reads.find_job(reader, 11), Job)


async def test_nothing_is_left_of_forgotten_samples(tmp_path: Path) -> None:
    """What was kept by type goes with them, as nobody would ever find it."""
    path = tmp_path / "test.db"
    async with open_sqlite_store(path, node_id="n") as store:
        for age in range(4):
            await store.add_load(LoadSample(NOW + age, Load(), {1: Load(1), 2: Load(2)}))
        assert await store.forget_load(NOW + 3, 10) == 3
    with open_connection(path) as connection:
        times = connection.execute("SELECT time FROM load_count").fetchall()
    assert times == [(NOW + 3,), (NOW + 3,)]


async def test_database_of_the_release_before_is_brought_up(tmp_path: Path) -> None:
    """Its failures are listed, counted, and can be run again, as far as they know how."""
    path = tmp_path / "old.db"
    _make_version_3(path)
    async with open_sqlite_store(path, node_id="n") as store:
        assert await store.queues() == [QueueDefinition("q", 300, 30, priority=100)]
        assert await store.count_ended() == EndedCount(4, 0)
        assert await failed_job_ids(store) == [11, 12, 13, 14]
        assert await store.paused_queues() == frozenset()
        entry = await store.find_job(11)
        assert isinstance(entry, FailedJob)
        assert (entry.priority, entry.started_at_ms) == (100, None)
        outcomes = await store.retry_failures([1, 2, 3, 4], NOW)
        assert [outcome and outcome.obstacle for outcome in outcomes] == [None] * 4
        node = Node(store)
        await node.hold("q")
        # The newer failure knows its priority, so it goes first.
        jobs = await node.claim()
        assert [(job.id, job.priority, job.max_retries, job.attempt) for job in jobs] == [
            (12, 7, 5, UNKNOWN_ATTEMPT + 1),
            (10, 100, 0, 2),
            (11, 100, 2, UNKNOWN_ATTEMPT + 1),
        ]
        assert [(job.timeout_s, job.retry_delay_s) for job in jobs] == [(8, 9), (0, 0), (0, 0)]
        pulled = await take(store)
        assert [(job.id, job.max_retries, job.timeout_s, job.attempt) for job in pulled] == [
            (13, 0, 0, UNKNOWN_ATTEMPT + 1),
            (14, 0, 10**6, UNKNOWN_ATTEMPT + 1),
        ]


def _make_version_3(path: Path) -> None:
    """Make a database as it was before failures could be run again.

    It has a queue, a waiting job, failures of that version, and one of an older one, which knows less.
    """
    with open_connection(path) as connection, transaction(connection):
        connection.execute(CREATE_VERSION)
        for migration in available("sqlite")[:3]:
            for statement in (*migration.statements, migration.record_version):
                connection.execute(statement)
        _fill_version_3(connection)


def _fill_version_3(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO queue VALUES ('q', 300, 30, 0, 0)")
    columns = "id, kind, queue, category, url, payload, payload_form, state, priority, next_try, created_at"
    connection.execute(
        f"INSERT INTO job ({columns}, timeout, retry_delay, retries_left, fail_count, attempt) "
        f"VALUES (10, 0, 'q', 'c', 'u', x'7b7d', 2, 0, 100, {NOW}, {NOW}, 0, 0, 0, 0, 1)"
    )
    outcome = f"'failure', 500, '', %d, {NOW}, {NOW}"
    push, pull = "'q', 'c', 'u', x'7b7d', 2", "'q', '', '', x'7b7d', 2"
    known = "max_retries, priority, timeout, retry_delay"
    for values in (
        f"1, 0, 11, {push}, {outcome % 3}, NULL, NULL, NULL, NULL, NULL",
        f"2, 0, 12, {push}, {outcome % 3}, NULL, 5, 7, 8, 9",
        f"3, 1, 13, {pull}, {outcome % 1}, 'k', NULL, NULL, NULL, NULL",
        f"4, 1, 14, {pull}, {outcome % 1}, 'l', 0, 100, {10**6}, 0",
    ):
        connection.execute(f"INSERT INTO failure ({FAILURE}, {known}) VALUES ({values})")
