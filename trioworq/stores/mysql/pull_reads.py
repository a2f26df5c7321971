"""What a MySQL or MariaDB database is asked of pull jobs: one statement a function."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Collection

from trioworq.core.pull import PullJob
from trioworq.stores import rows
from trioworq.stores.interface import Outlook
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.literals import fill
from trioworq.stores.rows import Row

# The columns of rows.PULL_JOB, as they are called here.
PULL_JOB = (
    "id, job.queue, job.pull_key, payload, pull_state, state, priority, created_at, next_try, "
    "pull_timeout, max_retries, retries_left, fail_count, attempt, lease_end, started_at"
)
# From the job to its key, and from the key to its job.
ITS_KEY = "pull_job FORCE INDEX (PRIMARY) ON pull_job.queue = job.queue AND pull_job.pull_key = job.pull_key"
BY_ID = f"job FORCE INDEX (PRIMARY) STRAIGHT_JOIN {ITS_KEY}"
BY_KEY = "pull_job FORCE INDEX (PRIMARY) STRAIGHT_JOIN job FORCE INDEX (PRIMARY) ON id = job_id"

FIND_PULL_JOB = f"SELECT {PULL_JOB} FROM {BY_KEY} WHERE pull_job.queue = %s AND pull_job.pull_key = %s"
# Leases that have not begun are NULL, and first in the index.
FIRST_LEASE_END = (
    b"SELECT lease_end FROM pull_job FORCE INDEX (pull_job_lease) WHERE lease_end IS NOT NULL "
    b"ORDER BY lease_end LIMIT 1"
)
FIRST_TRY = (
    "(SELECT queue, next_try FROM job FORCE INDEX (job_list) WHERE kind = 1 AND queue = %s AND state = 0 "
    "ORDER BY next_try LIMIT 1)"
)

# How many queues one statement asks for. With thousands it takes the server many times as long for each,
# until it gives up.
OUTLOOK_QUEUES = 50


async def read_pull_job(connection: Connection, queue: str, key: str) -> PullJob | None:
    """Return a pull job that has not ended."""
    found = await connection.execute(FIND_PULL_JOB, (queue, key))
    return pull_job_of(found.rows[0]) if found.rows else None


async def read_outlook(connection: Connection, queues: Collection[str]) -> Outlook:
    """Return when a lease ends first, and when the first waiting job of each queue is due."""
    parts = [fill(FIRST_TRY, (queue,)) for queue in queues]
    first_tries = [
        b" UNION ALL ".join(parts[first : first + OUTLOOK_QUEUES])
        for first in range(0, len(parts), OUTLOOK_QUEUES)
    ]
    lease_ends, *found = await connection.send_all([FIRST_LEASE_END, *first_tries])
    return Outlook(
        lease_ends.rows[0][0] if lease_ends.rows else None,
        {queue.decode(): next_try for result in found for queue, next_try in result.rows},
    )


def pull_job_of(row: Row) -> PullJob:
    """Read a row of the columns `PULL_JOB`."""
    job_id, queue, key, *rest = row
    return rows.pull_job_of((job_id, queue.decode(), key.decode(), *rest))
