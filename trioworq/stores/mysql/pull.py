"""Pull jobs as a MySQL or MariaDB database is told of them: enqueued, and handed out.

A job is a row of `job`, for its order and its payload, and one of `pull_job`, for its key and its lease. Both
are made and removed in one transaction.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Collection, Iterable, Iterator, Sequence

from attrs import frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import INT64_MAX, JobState, Kind, PayloadForm
from trioworq.core.pull import NewPullJob, PullJob, retries_at_first
from trioworq.stores.claims import Take
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.conversations import Conversation, Mismatch
from trioworq.stores.mysql.due import SMALL_BYTES, Search
from trioworq.stores.mysql.jobs import start_many
from trioworq.stores.mysql.literals import fill, numbers, rows
from trioworq.stores.mysql.packets import grouped, misfit, numbered
from trioworq.stores.mysql.pull_reads import BY_ID, PULL_JOB, pull_job_of
from trioworq.stores.rows import Row

# A queue, and a client's id of a job in it.
Key = tuple[str, str]

ENQUEUE = (
    b"INSERT INTO job (kind, queue, category, url, payload, payload_form, state, priority, next_try, "
    b"created_at, timeout, retry_delay, retries_left, fail_count, attempt, pull_key) VALUES "
)
ENQUEUE_ROW = f"(1, %s, '', '', %s, {PayloadForm.JSON.value}, 0, %s, %s, %s, 0, 0, %s, 0, 0, %s)"
# Goes out right behind the statement above. Counts no row for a key that is taken.
ENTER = (
    b"INSERT INTO pull_job (pull_key, queue, job_id, pull_timeout, max_retries) VALUES %s "
    b"ON DUPLICATE KEY UPDATE job_id = pull_job.job_id"
)
ENTER_ROW = "(%s, %s, LAST_INSERT_ID() + %s, %s, %s)"
FIND_KEYS = b"SELECT queue, pull_key FROM pull_job FORCE INDEX (PRIMARY) WHERE "

# See core.pull.lease_end_ms.
BEGIN = "UPDATE pull_job SET lease_end = %s + LEAST(pull_timeout * 1000, %s) WHERE "
FIND_RUNNING = b"SELECT id FROM job WHERE id IN (%s) AND state = 1"
READ_STARTED = f"SELECT {PULL_JOB} FROM {BY_ID} WHERE id IN (%s) AND state = 1".encode()


@frozen
class _New:
    """A job whose key is not known to be taken, and the place where its id is to be written."""

    job: NewPullJob
    row: bytes
    ids: list[int | None]
    place: int


def enqueue(
    connection: Connection, operations: Sequence[Sequence[NewPullJob]], *, is_careful: bool
) -> Conversation[list[list[int | None] | InvalidRequest]]:
    """Store jobs whose keys are free; return the ids of each operation's, or why one of them does not fit.

    Of several with the same key the first wins. Careful, it looks first which keys are taken; else it raises
    Mismatch when one is.
    """
    outcomes: list[list[int | None] | InvalidRequest] = []
    new: dict[Key, _New] = {}
    for jobs in operations:
        job_rows = [_job_row(job) for job in jobs]
        refusals = [refusal for row in job_rows if (refusal := misfit(connection, row))]
        if refusals:
            outcomes.append(refusals[0])
            continue
        ids: list[int | None] = [None] * len(jobs)
        outcomes.append(ids)
        for place, (job, row) in enumerate(zip(jobs, job_rows, strict=True)):
            new.setdefault((job.queue, job.key), _New(job, row, ids, place))
    if is_careful:
        for key in (yield from _taken(new)):
            del new[key]
    yield from _store(connection, list(new.values()))
    return outcomes


def _taken(keys: Collection[Key]) -> Conversation[list[Key]]:
    found = yield [FIND_KEYS + those for those, _ in by_queue(keys)]
    return [(queue.decode(), key.decode()) for result in found for queue, key in result.rows]


def _store(connection: Connection, new: Sequence[_New]) -> Conversation[None]:
    """Store jobs and note their ids; raises Mismatch when a key is taken."""
    groups = list(grouped(connection, [each.row for each in new]))
    rest = iter(new)
    statements = []
    for group in groups:
        # Sorted, so that nodes that enter the same keys wait for each other, and do not get in a deadlock.
        entries = sorted(_entry(connection, step, next(rest).job) for step in range(len(group)))
        statements += [ENQUEUE + b",".join(group), ENTER % b",".join(entries)]
    results = yield statements
    if [entered.affected for entered in results[1::2]] != [len(group) for group in groups]:
        raise Mismatch
    for each, job_id in zip(new, numbered(connection, groups, results[::2]), strict=True):
        each.ids[each.place] = job_id


def _job_row(job: NewPullJob) -> bytes:
    values = (
        job.queue,
        job.payload,
        job.priority,
        job.run_at_ms,
        job.created_at_ms,
        retries_at_first(job.max_retries),
        job.key,
    )
    return fill(ENQUEUE_ROW, values)


def _entry(connection: Connection, step: int, job: NewPullJob) -> bytes:
    """Return the row that goes with the one that is `step` rows behind the first of its statement."""
    values = (job.key, job.queue, step * connection.id_step, job.timeout_s, job.max_retries)
    return fill(ENTER_ROW, values)


def take(take: Take) -> Conversation[list[PullJob]]:
    """Hand out due jobs; those that others are just taking are theirs."""
    if take.limit <= 0:
        return []
    search = Search(Kind.PULL, take.queue, take.limit, take.now_ms)
    due = yield from search.finish((yield search.begin()))
    if not due:
        return []
    ids = [row[0] for row in due]
    large = [row[0] for row in due if row[1] > SMALL_BYTES]
    begin = fill(BEGIN, (take.now_ms, INT64_MAX - take.now_ms))
    started, *others = yield [
        start_many(ids, take.now_ms),
        *(begin + those for those, _ in by_queue((take.queue, row[2].decode()) for row in due)),
        *([READ_STARTED % numbers(large)] if large else []),
    ]
    jobs = {row[0]: _found(take.queue, row).handed_out(take.now_ms) for row in due}
    if large:
        jobs.update((job.id, job) for job in map(pull_job_of, others[-1].rows))
    if started.affected == len(ids):
        return list(jobs.values())
    # One has been completed since, by another write of this transaction.
    (running,) = yield [FIND_RUNNING % numbers(ids)]
    return [jobs[job_id] for job_id in ids if (job_id,) in running.rows]


def _found(queue: str, row: Row) -> PullJob:
    """Return a job that waits, from a row of a search."""
    job_id, _, key, payload, saved_state, priority, created_at, next_try, *rest = row
    timeout, max_retries, retries_left, fail_count, attempt = rest
    return PullJob(
        id=job_id,
        queue=queue,
        key=key.decode(),
        payload=payload,
        saved_state=saved_state,
        state=JobState.WAITING,
        priority=priority,
        created_at_ms=created_at,
        run_at_ms=next_try,
        timeout_s=timeout,
        max_retries=max_retries,
        retries_left=retries_left,
        fail_count=fail_count,
        attempt=attempt,
        lease_ends_at_ms=None,
    )


def by_queue(keys: Iterable[Key]) -> Iterator[tuple[bytes, int]]:
    """Return the conditions that find rows of `pull_job`, one for each queue, and how many each may find.

    Pairs in IN would have some servers go through the whole table.
    """
    queues: dict[str, list[tuple[str]]] = {}
    for queue, key in sorted(keys):
        queues.setdefault(queue, []).append((key,))
    for queue, its_keys in queues.items():
        condition = fill("pull_job.queue = %s AND pull_job.pull_key IN ", (queue,))
        yield b"%s(%s)" % (condition, rows("%s", its_keys)), len(its_keys)
