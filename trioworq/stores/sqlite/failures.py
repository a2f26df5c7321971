"""The failed store of both kinds, as the embedded store is told of it, each function blocking."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import sqlite3

from trioworq.core.failures import FailureName, Obstacle, Requeued
from trioworq.core.jobs import DEFAULT_PRIORITY, Kind
from trioworq.stores.rows import UNKNOWN_ATTEMPT
from trioworq.stores.sqlite.connection import only
from trioworq.stores.sqlite.reads import read_queue

FIND_NAME = "SELECT kind, job_id, queue, pull_key FROM failure WHERE id = ?"
IS_TAKEN = "SELECT 1 FROM job WHERE queue = ? AND pull_key = ?"
# The attempt goes on from the last one, so that what comes late of that is not taken for this one's (I3).
# What older releases have not kept is what makes the job run as often, and at once.
REQUEUE = (
    "INSERT INTO job (id, kind, queue, category, url, pull_key, pull_state, payload, payload_form, state, "
    "priority, next_try, created_at, timeout, retry_delay, max_retries, retries_left, fail_count, attempt) "
    "SELECT job_id, kind, queue, category, url, pull_key, pull_state, payload, payload_form, 0, "
    f"coalesce(priority, {DEFAULT_PRIORITY:d}), ?, created_at, coalesce(timeout, 0), "
    "coalesce(retry_delay, 0), CASE kind WHEN 1 THEN coalesce(max_retries, max(fail_count - 1, 0)) END, "
    "max(coalesce(max_retries, fail_count - 1), 0), 0, "
    f"coalesce(attempt, {UNKNOWN_ATTEMPT:d}) "
    "FROM failure WHERE id = ?"
)
FORGET = "DELETE FROM failure WHERE id = ? RETURNING job_id, queue, pull_key"


def retry(connection: sqlite3.Connection, failure_id: int, now_ms: int) -> Requeued | None:
    """Have a failed job wait again, unless something is in its way."""
    row = only(connection, FIND_NAME, (failure_id,))
    if row is None:
        return None
    kind, *names = row
    name = FailureName(*names)
    obstacle = _obstacle(connection, kind, name)
    if obstacle is None:
        connection.execute(REQUEUE, (now_ms, failure_id))
        only(connection, FORGET, (failure_id,))
    return Requeued(name, obstacle)


def _obstacle(connection: sqlite3.Connection, kind: int, name: FailureName) -> Obstacle | None:
    if kind == Kind.PUSH:
        return None if read_queue(connection, name.queue) else Obstacle.QUEUE_IS_GONE
    is_taken = only(connection, IS_TAKEN, (name.queue, name.key)) is not None
    return Obstacle.KEY_IS_TAKEN if is_taken else None


def forget(connection: sqlite3.Connection, failure_id: int) -> FailureName | None:
    """Remove a failure."""
    row = only(connection, FORGET, (failure_id,))
    return FailureName(*row) if row else None
