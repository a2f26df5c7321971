"""The load of several job types beside each other, as a MySQL or MariaDB database is asked for it.

Few samples of many count, and few types: a row takes longer to read here than there.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from trioworq.core.load import JobType, Load, LoadPoint, LoadSpread, SpreadQuery
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.literals import numbers
from trioworq.stores.mysql.load import TYPES, types_of

FIRST_OF_STEPS = (
    "SELECT MIN(time) FROM load_sample WHERE time BETWEEN %s AND %s GROUP BY time DIV %s ORDER BY NULL"
)
SAMPLES = b"SELECT time, pending, queued, running FROM load_sample WHERE time IN (%s) ORDER BY time"
FULLEST = (
    b"SELECT job_type FROM load_count FORCE INDEX (load_count_time) WHERE time IN (%s) "
    b"GROUP BY job_type ORDER BY SUM(pending + queued + running) DESC, job_type LIMIT %d"
)
COUNTS = (
    b"SELECT job_type, time, pending, queued, running FROM load_count FORCE INDEX (load_count_time) "
    b"WHERE job_type IN (%s) AND time IN (%s)"
)
THEIR_TYPES = f"{TYPES} FORCE INDEX (PRIMARY) WHERE id IN (%s)".encode()


async def read_spread(connection: Connection, query: SpreadQuery) -> LoadSpread:
    """Return the load of the fullest types over time."""
    steps = await connection.execute(FIRST_OF_STEPS, (query.first_ms, query.last_ms, query.step_ms))
    if not steps.rows:
        return LoadSpread([], {})
    times = sorted(time_ms for (time_ms,) in steps.rows)
    samples, fullest = await connection.send_all(
        [SAMPLES % numbers(times), FULLEST % (numbers(times), query.most)]
    )
    points = [LoadPoint(time_ms, Load(*counts)) for time_ms, *counts in samples.rows]
    types = [number for (number,) in fullest.rows]
    return LoadSpread(points, await _read_types(connection, types, [point.time_ms for point in points]))


async def _read_types(
    connection: Connection, types: Sequence[int], times: Sequence[int]
) -> dict[JobType, Sequence[Load]]:
    """Return the loads of each of the types at each of the times."""
    if not types:
        return {}
    counts, names = await connection.send_all(
        [COUNTS % (numbers(types), numbers(times)), THEIR_TYPES % numbers(types)]
    )
    loads = _loads(counts.rows)
    named = {each.id: each for each in types_of([names])}
    return {
        named[number]: [loads[number].get(time_ms, Load()) for time_ms in times]
        for number in types
        if number in named
    }


def _loads(rows: Iterable[tuple[int, ...]]) -> defaultdict[int, dict[int, Load]]:
    loads: defaultdict[int, dict[int, Load]] = defaultdict(dict)
    for number, time_ms, *counts in rows:
        loads[number][time_ms] = Load(*counts)
    return loads
