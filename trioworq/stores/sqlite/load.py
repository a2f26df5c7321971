"""The load over time, as the embedded store is told and asked of it, each function blocking."""

import json
import sqlite3
from collections.abc import Collection

from trioworq.core.jobs import Kind
from trioworq.core.load import JobType, Load, LoadPoint, LoadQuery, LoadSample, TypeName
from trioworq.stores.sqlite.connection import only, snapshot

ALL_TYPES = "SELECT id, kind, name FROM job_type"
FIND_TYPE = "SELECT id FROM job_type WHERE kind = ? AND name = ?"
ADD_TYPE = "INSERT INTO job_type (kind, name) VALUES (?, ?) RETURNING id"
ADD_SAMPLE = "REPLACE INTO load_sample (time, pending, queued, running) VALUES (?, ?, ?, ?)"
ADD_COUNT = "INSERT INTO load_count (time, job_type, pending, queued, running) VALUES (?, ?, ?, ?, ?)"
CLEAR_COUNTS = "DELETE FROM load_count WHERE time = ?"
COUNT_SAMPLES = "SELECT count(*) FROM load_sample WHERE time BETWEEN ? AND ?"
SERIES = (
    "SELECT time, pending, queued, running FROM load_sample WHERE time BETWEEN ? AND ? "
    "ORDER BY time LIMIT ? OFFSET ?"
)
SERIES_OF_TYPES = (
    "SELECT time, sum(pending), sum(queued), sum(running) FROM load_count "
    "WHERE time BETWEEN ? AND ? AND job_type IN (SELECT value FROM json_each(?)) GROUP BY time"
)
LAST_OLD = (
    "SELECT max(time), count(*) FROM (SELECT time FROM load_sample WHERE time < ? ORDER BY time LIMIT ?)"
)
FORGET_SAMPLES = "DELETE FROM load_sample WHERE time <= ?"
FORGET_COUNTS = "DELETE FROM load_count WHERE time <= ?"


def read_types(connection: sqlite3.Connection, types: Collection[TypeName] | None) -> list[JobType]:
    """Return job types that have a number."""
    if types is None:
        rows = connection.execute(ALL_TYPES)
        return [JobType(number, TypeName(Kind(kind), name)) for number, kind, name in rows]
    found = {each: only(connection, FIND_TYPE, (each.kind, each.name)) for each in types}
    return [JobType(row[0], each) for each, row in found.items() if row is not None]


def name_types(connection: sqlite3.Connection, types: Collection[TypeName]) -> list[JobType]:
    """Return job types with their numbers."""
    # Looked for first: an insert that finds its row there could use up a number.
    known = read_types(connection, types)
    missing = set(types).difference(job_type.type for job_type in known)
    for each in sorted(missing, key=lambda name: (name.kind, name.name)):
        row = only(connection, ADD_TYPE, (each.kind, each.name))
        assert row is not None  # noqa: S101  # an INSERT that raised nothing has made a row
        known.append(JobType(row[0], each))
    return known


def add(connection: sqlite3.Connection, sample: LoadSample) -> None:
    """Store a sample."""
    connection.execute(ADD_SAMPLE, (sample.time_ms, *_numbers(sample.total)))
    connection.execute(CLEAR_COUNTS, (sample.time_ms,))
    connection.executemany(
        ADD_COUNT,
        [(sample.time_ms, number, *_numbers(load)) for number, load in sample.by_type.items()],
    )


def _numbers(load: Load) -> tuple[int, int, int]:
    return load.pending, load.queued, load.running


def count_samples(connection: sqlite3.Connection, first_ms: int, last_ms: int) -> int:
    """Count samples."""
    count: int = connection.execute(COUNT_SAMPLES, (first_ms, last_ms)).fetchone()[0]
    return count


def read_load(connection: sqlite3.Connection, query: LoadQuery) -> list[LoadPoint]:
    """Return samples."""
    page = (query.first_ms, query.last_ms, query.limit, query.offset)
    with snapshot(connection):
        points = [LoadPoint(time, Load(*load)) for time, *load in connection.execute(SERIES, page)]
        if query.job_types is None or not points:
            return points
        ends = (points[0].time_ms, points[-1].time_ms)
        rows = connection.execute(SERIES_OF_TYPES, (*ends, json.dumps(list(query.job_types)))).fetchall()
    loads = {time: Load(*load) for time, *load in rows}
    return [LoadPoint(point.time_ms, loads.get(point.time_ms, Load())) for point in points]


def forget(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    """Remove the oldest samples; return how many."""
    last_ms, count = connection.execute(LAST_OLD, (before_ms, limit)).fetchone()
    connection.execute(FORGET_SAMPLES, (last_ms,))
    connection.execute(FORGET_COUNTS, (last_ms,))
    return int(count)
