"""The shared store: a MySQL or MariaDB database, for one node or several.

The writing connection belongs to one service task, which commits in batches (`batching`); reads have others,
each with its service task. No request and no job ever has a connection in hand.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import trio

from trioworq.clock import Clock
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
from trioworq.stores.batching import Batcher
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.claims import Claimant, Taker
from trioworq.stores.commits import Commits
from trioworq.stores.interface import FailureQuery, JobQuery, Outlook, Page, Schema, Sighting
from trioworq.stores.migrations import newest
from trioworq.stores.mysql import (
    counts,
    failure_reads,
    history,
    lists,
    load,
    lookup,
    nodes,
    presence,
    pull_reads,
    reads,
    searches,
    spread,
)
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.dsn import parse
from trioworq.stores.mysql.link import Link, Patience
from trioworq.stores.mysql.reader import Reader
from trioworq.stores.mysql.schema import prepare
from trioworq.stores.mysql.writer import Writer
from trioworq.stores.operations import Operation
from trioworq.stores.searching import is_selective
from trioworq.stores.writing import BatchedWrites

# One slow list should not keep everyone else from reading.
READERS = 2
# What goes through many rows, though only of an index, has a connection to itself.
COUNTERS = 1

PATIENCE = Patience()

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def open_mysql_store(
    dsn_text: str,
    *,
    node_id: str,
    patience: Patience = PATIENCE,
) -> AsyncIterator["MySqlStore"]:
    """Open a database, brought up to date if need be.

    `node_id` is unlike that of any other process that uses the database. Raises StoreRefused when the
    database cannot be used as configured, or not be reached for a while.

    Tasks: the keepers of the connections, those who answer questions, and the writing service task.
    Stops when: the block ends; what was submitted is then still committed, within `batching.CLOSING_S`,
    and only then do the connections close.
    Raises: whatever the block raises, and StoreBroken if the database fails for good, in a group.
    """
    dsn = parse(dsn_text)
    clock = Clock()
    clock.anchor(await prepare(dsn, patience))
    write_link = Link(
        dsn,
        patience,
        autocommit=False,
        greet=lambda connection: presence.mark(connection, dsn.database, node_id),
    )
    writer = Writer(write_link, node_id, clock)
    reader, counter = (
        Reader([Link(dsn, patience, autocommit=True) for _ in range(count)]) for count in (READERS, COUNTERS)
    )
    batcher = Batcher(writer.apply)
    connected, is_connected = trio.CancelScope(), trio.Event()
    async with trio.open_nursery() as services:
        try:
            services.start_soon(_serve, connected, is_connected, write_link, reader, counter)
            await is_connected.wait()
            async with trio.open_nursery() as commits:
                commits.start_soon(batcher.run)
                try:
                    yield MySqlStore(dsn.database, batcher, reader, counter, write_link)
                finally:
                    batcher.close()
        finally:
            connected.cancel()


async def _serve(
    connected: trio.CancelScope, is_connected: trio.Event, write_link: Link, *readers: Reader
) -> None:
    """Keep the connections and answer questions until `connected` is cancelled.

    Once it `is_connected`, no other cancellation is heeded: those who clean up still need the database.
    """
    with connected:
        async with trio.open_nursery() as tasks:
            await tasks.start(write_link.run)
            for reader in readers:
                await tasks.start(reader.run)
            connected.shield = True
            is_connected.set()


class MySqlStore(BatchedWrites):
    """`interface.Store` on MySQL or MariaDB; opened by `open_mysql_store`."""

    def __init__(
        self, database: str, batcher: Batcher, reader: Reader, counter: Reader, write_link: Link
    ) -> None:
        super().__init__(self._write)
        self._database = database
        self._batcher = batcher
        self._reader = reader
        self._counter = counter
        self._write_link = write_link
        self._schema_version = newest("mysql")

    async def claim(self, claimant: Claimant) -> None:
        """Claim due jobs, one transaction after the other."""
        self._write_link.check()
        await self._batcher.claim(claimant)

    async def take(self, taker: Taker) -> None:
        """Hand out due pull jobs, one transaction after the other."""
        self._write_link.check()
        await self._batcher.claim(taker)

    async def job(self, queue: str, job_id: int) -> Job | None:
        """Return a job that has not ended."""
        return await self._read(reads.read_job, queue, job_id)

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return one page of a list."""
        return await self._read(lists.read_jobs, query)

    async def due_queues(self, now_ms: int) -> list[str]:
        """Name the queues that have a job to claim."""
        return await self._read(reads.read_due_queues, now_ms)

    async def outlook(self, queues: Collection[str]) -> Outlook:
        """Return what pull jobs are going to ask for."""
        return await self._read(pull_reads.read_outlook, queues)

    async def pull_job(self, queue: str, key: str) -> PullJob | None:
        """Return a pull job that has not ended."""
        return await self._read(pull_reads.read_pull_job, queue, key)

    async def failures(self, query: FailureQuery) -> Page[FailedJob]:
        """Return one page of the failure log."""
        return await self._read(lists.read_failures, query)

    async def failure(self, queue: str, failure_id: int) -> FailedJob | None:
        """Return an entry of the failure log."""
        return await self._read(reads.read_failure, queue, failure_id)

    async def failed_jobs(self, wanted: FailureFilter, offset: int, limit: int) -> Sequence[FailedJob]:
        """Return failures of both kinds, the oldest first."""
        return await self._count(failure_reads.read_failed, wanted, offset, limit)

    async def count_failures(self, wanted: FailureFilter) -> int:
        """Count failures of both kinds."""
        return await self._count(failure_reads.count_failures, wanted)

    async def failure_ids(self, wanted: FailureFilter, after_id: int, until_id: int, limit: int) -> list[int]:
        """Return the first ids of failures within a range."""
        return await self._count(failure_reads.read_failure_ids, wanted, after_id, until_id, limit)

    async def newest_failures(
        self, wanted: FailureFilter, cursor: Cursor | None, limit: int
    ) -> Page[FailedJob]:
        """Return one page of failures of both kinds, newest first."""
        return await self._count(failure_reads.newest_failures, wanted, cursor, limit)

    async def failure_groups(self, wanted: FailureFilter, limit: int) -> list[FailureGroup]:
        """Return the groups of failures, those with the most first."""
        return await self._count(failure_reads.failure_groups, wanted, limit)

    async def newest_failure_id(self) -> int:
        """Return the greatest id of a failure."""
        return await self._read(failure_reads.read_newest)

    async def outdated_failures(self, before_ms: int, limit: int) -> list[int]:
        """Return ids of failures from before a time."""
        return await self._count(failure_reads.read_outdated_failures, before_ms, limit)

    async def find_job(self, job_id: int) -> Job | PullJob | FailedJob | FinishedJob | None:
        """Return a job wherever it is."""
        return await self._read(lookup.find_job, job_id)

    async def count_jobs(self, now_ms: int, queue: str | None = None) -> list[JobCount]:
        """Count the jobs that have not ended."""
        return await self._count(counts.count_jobs, now_ms, queue)

    async def count_ended(self, queue: str | None = None) -> EndedCount:
        """Count the jobs in the failed store and in the history."""
        return await self._count(counts.count_ended, queue)

    async def count_ended_by_queue(self) -> list[QueueEnded]:
        """Count failed and finished jobs of each queue that has any."""
        return await self._count(counts.count_ended_by_queue)

    async def search_jobs(self, search: JobSearch) -> Page[Job | PullJob]:
        """Return one page of jobs that have not ended."""
        ask = self._count if is_selective(search) else self._read
        return await ask(searches.search_jobs, search)

    async def search_finished(self, search: FinishedSearch) -> Page[FinishedJob]:
        """Return one page of the history."""
        ask = self._count if is_selective(search) else self._read
        return await ask(searches.search_finished, search)

    async def outdated_finished(self, before_ms: int, most: int, limit: int) -> list[int]:
        """Return job ids of the history that are to be forgotten."""
        return await self._count(history.read_outdated_finished, before_ms, most, limit)

    async def job_types(self, types: Collection[TypeName] | None = None) -> list[JobType]:
        """Return job types that have a number."""
        return await self._read(load.read_types, types)

    async def count_load(self, first_ms: int, last_ms: int) -> int:
        """Count samples."""
        return await self._read(load.count_samples, first_ms, last_ms)

    async def load(self, query: LoadQuery) -> list[LoadPoint]:
        """Return samples of the load."""
        return await self._count(load.read_load, query)

    async def load_spread(self, query: SpreadQuery) -> LoadSpread:
        """Return the load of several job types over time."""
        return await self._count(spread.read_spread, query)

    async def queues(self) -> list[QueueDefinition]:
        """Return every definition."""
        return await self._read(reads.read_queues)

    async def queue(self, name: str) -> QueueDefinition | None:
        """Return a queue's definition."""
        return await self._read(reads.read_queue, name)

    async def routings(self) -> list[Routing]:
        """Return every routing."""
        return await self._read(reads.read_routings)

    async def paused_queues(self) -> frozenset[tuple[Kind, str]]:
        """Return the queues that are paused."""
        return await self._read(reads.read_paused)

    async def revision(self) -> Revision:
        """Return how often definitions and routings have changed."""
        return await self._read(reads.read_revision)

    async def owner(self, queue: str, now_ms: int) -> Owner | None:
        """Return who holds the lease of a queue."""
        return await self._read(reads.read_owner, queue, now_ms)

    async def owners(self, now_ms: int) -> Mapping[str, Owner]:
        """Return who holds the leases of queues."""
        return await self._read(nodes.read_owners, now_ms)

    async def last_error(self, job_id: int) -> Result | None:
        """Return what is kept of the last attempt at a job that is tried again."""
        return await self._read(lookup.read_last_error, job_id)

    async def nodes(self, now_ms: int) -> list[LiveNode]:
        """Return the nodes that are live."""
        return await self._read(nodes.read_nodes, now_ms)

    async def schema(self) -> Schema:
        """Read the version of the schema."""
        return Schema(await self._read(reads.read_schema_version), self._schema_version)

    @property
    def commits(self) -> Commits:
        """What has been committed since the store was opened."""
        return self._batcher.commits

    async def hold(self, hold: Hold) -> Held:
        """Take or renew leases; return those held."""
        if hold.gone:
            await self._read(presence.end, self._database, hold.gone)
        return await super().hold(hold)

    async def look_round(self, now_ms: int) -> Sighting:
        """Look at the other nodes and at what they have let go."""
        return await self._read(reads.read_round, self._database, now_ms)

    async def missing_jobs(self, job_ids: Sequence[int]) -> set[int]:
        """Return which of these jobs are no longer there."""
        return await self._read(reads.read_missing, job_ids)

    async def clock_ms(self) -> int:
        """Return the server's time."""
        return await self._read(reads.read_clock_ms)

    async def _write(self, operation: Operation) -> Any:
        # While the database is known to be away, nobody is kept waiting for it.
        self._write_link.check()
        return await self._batcher.submit(operation)

    async def _read(
        self,
        query: Callable[Concatenate[Connection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        self._write_link.check()
        return await self._reader.read(query, *args, **kwargs)

    async def _count(
        self,
        query: Callable[Concatenate[Connection, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Ask what may take its time, where only others of the kind wait for it."""
        self._write_link.check()
        return await self._counter.read(query, *args, **kwargs)
