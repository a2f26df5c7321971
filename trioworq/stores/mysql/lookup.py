"""Any job by its id, as a MySQL or MariaDB database is asked for it.

In one statement, which sees one moment of all the tables: a job that moves from one to another is found.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from trioworq.core import results
from trioworq.core.jobs import FailedJob, FinishedJob, Job, Kind
from trioworq.core.pull import PullJob
from trioworq.core.results import Result
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.pull_reads import pull_job_of
from trioworq.stores.mysql.reads import failure_of, finished_of, job_of
from trioworq.stores.rows import FAILURE, FINISHED, JOB, Row


def _of(table: str, columns: str) -> list[str]:
    return [f"{table}.{column}" for column in columns.split(", ")]


_JOB = _of("job", JOB)
_PULL = ["job.kind", "job.pull_key", *_of("pull_job", "pull_state, pull_timeout, max_retries, lease_end")]
# The columns of a job of either kind, of `job` and of the row of `pull_job` that it may have.
OF_EITHER = ", ".join([*_JOB, *_PULL])
_WIDTH = len(_JOB) + len(_PULL)
_FAILURE = _of("failure", FAILURE)
_FINISHED = _of("finished", FINISHED)

FIND = (
    f"SELECT {', '.join([OF_EITHER, *_FAILURE, *_FINISHED])} FROM (SELECT 1) AS one "
    "LEFT JOIN job FORCE INDEX (PRIMARY) ON job.id = %s "
    "LEFT JOIN pull_job FORCE INDEX (PRIMARY) "
    "ON pull_job.queue = job.queue AND pull_job.pull_key = job.pull_key "
    "LEFT JOIN failure FORCE INDEX (failure_job) ON failure.job_id = %s "
    "LEFT JOIN finished FORCE INDEX (PRIMARY) ON finished.job_id = %s"
)


LAST_ERROR = "SELECT last_error FROM job WHERE id = %s AND last_error IS NOT NULL"


async def find_job(connection: Connection, job_id: int) -> Job | PullJob | FailedJob | FinishedJob | None:
    """Return a job wherever it is."""
    (row, *_) = (await connection.execute(FIND, (job_id,) * 3)).rows
    job, row = row[:_WIDTH], row[_WIDTH:]
    failure, finished = row[: len(_FAILURE)], row[len(_FAILURE) :]
    if job[0] is not None:
        return job_of_either(job)
    if failure[0] is not None:
        return failure_of(failure)
    return None if finished[0] is None else finished_of(finished)


async def read_last_error(connection: Connection, job_id: int) -> Result | None:
    """Return what is kept of the last attempt at a job that is tried again."""
    found = await connection.execute(LAST_ERROR, (job_id,))
    return results.read_last_error(found.rows[0][0]) if found.rows else None


def job_of_either(row: Row) -> Job | PullJob:
    """Read a row of the columns `OF_EITHER`."""
    return _job(row[: len(_JOB)], *row[len(_JOB) :])


def _job(
    row: Row,
    kind: int,
    key: bytes | None,
    saved_state: bytes | None,
    timeout_s: int,
    max_retries: int,
    lease_end: int | None,
) -> Job | PullJob:
    if kind == Kind.PUSH:
        return job_of(row)
    job_id, queue, _category, _url, payload, _form, state, priority, created_at, next_try, *rest = row
    _timeout, _retry_delay, retries_left, fail_count, attempt, started_at = rest
    counts = (timeout_s, max_retries, retries_left, fail_count, attempt)
    standing = (state, priority, created_at, next_try, *counts, lease_end, started_at)
    return pull_job_of((job_id, queue, key, payload, saved_state, *standing))
