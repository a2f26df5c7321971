"""What the embedded store is asked: one statement a function, each of them blocking."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing

from trioworq.core import results
from trioworq.core.jobs import FailedJob, FinishedJob, Job, Kind
from trioworq.core.nodes import LiveNode
from trioworq.core.pull import PullJob
from trioworq.core.queues import Owner, QueueDefinition, Revision
from trioworq.core.results import Result
from trioworq.core.routing import Routing
from trioworq.stores.interface import FailureOrder, FailureQuery, JobQuery, Outlook, Page
from trioworq.stores.migrations import READ_VERSION
from trioworq.stores.paging import LAST, bounds, cut_failures, cut_jobs
from trioworq.stores.rows import (
    FAILURE,
    FINISHED,
    JOB,
    PULL_JOB,
    QUEUE,
    failure_of,
    finished_of,
    job_of,
    pull_job_of,
)
from trioworq.stores.sqlite.connection import only, snapshot

FIND_JOB = f"SELECT {JOB} FROM job WHERE id = ? AND queue = ? AND kind = 0"
LAST_ERROR = "SELECT last_error FROM job WHERE id = ? AND last_error IS NOT NULL"
LIST_DOWN = (
    f"SELECT {JOB} FROM job WHERE kind = 0 AND queue = ? AND state = ? AND next_try BETWEEN ? AND ? "
    "AND (next_try <> ? OR id <= ?) ORDER BY next_try DESC, id DESC LIMIT ?"
)
LIST_UP = (
    f"SELECT {JOB} FROM job WHERE kind = 0 AND queue = ? AND state = ? AND next_try BETWEEN ? AND ? "
    "AND (next_try <> ? OR id >= ?) ORDER BY next_try, id LIMIT ?"
)
DUE_QUEUES = (
    "SELECT name FROM queue WHERE EXISTS (SELECT 1 FROM job WHERE kind = 0 AND job.queue = queue.name "
    "AND state = 0 AND next_try <= ?) ORDER BY name"
)
FIND_PRESENT = (
    (f"SELECT {JOB} FROM job WHERE id = ? AND kind = 0", job_of),
    (f"SELECT {PULL_JOB} FROM job WHERE id = ? AND kind = 1", pull_job_of),
)
FIND_ANYWHERE = (
    *FIND_PRESENT,
    (f"SELECT {FAILURE} FROM failure WHERE job_id = ?", failure_of),
    (f"SELECT {FINISHED} FROM finished WHERE job_id = ?", finished_of),
)
FIND_PULL_JOB = f"SELECT {PULL_JOB} FROM job WHERE queue = ? AND pull_key = ?"
FIRST_LEASE_END = "SELECT lease_end FROM job WHERE lease_end IS NOT NULL ORDER BY lease_end LIMIT 1"
FIRST_TRY = "SELECT next_try FROM job WHERE kind = 1 AND queue = ? AND state = 0 ORDER BY next_try LIMIT 1"
FIND_FAILURE = f"SELECT {FAILURE} FROM failure WHERE id = ? AND queue = ? AND kind = 0"
FAILURES_BY_ID = (
    f"SELECT {FAILURE} FROM failure WHERE kind = ? AND queue = ? AND id <= ? ORDER BY id DESC LIMIT ?"
)
FAILURES_BY_CREATION = (
    f"SELECT {FAILURE} FROM failure WHERE kind = ? AND queue = ? AND created_at <= ? "
    "AND (created_at <> ? OR id <= ?) ORDER BY created_at DESC, id DESC LIMIT ?"
)
FIND_QUEUE = f"SELECT {QUEUE} FROM queue WHERE name = ?"
PEERS = "SELECT node_id, expires_at FROM node"
FREE = "SELECT name FROM queue JOIN queue_owner ON queue = name WHERE expires_at <= ?"
NEWS = "SELECT name, revision FROM config_revision WHERE name IN ('deletion', 'pause')"
OWNERS = "SELECT queue, node_id, host, epoch, expires_at FROM queue_owner WHERE expires_at > ?"
LIVE_NODES = (
    "SELECT node_id, host, coalesce(report, x'') FROM node WHERE expires_at > ? ORDER BY host, node_id"
)
PAUSED = "SELECT kind, queue FROM paused"
PRESENT = "SELECT id FROM job WHERE id IN (SELECT value FROM json_each(?))"
FIND_OWNER = "SELECT node_id, host, epoch, expires_at FROM queue_owner WHERE queue = ? AND expires_at > ?"


def read_job(connection: sqlite3.Connection, queue: str, job_id: int) -> Job | None:
    """Return a job that has not ended."""
    row = connection.execute(FIND_JOB, (job_id, queue)).fetchone()
    return job_of(row) if row else None


def find_job(connection: sqlite3.Connection, job_id: int) -> Job | PullJob | FailedJob | FinishedJob | None:
    """Return a job wherever it is."""
    with snapshot(connection):
        for statement, read in FIND_ANYWHERE:
            row = only(connection, statement, (job_id,))
            if row is not None:
                return read(row)
    return None


def find_present(connection: sqlite3.Connection, job_id: int) -> Job | PullJob | None:
    """Return a job of either kind that has not ended."""
    for statement, read in FIND_PRESENT:
        row = only(connection, statement, (job_id,))
        if row is not None:
            return read(row)
    return None


def read_last_error(connection: sqlite3.Connection, job_id: int) -> Result | None:
    """Return what is kept of the last attempt at a job that is tried again."""
    row = only(connection, LAST_ERROR, (job_id,))
    return None if row is None else results.read_last_error(row[0])


def read_jobs(connection: sqlite3.Connection, query: JobQuery) -> Page[Job]:
    """Return one page of a list of jobs."""
    rows = bounds(query)
    values = (query.queue, rows.state, rows.lowest_ms, rows.highest_ms, rows.edge.time_ms, rows.edge.id)
    statement = LIST_UP if query.ascending else LIST_DOWN
    # Rows are read one by one, so what the page leaves out is not in memory together with it.
    with closing(connection.execute(statement, (*values, query.limit + 1))) as found:
        return cut_jobs(map(job_of, found), query.limit)


def read_due_queues(connection: sqlite3.Connection, now_ms: int) -> list[str]:
    """Name the defined queues that have a job to claim."""
    return [name for (name,) in connection.execute(DUE_QUEUES, (now_ms,))]


def read_pull_job(connection: sqlite3.Connection, queue: str, key: str) -> PullJob | None:
    """Return a pull job that has not ended."""
    row = only(connection, FIND_PULL_JOB, (queue, key))
    return pull_job_of(row) if row else None


def read_outlook(connection: sqlite3.Connection, queues: Collection[str]) -> Outlook:
    """Return what is next for pull jobs."""
    lease_end = only(connection, FIRST_LEASE_END, ())
    first_tries = {queue: only(connection, FIRST_TRY, (queue,)) for queue in queues}
    return Outlook(
        lease_end[0] if lease_end else None,
        {queue: row[0] for queue, row in first_tries.items() if row is not None},
    )


def read_failure(connection: sqlite3.Connection, queue: str, failure_id: int) -> FailedJob | None:
    """Return an entry of the failure log."""
    row = connection.execute(FIND_FAILURE, (failure_id, queue)).fetchone()
    return failure_of(row) if row else None


def read_failures(connection: sqlite3.Connection, query: FailureQuery) -> Page[FailedJob]:
    """Return one page of the failure log."""
    edge = query.cursor or LAST
    limit = query.limit + 1
    if query.order is FailureOrder.FAILED:
        rows = connection.execute(FAILURES_BY_ID, (query.kind, query.queue, edge.id, limit))
    else:
        values = (query.kind, query.queue, edge.time_ms, edge.time_ms, edge.id, limit)
        rows = connection.execute(FAILURES_BY_CREATION, values)
    with closing(rows):
        return cut_failures(map(failure_of, rows), query.limit)


def read_queues(connection: sqlite3.Connection) -> list[QueueDefinition]:
    """Return every definition, ordered by name."""
    rows = connection.execute(f"SELECT {QUEUE} FROM queue ORDER BY name")
    return [QueueDefinition(*row) for row in rows]


def read_queue(connection: sqlite3.Connection, name: str) -> QueueDefinition | None:
    """Return a queue's definition."""
    row = connection.execute(FIND_QUEUE, (name,)).fetchone()
    return QueueDefinition(*row) if row else None


def read_routings(connection: sqlite3.Connection) -> list[Routing]:
    """Return every routing, ordered by queue and category."""
    return [Routing(*row) for row in connection.execute("SELECT category, queue FROM routing ORDER BY 2, 1")]


def read_revision(connection: sqlite3.Connection) -> Revision:
    """Return how often definitions and routings have changed."""
    revisions = dict(connection.execute("SELECT name, revision FROM config_revision").fetchall())
    return Revision(queues=revisions["queue"], routings=revisions["routing"])


def read_schema_version(connection: sqlite3.Connection) -> int:
    """Return the version that the last migration recorded."""
    (version,) = connection.execute(READ_VERSION).fetchone()
    return int(version)


def read_owner(connection: sqlite3.Connection, queue: str, now_ms: int) -> Owner | None:
    """Return who holds the lease of a queue."""
    row = connection.execute(FIND_OWNER, (queue, now_ms)).fetchone()
    return Owner(*row) if row else None


def read_owners(connection: sqlite3.Connection, now_ms: int) -> dict[str, Owner]:
    """Return who holds the leases of queues."""
    return {queue: Owner(*lease) for queue, *lease in connection.execute(OWNERS, (now_ms,))}


def read_nodes(connection: sqlite3.Connection, now_ms: int) -> list[LiveNode]:
    """Return the nodes that are live, and what they have reported."""
    return [LiveNode(*row) for row in connection.execute(LIVE_NODES, (now_ms,))]


def read_peers(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """Return (node id, end in ms) of the nodes that are counted among the live ones."""
    return connection.execute(PEERS).fetchall()


def read_free(connection: sqlite3.Connection, now_ms: int) -> frozenset[str]:
    """Name the defined queues whose leases have ended."""
    return frozenset(name for (name,) in connection.execute(FREE, (now_ms,)))


def read_news(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how often running jobs have been deleted, and how often queues were paused or resumed."""
    news = dict(connection.execute(NEWS).fetchall())
    return news["deletion"], news["pause"]


def read_paused(connection: sqlite3.Connection) -> frozenset[tuple[Kind, str]]:
    """Return the queues that are paused."""
    return frozenset((Kind(kind), queue) for kind, queue in connection.execute(PAUSED))


def read_missing(connection: sqlite3.Connection, job_ids: Sequence[int]) -> set[int]:
    """Return which jobs are no longer there."""
    present = {job_id for (job_id,) in connection.execute(PRESENT, (json.dumps(list(job_ids)),))}
    return set(job_ids) - present
