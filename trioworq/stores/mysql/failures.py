"""Failures as a MySQL or MariaDB database is told of them: run again, or removed.

Payloads are moved by the server and never come here. Whoever changes a failure has locked its row first.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Collection, Sequence

from attrs import frozen

from trioworq.core.failures import FailureName, Obstacle, Requeued
from trioworq.core.jobs import DEFAULT_PRIORITY, Kind
from trioworq.stores.mysql.conversations import Conversation
from trioworq.stores.mysql.literals import fill, numbers
from trioworq.stores.mysql.wire import Result
from trioworq.stores.operations import ForgetFailures, RetryFailures
from trioworq.stores.rows import UNKNOWN_ATTEMPT

# The definition of the queue is read without a lock, as a push reads it.
FIND = (
    b"SELECT id, job_id, queue, pull_key, (SELECT COUNT(*) FROM queue WHERE name = failure.queue) "
    b"FROM failure FORCE INDEX (PRIMARY) WHERE id IN (%s) ORDER BY id FOR UPDATE"
)
# Before version 3 of the schema it was not kept.
_MAX_RETRIES = "COALESCE(max_retries, GREATEST(fail_count, 1) - 1)"
# In an order, so that nodes that enter the same keys wait for each other, and do not get in a deadlock; of
# several failures with one key the oldest gets it.
ENTER_AGAIN = (
    "INSERT INTO pull_job (pull_key, queue, job_id, pull_timeout, max_retries, pull_state) "
    f"SELECT pull_key, queue, job_id, COALESCE(timeout, 0), {_MAX_RETRIES}, pull_state "
    "FROM failure FORCE INDEX (PRIMARY) WHERE id IN (%s) ORDER BY pull_key, queue, id "
    "ON DUPLICATE KEY UPDATE job_id = pull_job.job_id"
).encode()
ENTERED = (
    b"SELECT id FROM failure FORCE INDEX (PRIMARY) STRAIGHT_JOIN pull_job FORCE INDEX (PRIMARY) "
    b"ON pull_job.pull_key = failure.pull_key AND pull_job.queue = failure.queue "
    b"AND pull_job.job_id = failure.job_id WHERE id IN (%s)"
)
# An id that was given out before leaves the table's counter alone, and an INSERT of several rows takes all of
# its ids at once: those of other nodes stay neighbours. Numbering attempts on from the last is what tells a
# new run from an old one.
WAIT_AGAIN = (
    "INSERT INTO job (id, kind, queue, category, url, payload, payload_form, state, priority, next_try, "
    "created_at, timeout, retry_delay, retries_left, fail_count, attempt, pull_key) "
    f"SELECT job_id, kind, queue, category, url, payload, payload_form, 0, "
    f"COALESCE(priority, {DEFAULT_PRIORITY}), %s, created_at, IF(kind = 0, COALESCE(timeout, 0), 0), "
    f"COALESCE(retry_delay, 0), GREATEST({_MAX_RETRIES}, 0), 0, "
    f"COALESCE(attempt, {UNKNOWN_ATTEMPT}), pull_key "
    "FROM failure FORCE INDEX (PRIMARY) WHERE "
)
# The limit keeps servers from going through the whole of a small table.
FORGET = b"DELETE FROM failure WHERE id IN (%s) ORDER BY id LIMIT %d"


@frozen
class _Found:
    """A failure whose row is locked."""

    id: int
    name: FailureName
    is_queue_defined: bool

    def obstacle(self, taken: Collection[int]) -> Obstacle | None:
        """Return what keeps it from being run again; `taken` are those whose keys other jobs have."""
        if self.name.kind is Kind.PUSH:
            return None if self.is_queue_defined else Obstacle.QUEUE_IS_GONE
        return Obstacle.KEY_IS_TAKEN if self.id in taken else None


def retry(operation: RetryFailures) -> Conversation[list[Requeued | None]]:
    """Have failed jobs wait again, those that nothing is in the way of."""
    if not operation.failure_ids:
        return []
    (found,) = yield [FIND % numbers(operation.failure_ids)]
    failures = _found(found)
    pulled = [each.id for each in failures.values() if each.name.kind is Kind.PULL]
    taken = (yield from _enter(pulled)) if pulled else set()
    outcomes = {each.id: Requeued(each.name, each.obstacle(taken)) for each in failures.values()}
    again = [failure_id for failure_id, outcome in outcomes.items() if outcome.obstacle is None]
    if again:
        wait = fill(WAIT_AGAIN, (operation.now_ms,)) + b"id IN (%s) ORDER BY id" % numbers(again)
        yield [wait, _forget(again)]
    return [outcomes.get(failure_id) for failure_id in operation.failure_ids]


def _enter(pulled: Sequence[int]) -> Conversation[set[int]]:
    """Enter the keys of failed pull jobs; return the failures whose keys were taken."""
    ids = numbers(pulled)
    _, entered = yield [ENTER_AGAIN % ids, ENTERED % ids]
    return set(pulled) - {failure_id for (failure_id,) in entered.rows}


def forget(operation: ForgetFailures) -> Conversation[list[FailureName | None]]:
    """Remove failures of either kind."""
    if not operation.failure_ids:
        return []
    (found,) = yield [FIND % numbers(operation.failure_ids)]
    failures = _found(found)
    if failures:
        yield [_forget(failures)]
    return [
        failures[failure_id].name if failure_id in failures else None for failure_id in operation.failure_ids
    ]


def _forget(failure_ids: Collection[int]) -> bytes:
    return FORGET % (numbers(failure_ids), len(failure_ids))


def _found(found: Result) -> dict[int, _Found]:
    return {
        failure_id: _Found(
            failure_id,
            FailureName(job_id, queue.decode(), None if key is None else key.decode()),
            bool(is_queue_defined),
        )
        for failure_id, job_id, queue, key, is_queue_defined in found.rows
    }
