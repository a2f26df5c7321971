"""The load of several job types beside each other, as the embedded store is asked of it; blocking."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always bound

import json
import sqlite3
from collections.abc import Sequence

from trioworq.core.jobs import Kind
from trioworq.core.load import JobType, Load, LoadPoint, LoadSpread, SpreadQuery, TypeName
from trioworq.stores.sqlite.connection import only, snapshot

NEXT_SAMPLE = (
    "SELECT time, pending, queued, running FROM load_sample WHERE time BETWEEN ? AND ? ORDER BY time LIMIT 1"
)
_AT = "time IN (SELECT value FROM json_each(?))"
_OF = "job_type IN (SELECT value FROM json_each(?))"
FULLEST = (
    f"SELECT job_type FROM load_count WHERE {_AT} GROUP BY job_type "
    "ORDER BY sum(pending + queued + running) DESC, job_type LIMIT ?"
)
SERIES = f"SELECT job_type, time, pending, queued, running FROM load_count WHERE {_AT} AND {_OF}"
FIND_TYPE = "SELECT kind, name FROM job_type WHERE id = ?"


def read_spread(connection: sqlite3.Connection, query: SpreadQuery) -> LoadSpread:
    """Return the load of several job types over time."""
    with snapshot(connection):
        points = _first_points(connection, query)
        times = json.dumps([point.time_ms for point in points])
        fullest = [number for (number,) in connection.execute(FULLEST, (times, query.most))]
        series = connection.execute(SERIES, (times, json.dumps(fullest))).fetchall()
        types = [_type_of(connection, number) for number in fullest]
    loads = {(number, time_ms): Load(*load) for number, time_ms, *load in series}
    return LoadSpread(points, {each: _fill(points, each.id, loads) for each in types})


def _first_points(connection: sqlite3.Connection, query: SpreadQuery) -> list[LoadPoint]:
    """Read the first sample of each step; the others cost nothing."""
    points: list[LoadPoint] = []
    first_ms = query.first_ms
    while (row := only(connection, NEXT_SAMPLE, (first_ms, query.last_ms))) is not None:
        time_ms, *load = row
        points.append(LoadPoint(time_ms, Load(*load)))
        first_ms = (time_ms // query.step_ms + 1) * query.step_ms
    return points


def _type_of(connection: sqlite3.Connection, number: int) -> JobType:
    ((kind, name),) = connection.execute(FIND_TYPE, (number,)).fetchall()
    return JobType(number, TypeName(Kind(kind), name))


def _fill(points: Sequence[LoadPoint], number: int, loads: dict[tuple[int, int], Load]) -> list[Load]:
    return [loads.get((number, point.time_ms), Load()) for point in points]
