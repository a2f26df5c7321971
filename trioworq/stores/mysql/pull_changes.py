"""Leases of pull jobs as a MySQL or MariaDB database is told of them: kept, ended by workers or by time.

Whoever changes a job has locked both of its rows first, its key's before the other.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from attrs import frozen

from trioworq.core.failures import error_of
from trioworq.core.jobs import JobState
from trioworq.core.pull import (
    Completion,
    Heartbeat,
    PullChange,
    Rescheduling,
    Return,
    Standing,
    TimedOut,
    Verdict,
    is_exhausted,
    judge,
    lease_end_ms,
    retries_at_first,
    standing_after,
    timeout_message,
)
from trioworq.core.results import Result, ResultStatus
from trioworq.stores.mysql.conversations import Conversation, Mismatch
from trioworq.stores.mysql.history import remember_pulled
from trioworq.stores.mysql.literals import fill, numbers, rows
from trioworq.stores.mysql.pull import Key, by_queue
from trioworq.stores.mysql.pull_reads import BY_ID, BY_KEY
from trioworq.stores.operations import ExpireLeases

LOOK = (
    f"SELECT pull_job.queue, pull_job.pull_key, id, state, attempt, pull_timeout FROM {BY_KEY} WHERE "
).encode()

_THE_KEY = "queue = %s AND pull_key = %s"
KEEP = f"UPDATE pull_job SET lease_end = %s, pull_state = COALESCE(%s, pull_state) WHERE {_THE_KEY}"
LET_GO = f"UPDATE pull_job SET lease_end = NULL WHERE {_THE_KEY}"
WAIT = "UPDATE job SET state = 0 WHERE id = %s"
RENEW = (
    "UPDATE pull_job SET lease_end = NULL, pull_timeout = %s, "
    f"max_retries = %s, pull_state = %s WHERE {_THE_KEY}"
)
WAIT_ANEW = (
    "UPDATE job SET state = 0, started_at = NULL, payload = %s, next_try = %s, "
    "retries_left = %s, fail_count = 0, priority = COALESCE(%s, priority) WHERE id = %s"
)
# The limits keep servers from going through the whole of a small table, as in `jobs`.
REMOVE = b"DELETE FROM job WHERE id IN (%s) ORDER BY id LIMIT %d"
REMOVE_KEYS = b"DELETE FROM pull_job WHERE %s ORDER BY pull_key LIMIT %d"

# The ids alone give the ranges of the primary key, the rest the fencing: a run may be named for another job.
END_RUNS = (
    b"DELETE FROM job WHERE id IN (%s) AND (id, attempt, queue, pull_key) IN (%s) AND state = 1 "
    b"ORDER BY id LIMIT %d"
)

# Without locks: one would be on the first lease that goes on, too.
FIND_EXPIRED = (
    "SELECT queue, pull_key FROM pull_job FORCE INDEX (pull_job_lease) WHERE lease_end < %s "
    "ORDER BY lease_end LIMIT %s"
)
EXPIRED = (
    "SELECT id, job.queue, job.pull_key, max_retries, retries_left, fail_count "
    f"FROM {BY_KEY} WHERE lease_end < %s AND "
)
LET_GO_KEYS = b"UPDATE pull_job SET lease_end = NULL WHERE "
# Those that are tried without end have none left, and keep none.
TRY_AGAIN = (
    b"UPDATE job SET state = 0, fail_count = fail_count + 1, "
    b"retries_left = GREATEST(retries_left, 1) - 1 WHERE id IN (%s)"
)
FAIL = (
    "INSERT INTO failure (kind, job_id, queue, category, url, payload, payload_form, pull_key, pull_state, "
    "priority, timeout, retry_delay, max_retries, attempt, started_at, result_status, result_code, "
    "result_message, error, fail_count, failed_at, created_at) "
    "SELECT kind, id, job.queue, category, url, payload, payload_form, job.pull_key, pull_state, "
    "priority, pull_timeout, retry_delay, max_retries, attempt, started_at, %s, 0, %s, "
    "%s, %s, %s, created_at "
    f"FROM {BY_ID} WHERE id IN "
)


@frozen
class _Found:
    """A job as it stands, and its timeout in seconds."""

    standing: Standing | None
    timeout_s: int = 0


_NOTHING = _Found(None)


def change(changes: Sequence[PullChange]) -> Conversation[list[Verdict]]:
    """Carry out changes as far as the rules let them; each sees what those before it have done."""
    found = yield from _look({(each.queue, each.key) for each in changes})
    verdicts: list[Verdict] = []
    statements: list[bytes] = []
    ended: dict[Key, int] = {}
    completions: dict[int, Completion] = {}
    for each in changes:
        key = (each.queue, each.key)
        job = found.get(key, _NOTHING)
        verdicts.append(judge(each, job.standing))
        if verdicts[-1] is not Verdict.DONE or job.standing is None:
            continue
        if isinstance(each, Completion):
            ended[key] = job.standing.id
            completions[job.standing.id] = each
        statements += _steps(each, job.standing.id, job.timeout_s)
        found[key] = _Found(standing_after(each, job.standing), job.timeout_s)
    yield [*statements, *remember_pulled(completions), *_remove(ended)]
    return verdicts


def complete(completions: Sequence[Completion]) -> Conversation[list[Verdict]]:
    """End jobs by the names of their runs, without a look; raises Mismatch for one that is not present."""
    if not completions:
        return []
    runs = [(each.run.job_id, each.run.attempt, each.queue, each.key) for each in completions if each.run]
    ids = numbers(job_id for job_id, *_ in runs)
    keys = [REMOVE_KEYS % those for those in by_queue((each.queue, each.key) for each in completions)]
    end = END_RUNS % (ids, rows("(%s, %s, %s, %s)", runs), len(runs))
    # A job that is remembered is one of those that are ended, or nothing of this is committed.
    remember = remember_pulled({each.run.job_id: each for each in completions if each.run})
    results = yield [*keys, *remember, end]
    entries, ended = results[: len(keys)], results[-1]
    if {ended.affected, sum(entry.affected for entry in entries)} != {len(completions)}:
        raise Mismatch
    return [Verdict.DONE] * len(completions)


def _look(keys: set[Key]) -> Conversation[dict[Key, _Found]]:
    results = yield [LOOK + those + b" FOR UPDATE" for those, _ in by_queue(keys)]
    return {
        (queue.decode(), key.decode()): _Found(Standing(job_id, JobState(state), attempt), timeout_s)
        for result in results
        for queue, key, job_id, state, attempt, timeout_s in result.rows
    }


def _steps(change: PullChange, job_id: int, timeout_s: int) -> list[bytes]:
    """Return the statements of a change; completions share theirs, see `_remove`."""
    key = (change.queue, change.key)
    match change:
        case Completion():
            return []
        case Heartbeat():
            return [fill(KEEP, (lease_end_ms(change.now_ms, timeout_s), change.saved_state, *key))]
        case Return():
            return [fill(WAIT, (job_id,)), fill(LET_GO, key)]
        case Rescheduling():
            terms = (change.timeout_s, change.max_retries, change.saved_state)
            retries_left = retries_at_first(change.max_retries)
            job = (change.payload, change.run_at_ms, retries_left, change.priority)
            return [fill(RENEW, (*terms, *key)), fill(WAIT_ANEW, (*job, job_id))]
        case _:
            assert_never(change)


def _remove(ended: dict[Key, int]) -> Iterator[bytes]:
    if ended:
        yield REMOVE % (numbers(ended.values()), len(ended))
        for those, count in by_queue(ended):
            yield REMOVE_KEYS % (those, count)


def expire(operation: ExpireLeases) -> Conversation[list[TimedOut]]:
    """End leases: the jobs wait again, or move to the failed store when they have no retries left."""
    (found,) = yield [fill(FIND_EXPIRED, (operation.now_ms, operation.limit))]
    keys = by_queue((queue.decode(), key.decode()) for queue, key in found.rows)
    # What others have locked is just being kept or ended by them.
    expired = fill(EXPIRED, (operation.now_ms,))
    results = yield [expired + those + b" FOR UPDATE SKIP LOCKED" for those, _ in keys]
    rows = {row[1:3]: row for each in results for row in each.rows}
    timed_out = [_timed_out(*rows[place]) for place in found.rows if place in rows]
    yield [
        *_try_again([each for each in timed_out if not each.is_failed]),
        *_fail([each for each in timed_out if each.is_failed], operation.now_ms),
    ]
    return timed_out


def _timed_out(
    job_id: int, queue: bytes, key: bytes, max_retries: int, retries_left: int, fail_count: int
) -> TimedOut:
    return TimedOut(
        id=job_id,
        queue=queue.decode(),
        key=key.decode(),
        fail_count=fail_count + 1,
        is_failed=is_exhausted(max_retries, retries_left),
    )


def _try_again(timed_out: Sequence[TimedOut]) -> Iterator[bytes]:
    """Return the statements that have jobs wait again."""
    if timed_out:
        yield TRY_AGAIN % numbers(each.id for each in timed_out)
        for those, _ in by_queue((each.queue, each.key) for each in timed_out):
            yield LET_GO_KEYS + those


def _fail(failed: Sequence[TimedOut], now_ms: int) -> Iterator[bytes]:
    """Return the statements that move jobs to the failed store."""
    for fail_count, ids in _by_fail_count(failed).items():
        result = Result(ResultStatus.FAILURE, 0, timeout_message(fail_count))
        entry = (result.status.value, result.message, error_of(result), fail_count, now_ms)
        yield b"%s(%s)" % (fill(FAIL, entry), numbers(ids))
    yield from _remove({(each.queue, each.key): each.id for each in failed})


def _by_fail_count(failed: Iterable[TimedOut]) -> dict[int, list[int]]:
    counts: dict[int, list[int]] = {}
    for each in failed:
        counts.setdefault(each.fail_count, []).append(each.id)
    return counts
