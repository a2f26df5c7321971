"""The embedded store: one SQLite file, durable at every commit, shared with another process if need be.

The writing connection belongs to one service task, which commits in batches (`batching`); what is asked
often has a connection of its own, and what may take long another. Each works in a thread, so that an fsync
never holds the event loop, and a count of a million jobs nobody at all.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter, FailureGroup
from trioworq.core.jobs import FailedJob, FinishedJob, Job, Kind
from trioworq.core.leases import Held, Hold
from trioworq.core.load import (
    EndedCount,
    JobCount,
    JobType,
    LoadPoint,
    LoadQuery,
    LoadSpread,
    QueueEnded,
    SpreadQuery,
    TypeName,
)
from trioworq.core.nodes import LiveNode
from trioworq.core.pull import PullJob
from trioworq.core.queues import Owner, QueueDefinition, Revision
from trioworq.core.results import Result
from trioworq.core.routing import Routing
from trioworq.core.suspicion import Peer
from trioworq.stores.batching import Batcher
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.claims import Claimant, Taker
from trioworq.stores.commits import Commits
from trioworq.stores.interface import FailureQuery, JobQuery, Outlook, Page, Schema, Sighting
from trioworq.stores.migrations import newest
from trioworq.stores.operations import Operation
from trioworq.stores.sqlite import counts, failure_reads, history, load, reads, searches, spread, writes
from trioworq.stores.sqlite.connection import (
    Reader,
    Runner,
    open_connection,
    prepare,
    threaded,
    transaction,
    translated,
)
from trioworq.stores.sqlite.presence import forget, is_present, present
from trioworq.stores.writing import BatchedWrites


@asynccontextmanager
async def open_sqlite_store(
    path: Path, *, node_id: str, new_runner: Callable[[], Runner] = threaded
) -> AsyncIterator["SqliteStore"]:
    """Open the database file at `path`, made and brought up to date if need be.

    `node_id` is unlike that of any other process that uses the file. `new_runner` is called once a
    connection. Raises StoreRefused.

    Tasks: the service task of the writing connection.
    Stops when: the block ends; what was submitted is then still committed, within `batching.CLOSING_S`.
    Raises: whatever the block raises, and StoreBroken if the database fails for good, in a group.
    """
    await new_runner()(lambda: prepare(path))
    with (
        present(path, node_id),
        open_connection(path) as writer,
        open_connection(path) as reader,
        open_connection(path) as counter,
    ):
        run_write = new_runner()
        batcher = Batcher(lambda operations: _commit(run_write, writer, operations))
        async with trio.open_nursery() as services:
            services.start_soon(batcher.run)
            try:
                yield SqliteStore(path, batcher, Reader(reader, new_runner()), Reader(counter, new_runner()))
            finally:
                batcher.close()


async def _commit(
    run: Runner, connection: sqlite3.Connection, operations: Sequence[Operation]
) -> list[object]:
    def work() -> list[object]:
        with translated(), transaction(connection):
            return writes.apply(connection, operations)

    return await run(work)


class SqliteStore(BatchedWrites):
    """`interface.Store` on SQLite; opened by `open_sqlite_store`.

    `counter` is asked what goes through many rows, `reader` all else.
    """

    def __init__(self, path: Path, batcher: Batcher, reader: Reader, counter: Reader) -> None:
        super().__init__(batcher.submit)
        self._path = path
        self._batcher = batcher
        self._reader = reader
        self._counter = counter
        self._schema_version = newest("sqlite")

    async def claim(self, claimant: Claimant) -> None:
        """Claim due jobs, one transaction after the other."""
        await self._batcher.claim(claimant)

    async def take(self, taker: Taker) -> None:
        """Hand out pull jobs, one transaction after the other."""
        await self._batcher.claim(taker)

    async def outlook(self, queues: Collection[str]) -> Outlook:
        """Return what is next for pull jobs."""
        return await self._reader.ask(reads.read_outlook, queues)

    async def pull_job(self, queue: str, key: str) -> PullJob | None:
        """Return a pull job that has not ended."""
        return await self._reader.ask(reads.read_pull_job, queue, key)

    async def job(self, queue: str, job_id: int) -> Job | None:
        """Return a job that has not ended."""
        return await self._reader.ask(reads.read_job, queue, job_id)

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return one page of a list."""
        return await self._reader.ask(reads.read_jobs, query)

    async def due_queues(self, now_ms: int) -> list[str]:
        """Name the queues that have a job to claim."""
        return await self._reader.ask(reads.read_due_queues, now_ms)

    async def failures(self, query: FailureQuery) -> Page[FailedJob]:
        """Return one page of the failure log."""
        return await self._reader.ask(reads.read_failures, query)

    async def failure(self, queue: str, failure_id: int) -> FailedJob | None:
        """Return an entry of the failure log."""
        return await self._reader.ask(reads.read_failure, queue, failure_id)

    async def failed_jobs(self, wanted: FailureFilter, offset: int, limit: int) -> Sequence[FailedJob]:
        """Return failures of both kinds, the oldest first."""
        return await self._counter.ask(failure_reads.read_failed, wanted, offset, limit)

    async def count_failures(self, wanted: FailureFilter) -> int:
        """Count failures of both kinds."""
        return await self._counter.ask(failure_reads.count_failures, wanted)

    async def failure_ids(self, wanted: FailureFilter, after_id: int, until_id: int, limit: int) -> list[int]:
        """Return the first ids of failures within a range of them."""
        return await self._counter.ask(failure_reads.read_failure_ids, wanted, after_id, until_id, limit)

    async def newest_failure_id(self) -> int:
        """Return the greatest id of a failure."""
        return await self._reader.ask(failure_reads.read_newest)

    async def outdated_failures(self, before_ms: int, limit: int) -> list[int]:
        """Return ids of failures from before a time."""
        return await self._counter.ask(failure_reads.read_outdated_failures, before_ms, limit)

    async def find_job(self, job_id: int) -> Job | PullJob | FailedJob | FinishedJob | None:
        """Return a job wherever it is."""
        return await self._reader.ask(reads.find_job, job_id)

    async def count_jobs(self, now_ms: int, queue: str | None = None) -> list[JobCount]:
        """Count the jobs that have not ended."""
        return await self._counter.ask(counts.count_jobs, now_ms, queue)

    async def count_ended(self, queue: str | None = None) -> EndedCount:
        """Count the failures and the history."""
        return await self._counter.ask(counts.count_ended, queue)

    async def outdated_finished(self, before_ms: int, most: int, limit: int) -> list[int]:
        """Return job ids of the history that are to be forgotten."""
        return await self._counter.ask(history.read_outdated_finished, before_ms, most, limit)

    async def job_types(self, types: Collection[TypeName] | None = None) -> list[JobType]:
        """Return job types that have a number."""
        return await self._reader.ask(load.read_types, types)

    async def count_load(self, first_ms: int, last_ms: int) -> int:
        """Count samples."""
        return await self._reader.ask(load.count_samples, first_ms, last_ms)

    async def load(self, query: LoadQuery) -> list[LoadPoint]:
        """Return samples."""
        return await self._counter.ask(load.read_load, query)

    async def search_jobs(self, search: JobSearch) -> Page[Job | PullJob]:
        """Return one page of jobs that have not ended."""
        return await self._counter.ask(searches.search_jobs, search)

    async def search_finished(self, search: FinishedSearch) -> Page[FinishedJob]:
        """Return one page of the history."""
        return await self._counter.ask(searches.search_finished, search)

    async def newest_failures(
        self, wanted: FailureFilter, cursor: Cursor | None, limit: int
    ) -> Page[FailedJob]:
        """Return one page of failures of both kinds, newest first."""
        return await self._counter.ask(failure_reads.read_newest_failures, wanted, cursor, limit)

    async def failure_groups(self, wanted: FailureFilter, limit: int) -> list[FailureGroup]:
        """Return the groups of failures."""
        return await self._counter.ask(failure_reads.read_groups, wanted, limit)

    async def count_ended_by_queue(self) -> list[QueueEnded]:
        """Count the failures and the history of each queue."""
        return await self._counter.ask(counts.count_ended_by_queue)

    async def load_spread(self, query: SpreadQuery) -> LoadSpread:
        """Return the load of several job types over time."""
        return await self._counter.ask(spread.read_spread, query)

    async def last_error(self, job_id: int) -> Result | None:
        """Return what is kept of the last attempt at a job that is tried again."""
        return await self._reader.ask(reads.read_last_error, job_id)

    async def nodes(self, now_ms: int) -> list[LiveNode]:
        """Return the nodes that are live."""
        return await self._reader.ask(reads.read_nodes, now_ms)

    async def owners(self, now_ms: int) -> Mapping[str, Owner]:
        """Return who holds the leases of queues."""
        return await self._reader.ask(reads.read_owners, now_ms)

    async def paused_queues(self) -> frozenset[tuple[Kind, str]]:
        """Return the queues that are paused."""
        return await self._reader.ask(reads.read_paused)

    async def queues(self) -> list[QueueDefinition]:
        """Return every definition."""
        return await self._reader.ask(reads.read_queues)

    async def queue(self, name: str) -> QueueDefinition | None:
        """Return a queue's definition."""
        return await self._reader.ask(reads.read_queue, name)

    async def routings(self) -> list[Routing]:
        """Return every routing."""
        return await self._reader.ask(reads.read_routings)

    async def revision(self) -> Revision:
        """Return how often definitions and routings have changed."""
        return await self._reader.ask(reads.read_revision)

    async def owner(self, queue: str, now_ms: int) -> Owner | None:
        """Return who holds the lease of a queue."""
        return await self._reader.ask(reads.read_owner, queue, now_ms)

    async def schema(self) -> Schema:
        """Read the version of the schema."""
        return Schema(await self._reader.ask(reads.read_schema_version), self._schema_version)

    @property
    def commits(self) -> Commits:
        """What has been committed since the store was opened."""
        return self._batcher.commits

    async def hold(self, hold: Hold) -> Held:
        """Take or renew leases; return those held."""
        held = await super().hold(hold)
        if hold.gone:
            await self._reader.ask(self._forget, hold.gone)
        return held

    def _forget(self, _connection: sqlite3.Connection, node_ids: Iterable[str]) -> None:
        forget(self._path, node_ids)

    async def look_round(self, now_ms: int) -> Sighting:
        """Look at the other nodes and at what they have let go."""
        return await self._reader.ask(self._look_round, now_ms)

    def _look_round(self, connection: sqlite3.Connection, now_ms: int) -> Sighting:
        peers = [
            Peer(node_id, expires_at_ms, is_present(self._path, node_id))
            for node_id, expires_at_ms in reads.read_peers(connection)
        ]
        deletions, pauses = reads.read_news(connection)
        return Sighting(peers, reads.read_free(connection, now_ms), deletions, pauses)

    async def missing_jobs(self, job_ids: Sequence[int]) -> set[int]:
        """Return which of these jobs are no longer there."""
        return await self._reader.ask(reads.read_missing, job_ids)

    async def clock_ms(self) -> None:
        """Return None: the file's users share this machine's clock."""
        await trio.lowlevel.checkpoint()
