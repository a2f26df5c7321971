"""What a MySQL or MariaDB database is asked: one statement a function.

Names are kept as bytes (VARBINARY), so that they compare as bytes, and decoded here. Index hints keep the
server to one range of one index whatever its statistics say.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Sequence

from trioworq.core.jobs import FailedJob, FinishedJob, Job, Kind
from trioworq.core.queues import Owner, QueueDefinition, Revision
from trioworq.core.routing import Routing
from trioworq.stores import rows
from trioworq.stores.interface import Sighting
from trioworq.stores.migrations import READ_VERSION
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.literals import rows as rows_of
from trioworq.stores.mysql.presence import read_peers
from trioworq.stores.rows import FAILURE, JOB, QUEUE, Row

FIND_JOB = f"SELECT {JOB} FROM job WHERE id = %s AND queue = %s AND kind = 0"
# Not EXISTS, which the servers turn into a join over the whole table; and the first job of each queue
# alone, because any further condition would have them read on through all the deferred ones.
DUE_QUEUES = (
    "SELECT name FROM queue WHERE (SELECT next_try FROM job FORCE INDEX (job_list) "
    "WHERE kind = 0 AND job.queue = queue.name AND state = 0 ORDER BY next_try LIMIT 1) <= %s ORDER BY name"
)
FIND_FAILURE = f"SELECT {FAILURE} FROM failure WHERE id = %s AND queue = %s AND kind = 0"
FIND_QUEUE = f"SELECT {QUEUE} FROM queue WHERE name = %s"
FIND_OWNER = "SELECT node_id, host, epoch, expires_at FROM queue_owner WHERE queue = %s AND expires_at > %s"
FREE = "SELECT name FROM queue JOIN queue_owner ON queue = name WHERE expires_at <= %s"
NEWS = "SELECT name, revision FROM config_revision WHERE name IN ('deletion', 'pause')"
PRESENT = b"SELECT id FROM job WHERE id IN (%s)"

# Microseconds would be rounded, up to a millisecond that has not begun.
CLOCK = "SELECT CAST(FLOOR(UNIX_TIMESTAMP(NOW(6)) * 1000) AS SIGNED)"


async def read_job(connection: Connection, queue: str, job_id: int) -> Job | None:
    """Return a job that has not ended."""
    found = await connection.execute(FIND_JOB, (job_id, queue))
    return job_of(found.rows[0]) if found.rows else None


async def read_due_queues(connection: Connection, now_ms: int) -> list[str]:
    """Name the defined queues that have a job to claim."""
    found = await connection.execute(DUE_QUEUES, (now_ms,))
    return [name.decode() for (name,) in found.rows]


async def read_failure(connection: Connection, queue: str, failure_id: int) -> FailedJob | None:
    """Return an entry of the failure log."""
    found = await connection.execute(FIND_FAILURE, (failure_id, queue))
    return failure_of(found.rows[0]) if found.rows else None


async def read_queues(connection: Connection) -> list[QueueDefinition]:
    """Return every definition, ordered by name."""
    found = await connection.execute(f"SELECT {QUEUE} FROM queue ORDER BY name")
    return [queue_of(row) for row in found.rows]


async def read_queue(connection: Connection, name: str) -> QueueDefinition | None:
    """Return a queue's definition."""
    found = await connection.execute(FIND_QUEUE, (name,))
    return queue_of(found.rows[0]) if found.rows else None


async def read_routings(connection: Connection) -> list[Routing]:
    """Return every routing, ordered by queue and category."""
    found = await connection.execute("SELECT category, queue FROM routing ORDER BY queue, category")
    return [Routing(category.decode(), queue.decode()) for category, queue in found.rows]


async def read_revision(connection: Connection) -> Revision:
    """Return how often definitions and routings have changed."""
    found = await connection.execute("SELECT name, revision FROM config_revision")
    revisions = dict(found.rows)
    return Revision(queues=revisions[b"queue"], routings=revisions[b"routing"])


async def read_paused(connection: Connection) -> frozenset[tuple[Kind, str]]:
    """Return the queues that are paused."""
    found = await connection.execute("SELECT kind, queue FROM paused")
    return frozenset((Kind(kind), queue.decode()) for kind, queue in found.rows)


async def read_owner(connection: Connection, queue: str, now_ms: int) -> Owner | None:
    """Return who holds the lease of a queue."""
    found = await connection.execute(FIND_OWNER, (queue, now_ms))
    return owner_of(found.rows[0]) if found.rows else None


async def read_schema_version(connection: Connection) -> int:
    """Return the version that the last migration recorded."""
    found = await connection.execute(READ_VERSION)
    return int(found.rows[0][0])


async def read_round(connection: Connection, database: str, now_ms: int) -> Sighting:
    """Look at the other nodes and at what they have let go."""
    peers = await read_peers(connection, database)
    free, news = await connection.send_all([fill(FREE, (now_ms,)), NEWS.encode()])
    counts = dict(news.rows)
    names = frozenset(name.decode() for (name,) in free.rows)
    return Sighting(peers, names, deletions=counts[b"deletion"], pauses=counts[b"pause"])


async def read_missing(connection: Connection, job_ids: Sequence[int]) -> set[int]:
    """Return which jobs are no longer there."""
    if not job_ids:
        return set()
    present = await connection.send(PRESENT % rows_of("%s", [(job_id,) for job_id in job_ids]))
    return set(job_ids) - {job_id for (job_id,) in present.rows}


async def read_clock_ms(connection: Connection) -> int:
    """Return the server's time; the session's zone is UTC, so no hour comes twice (contract W24)."""
    found = await connection.execute(CLOCK)
    return int(found.rows[0][0])


def job_of(row: Row) -> Job:
    """Read a row of the columns `JOB`."""
    job_id, queue, category, url, *rest = row
    return rows.job_of((job_id, queue.decode(), category.decode(), url.decode(), *rest))


def failure_of(row: Row) -> FailedJob:
    """Read a row of the columns `FAILURE`."""
    failure_id, job_id, queue, category, url, body, form, status, code, message, *rest = row
    fail_count, failed_at, created_at, key, *rest = rest
    names = (queue.decode(), category.decode(), url.decode())
    result = (status.decode(), code, message.decode())
    times = (fail_count, failed_at, created_at)
    return rows.failure_of((failure_id, job_id, *names, body, form, *result, *times, _text(key), *rest))


def finished_of(row: Row) -> FinishedJob:
    """Read a row of the columns `FINISHED`."""
    job_id, queue, category, url, body, form, priority, code, message, *times, key = row
    names = (queue.decode(), category.decode(), url.decode())
    result = (code, message.decode())
    return rows.finished_of((job_id, *names, body, form, priority, *result, *times, _text(key)))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def queue_of(row: Row) -> QueueDefinition:
    """Read a row of the columns `QUEUE`."""
    name, *numbers = row
    return QueueDefinition(name.decode(), *numbers)


def owner_of(row: Row) -> Owner:
    """Read the columns node_id, host, epoch, expires_at."""
    node_id, host, epoch, expires_at = row
    return Owner(node_id.decode(), host.decode(), epoch, expires_at)
