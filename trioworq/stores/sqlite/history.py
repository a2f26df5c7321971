"""What the embedded store remembers of jobs that ended well, each function blocking."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import sqlite3
from collections.abc import Iterator, Sequence

from trioworq.core.jobs import KEPT_PAYLOAD_BYTES, NO_PAYLOAD, FinishedJob, Kind
from trioworq.stores.rows import FINISHED
from trioworq.stores.sqlite.connection import only

_FINISHED_VALUES = ", ".join("?" * len(FINISHED.split(",")))

REMEMBER = f"INSERT INTO finished (kind, {FINISHED}) VALUES (?, {_FINISHED_VALUES})"
# The values stand in the order of FINISHED.
REMEMBER_PULL = (
    f"INSERT INTO finished (kind, {FINISHED}) SELECT kind, id, queue, category, url, "
    f"CASE WHEN length(payload) <= {KEPT_PAYLOAD_BYTES:d} THEN payload END, payload_form, priority, 0, '', "
    "fail_count, created_at, started_at, ?, pull_key FROM job WHERE id = ?"
)
# Compared as a pair, (kind, queue) would be looked for through all rows that have the pair.
NEXT_QUEUE = "SELECT queue FROM finished WHERE kind = ? AND queue > ? ORDER BY queue LIMIT 1"
FIRST_BEYOND = (
    "SELECT ended_at, job_id FROM finished WHERE kind = ? AND queue = ? "
    "ORDER BY ended_at DESC, job_id DESC LIMIT 1 OFFSET ?"
)
OUTDATED = (
    "SELECT job_id FROM finished WHERE kind = ? AND queue = ? AND (ended_at, job_id) <= (?, ?) "
    "ORDER BY ended_at, job_id LIMIT ?"
)
FORGET = "DELETE FROM finished WHERE job_id = ?"


def remember(connection: sqlite3.Connection, finished: FinishedJob) -> None:
    """Keep what is to be remembered of a push job."""
    payload = finished.payload
    connection.execute(
        REMEMBER,
        (
            finished.kind,
            finished.job_id,
            finished.queue,
            finished.category,
            finished.url,
            None if payload is None else payload.body,
            NO_PAYLOAD.form if payload is None else payload.form,
            finished.priority,
            finished.result.code,
            finished.result.message,
            finished.fail_count,
            finished.created_at_ms,
            finished.started_at_ms,
            finished.ended_at_ms,
            finished.key,
        ),
    )


def remember_pull(connection: sqlite3.Connection, job_id: int, ended_at_ms: int) -> None:
    """Keep what is to be remembered of a pull job that is still there."""
    connection.execute(REMEMBER_PULL, (ended_at_ms, job_id))


def read_outdated_finished(
    connection: sqlite3.Connection, before_ms: int, most: int, limit: int
) -> list[int]:
    """Return job ids of what is to be forgotten."""
    outdated: list[int] = []
    for kind, queue in _queues(connection):
        if len(outdated) == limit:
            break
        # Ids are above 0: nothing that ended at `before_ms` comes before this place.
        last = max((before_ms, 0), only(connection, FIRST_BEYOND, (kind, queue, most)) or (before_ms, 0))
        rows = connection.execute(OUTDATED, (kind, queue, *last, limit - len(outdated)))
        outdated += [job_id for (job_id,) in rows]
    return outdated


def _queues(connection: sqlite3.Connection) -> Iterator[tuple[Kind, str]]:
    """Walk the queues that have a history, each found by its place in the index."""
    for kind in Kind:
        # No name is empty.
        found = only(connection, NEXT_QUEUE, (kind, ""))
        while found is not None:
            yield kind, found[0]
            found = only(connection, NEXT_QUEUE, (kind, found[0]))


def forget(connection: sqlite3.Connection, job_ids: Sequence[int]) -> None:
    """Remove jobs from the history."""
    connection.executemany(FORGET, [(job_id,) for job_id in job_ids])
