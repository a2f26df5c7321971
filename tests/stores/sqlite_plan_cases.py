"""What managing and watching asks of the SQLite store, for the test of its plans."""

from attrs import evolve

from tests.stores.nodes import NOW, new_job
from tests.stores.plan_cases import PAGE, Case
from tests.stores.workers import completion
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.core.jobs import INT64_MAX, JobState, Kind
from trioworq.core.load import Load, LoadQuery, LoadSample, TypeName
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed
from trioworq.stores.managing import Chore
from trioworq.stores.operations import (
    AddLoad,
    ForgetFailures,
    ForgetFinished,
    ForgetLoad,
    NameTypes,
    Operation,
    RetryFailures,
    SetPaused,
    TakeTurn,
)

# The ids of finished jobs come after the first of these, those of failed ones after the second.
FINISHED_IDS, FAILED_IDS = 10_000_000, 20_000_000
# How many types a sample has, and how many samples there are for each row of other tables.
TYPES = 10
SAMPLES_SHARE = 20

JOB_KEYS = frozenset({"job.PRIMARY"})
QUEUE = frozenset({"queue.PRIMARY"})
FAILURE = frozenset({"failure.PRIMARY"})
ALL = frozenset({"failure.failure_all"})
OF_QUEUE = frozenset({"failure.failure_failed"})
FINISHED = frozenset({"finished.finished_ended"})
SAMPLES = frozenset({"load_sample.PRIMARY"})
COUNTS = frozenset({"load_count.PRIMARY"})
ONE_FINISHED = frozenset({"finished.PRIMARY"})
TYPE = frozenset({"job_type.sqlite_autoindex_job_type_1"})
NOTHING: frozenset[str] = frozenset()

FINISHED_JOB = evolve(new_job().stored(5), state=JobState.RUNNING, attempt=1).finished(
    Result(ResultStatus.SUCCESS, 200, ""), NOW
)


def filling(numbers: str) -> list[str]:
    """Return the statements that fill the tables; `numbers` has a column `seq` that counts from 1.

    Half of the finished jobs are of queue q1, the others of q2; a sample was taken every millisecond.
    """
    return [
        # Otherwise they are of jobs that are still there.
        f"UPDATE failure SET job_id = {FAILED_IDS} + id WHERE id < 100",
        "INSERT INTO finished (job_id, kind, queue, category, url, payload_form, priority, message, code, "
        "fail_count, created_at, ended_at) "
        f"SELECT {FINISHED_IDS} + seq, 0, 'q' || (1 + seq % 2), 'c', 'u', 0, 100, '', 200, 0, {NOW}, "
        f"{NOW} + seq FROM {numbers}",
        "INSERT INTO load_sample (time, pending, queued, running) "
        f"SELECT {NOW} + seq, 1, 1, 1 FROM {numbers} WHERE seq % {SAMPLES_SHARE} = 0",
        "INSERT INTO load_count (time, job_type, pending, queued, running) "
        f"SELECT {NOW} + seq - seq % {SAMPLES_SHARE}, 1 + seq % {SAMPLES_SHARE}, 1, 1, 1 FROM {numbers} "
        f"WHERE seq % {SAMPLES_SHARE} < {TYPES}",
        f"INSERT INTO job_type (kind, name) SELECT 0, seq FROM {numbers} WHERE seq < 1000",
    ]


def cases(size: int) -> list[Case]:
    """Return all cases for tables of `size` rows."""
    return [*_failed(size), *_history(size), *_load(size), *_writes()]


def _failed(size: int) -> list[Case]:
    middle = size // 2
    everywhere = JOB_KEYS | {"failure.failure_job", "finished.PRIMARY"}
    ids = {
        "any": (EVERY_FAILURE, ALL),
        "a queue's": (FailureFilter(queue="q1"), OF_QUEUE),
        "a category's": (FailureFilter(category="c"), ALL),
        "recent": (FailureFilter(failed_after_ms=NOW + middle), ALL),
    }
    return [
        Case("a job wherever it is", "find_job", (FINISHED_IDS + 5,), everywhere),
        # In the order of an index, and no more than is shown: no scan in earnest.
        Case("failed jobs", "read_failed", (EVERY_FAILURE, 5, PAGE), FAILURE, scans=frozenset({"failure"})),
        Case("a queue's failed jobs", "read_failed", (FailureFilter(queue="q1"), 5, PAGE), OF_QUEUE),
        Case(
            "a job's failure",
            "read_failure_ids",
            (FailureFilter(job_id=FAILED_IDS + 61), 0, INT64_MAX, 1),
            frozenset({"failure.failure_job"}),
        ),
        *(
            Case(f"{name} failures' ids", "read_failure_ids", (wanted, middle, INT64_MAX, PAGE), keys)
            for name, (wanted, keys) in ids.items()
        ),
        Case("the newest failure", "read_newest", (), NOTHING, may_use=ALL),
        Case(
            "outdated failures",
            "read_outdated_failures",
            (NOW + middle, PAGE),
            frozenset({"failure.failure_time"}),
        ),
    ]


def _history(size: int) -> list[Case]:
    find = "read_outdated_finished"
    return [
        Case("what is too old in the history", find, (NOW + size // 2, 1000, PAGE), FINISHED),
        Case("what is too much in the history", find, (NOW, 1000, PAGE), FINISHED),
    ]


def _load(size: int) -> list[Case]:
    query = LoadQuery(first_ms=NOW + size // 4, last_ms=NOW + size, limit=PAGE)
    of_types = evolve(query, job_types=frozenset({1, 2}))
    return [
        Case("the load", "read_load", (query,), SAMPLES),
        Case("the load of types", "read_load", (of_types,), SAMPLES | COUNTS),
        Case(
            "numbers of types",
            "read_types",
            ([TypeName(Kind.PUSH, "70")],),
            TYPE,
        ),
    ]


def _writes() -> list[Case]:
    sample = LoadSample(NOW, Load(), {1: Load(), 2: Load()})
    types = [TypeName(Kind.PUSH, "70"), TypeName(Kind.PUSH, "new")]
    pull_key = frozenset({"job.job_pull_key"})
    return [
        _write("a remembered completion", Completed(5, 1, FINISHED_JOB), keys=JOB_KEYS),
        _write(
            "a remembered pull completion",
            completion("5", queue="q1", finished_at_ms=NOW),
            keys=JOB_KEYS | pull_key,
        ),
        _write("a push job that is requeued", RetryFailures([61], NOW), keys=FAILURE | QUEUE),
        _write("a pull job that is requeued", RetryFailures([62], NOW), keys=FAILURE | pull_key),
        _write("failures that are forgotten", ForgetFailures([61, 62]), keys=FAILURE),
        _write(
            "history that is forgotten",
            ForgetFinished([FINISHED_IDS + 5]),
            keys=frozenset({"finished.PRIMARY"}),
        ),
        _write(
            "types that are named", NameTypes(types), keys=frozenset({"job_type.sqlite_autoindex_job_type_1"})
        ),
        _write("a sample", AddLoad(sample), keys=COUNTS),
        _write("samples that are forgotten", ForgetLoad(NOW + 10_000, 5), keys=SAMPLES | COUNTS),
        _write("a turn", TakeTurn(Chore.SAMPLE, NOW, 1000), keys=NOTHING),
        _write("a pause", SetPaused(Kind.PUSH, "q1", is_paused=True), keys=QUEUE),
    ]


def _write(name: str, operation: Operation, *, keys: frozenset[str]) -> Case:
    return Case(name, "apply", ([operation],), keys)
