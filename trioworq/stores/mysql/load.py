"""Job types, samples of the load and chores, on a MySQL or MariaDB database."""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Collection, Sequence

from trioworq.core.jobs import Kind
from trioworq.core.load import JobType, Load, LoadPoint, LoadQuery, LoadSample, TypeName
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.conversations import Conversation
from trioworq.stores.mysql.literals import fill, numbers, rows
from trioworq.stores.mysql.wire import Result
from trioworq.stores.operations import ForgetLoad, TakeTurn

TYPES = "SELECT id, kind, name FROM job_type"
# By kind, as pairs in IN would have some servers go through the whole table.
TYPES_OF_KIND = f"{TYPES} FORCE INDEX (job_type_name) WHERE kind = %s AND name IN "
# Only for those that are missing: each row costs a number, even one that another node has just added.
ADD_TYPES = b"INSERT INTO job_type (kind, name) VALUES %s ON DUPLICATE KEY UPDATE id = job_type.id"

REPLACE_SAMPLE = "REPLACE INTO load_sample (time, pending, queued, running) VALUES (%s, %s, %s, %s)"
FORGET_COUNTS = "DELETE FROM load_count WHERE time = %s"
ADD_COUNTS = b"INSERT INTO load_count (job_type, time, pending, queued, running) VALUES "
COUNTS_ROW = "(%s, %s, %s, %s, %s)"

_WITHIN = "time BETWEEN %s AND %s"
COUNT_SAMPLES = f"SELECT COUNT(*) FROM load_sample WHERE {_WITHIN}"
SAMPLES = (
    f"SELECT time, pending, queued, running FROM load_sample WHERE {_WITHIN} ORDER BY time LIMIT %s OFFSET %s"
)
OLDEST = "SELECT time FROM load_sample WHERE time < %s ORDER BY time LIMIT %s"
# The sums of a decimal kind would cost more to read than to make.
COUNTS = (
    "SELECT time, CAST(SUM(pending) AS SIGNED), CAST(SUM(queued) AS SIGNED), CAST(SUM(running) AS SIGNED) "
    "FROM load_count FORCE INDEX (PRIMARY) WHERE job_type IN ("
)

# A last time that lies more than a period ahead is of a clock that has been set back.
TAKE_TURN = (
    "INSERT INTO chore (name, done_at) VALUES (%s, %s) ON DUPLICATE KEY UPDATE "
    "done_at = IF(done_at <= %s OR done_at > %s, VALUES(done_at), done_at)"
)

# How many types one statement asks for.
_TYPES_AT_ONCE = 500


async def read_types(connection: Connection, types: Collection[TypeName] | None) -> list[JobType]:
    """Return the job types that have a number; with `types`, only those."""
    if types is None:
        return types_of([await connection.execute(TYPES)])
    return types_of(await connection.send_all(_find_types(types)))


def name_types(types: Collection[TypeName]) -> Conversation[list[JobType]]:
    """Return job types with their numbers, new ones for those without."""
    named = types_of((yield _find_types(types)))
    missing = set(types) - {each.type for each in named}
    if missing:
        new = sorted((each.kind.value, each.name) for each in missing)
        _, *found = yield [ADD_TYPES % rows("(%s, %s)", new), *_find_types(missing)]
        named += types_of(found)
    return named


def _find_types(types: Collection[TypeName]) -> list[bytes]:
    statements = []
    for kind in Kind:
        names = [(each.name,) for each in types if each.kind is kind]
        for first in range(0, len(names), _TYPES_AT_ONCE):
            some = rows("%s", names[first : first + _TYPES_AT_ONCE])
            statements.append(b"%s(%s)" % (fill(TYPES_OF_KIND, (kind.value,)), some))
    return statements


def types_of(results: Sequence[Result]) -> list[JobType]:
    """Read rows of `TYPES`."""
    return [
        JobType(number, TypeName(Kind(kind), name.decode()))
        for result in results
        for number, kind, name in result.rows
    ]


def add(sample: LoadSample) -> Conversation[None]:
    """Store a sample in place of one of the same time."""
    time_ms, total = sample.time_ms, sample.total
    statements = [
        fill(REPLACE_SAMPLE, (time_ms, total.pending, total.queued, total.running)),
        fill(FORGET_COUNTS, (time_ms,)),
    ]
    counts = [
        (job_type, time_ms, load.pending, load.queued, load.running)
        for job_type, load in sorted(sample.by_type.items())
    ]
    if counts:
        statements.append(ADD_COUNTS + rows(COUNTS_ROW, counts))
    yield statements


async def count_samples(connection: Connection, first_ms: int, last_ms: int) -> int:
    """Count the samples within a time."""
    found = await connection.execute(COUNT_SAMPLES, (first_ms, last_ms))
    return int(found.rows[0][0])


async def read_load(connection: Connection, query: LoadQuery) -> list[LoadPoint]:
    """Return samples, or of each the sum of some job types."""
    span = (query.first_ms, query.last_ms, query.limit, query.offset)
    samples = (await connection.execute(SAMPLES, span)).rows
    if query.job_types is None or not samples:
        return [LoadPoint(time_ms, Load(*counts)) for time_ms, *counts in samples]
    loads = await _read_counts(connection, query.job_types, samples[0][0], samples[-1][0])
    return [LoadPoint(time_ms, loads.get(time_ms, Load())) for time_ms, *_ in samples]


async def _read_counts(
    connection: Connection, job_types: Collection[int], first_ms: int, last_ms: int
) -> dict[int, Load]:
    if not job_types:
        return {}
    chosen = COUNTS.encode() + numbers(sorted(job_types))
    found = await connection.send(
        chosen + fill(f") AND {_WITHIN} GROUP BY time ORDER BY NULL", (first_ms, last_ms))
    )
    return {time_ms: Load(*counts) for time_ms, *counts in found.rows}


def forget(operation: ForgetLoad) -> Conversation[int]:
    """Remove the oldest samples from before a time; return how many."""
    (found,) = yield [fill(OLDEST, (operation.before_ms, operation.limit))]
    times = [time_ms for (time_ms,) in found.rows]
    if times:
        yield [
            b"DELETE FROM load_count WHERE time IN (%s)" % numbers(times),
            b"DELETE FROM load_sample WHERE time IN (%s)" % numbers(times),
        ]
    return len(times)


def take_turn(operation: TakeTurn) -> Conversation[bool]:
    """Take a chore that nobody has had within the period."""
    now_ms, period_ms = operation.now_ms, operation.period_ms
    values = (operation.chore.value, now_ms, now_ms - period_ms, now_ms + period_ms)
    # A row that stays as it was is not counted.
    (taken,) = yield [fill(TAKE_TURN, values)]
    return taken.affected > 0
