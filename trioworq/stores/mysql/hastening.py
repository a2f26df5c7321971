"""Jobs of either kind that are to be due now, as a MySQL or MariaDB database is told of them."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from trioworq.core.jobs import Job
from trioworq.core.pull import PullJob
from trioworq.stores.mysql.conversations import Conversation
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.lookup import OF_EITHER, job_of_either
from trioworq.stores.mysql.pull_reads import ITS_KEY
from trioworq.stores.operations import Hasten

HASTEN = "UPDATE job SET next_try = %s WHERE id = %s AND state = 0 AND next_try > %s"
# The job may have been changed since, where the statement above has not: what is returned is due and waits.
FIND_DUE = (
    f"SELECT {OF_EITHER} FROM job FORCE INDEX (PRIMARY) LEFT JOIN {ITS_KEY} "
    "WHERE job.id = %s AND state = 0 AND next_try <= %s"
)


def hasten(operation: Hasten) -> Conversation[Job | PullJob | None]:
    """Have a job that waits be due now; return it as it is then."""
    job_id, now_ms = operation.job_id, operation.now_ms
    _, found = yield [fill(HASTEN, (now_ms, job_id, now_ms)), fill(FIND_DUE, (job_id, now_ms))]
    return job_of_either(found.rows[0]) if found.rows else None
