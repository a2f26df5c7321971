"""What managing and watching asks of the MySQL store, for the test of its plans."""

from attrs import evolve

from tests.stores.nodes import NOW, new_job
from tests.stores.plan_cases import FAILURE, JOB, JOB_LIST, PAGE, PULL_IDS, Case
from tests.stores.workers import completion
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.core.jobs import INT64_MAX, JobState, Kind
from trioworq.core.load import Load, LoadQuery, LoadSample, SpreadQuery, TypeName
from trioworq.core.pull import Run
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.interface import JobSet
from trioworq.stores.managing import Chore
from trioworq.stores.operations import (
    AddLoad,
    ForgetFailures,
    ForgetFinished,
    ForgetLoad,
    Hasten,
    NameTypes,
    Operation,
    Report,
    RetryFailures,
    SetPaused,
    TakeTurn,
)

# The ids of finished jobs come after the first of these, those of failed ones after the second.
FINISHED_IDS, FAILED_IDS = 10_000_000, 20_000_000
# How many types a sample has, and how many other rows there are for each sample.
TYPES = 10
SAMPLES_SHARE = 20

QUEUE = frozenset({"queue.PRIMARY"})
ALL = frozenset({"failure.failure_all"})
OF_QUEUE = frozenset({"failure.failure_failed"})
ERROR = frozenset({"failure.failure_error"})
TIME = frozenset({"failure.failure_time"})
FAILED_JOB = frozenset({"failure.failure_job"})
ENDED = frozenset({"finished.finished_ended"})
FINISHED = frozenset({"finished.PRIMARY"})
SAMPLES = frozenset({"load_sample.PRIMARY"})
COUNTS = frozenset({"load_count.PRIMARY"})
COUNTS_TIME = frozenset({"load_count.load_count_time"})
TYPE = frozenset({"job_type.job_type_name"})
KEY = frozenset({"pull_job.PRIMARY"})
NOTHING: frozenset[str] = frozenset()

FILTERS = {
    "any failure": (EVERY_FAILURE, ALL),
    "failures of a queue": (FailureFilter(queue="q1"), OF_QUEUE),
    "failures of a category": (FailureFilter(category="c"), ALL),
    "failures of a time": (FailureFilter(failed_after_ms=NOW, failed_before_ms=NOW + 10**9), ALL),
    "failures of a queue, a category and a time": (
        FailureFilter(queue="q1", category="c", failed_after_ms=NOW),
        OF_QUEUE,
    ),
    "failures of a group": (FailureFilter(kind=Kind.PUSH, queue="q1", category="c", error="e0"), ERROR),
    "pull failures of a group": (FailureFilter(kind=Kind.PULL, queue="q1", error="e1"), ERROR),
}

_SELECTION = FailureFilter(job_ids=frozenset({FAILED_IDS + 61, FAILED_IDS + 62}), error="e1")
SPREAD = SpreadQuery(first_ms=NOW, last_ms=NOW + 5000, step_ms=100, most=5)


def filling(numbers: str) -> list[str]:
    """Return the statements that fill the tables; `numbers` is a table whose column `seq` counts from 1.

    Half of the finished jobs are of queue q1, the others of q2; a sample was taken every millisecond.
    """
    return [
        f"UPDATE failure SET job_id = {FAILED_IDS} + id, max_retries = 3, timeout = 30, "
        "error = CONCAT('e', id % 4)",
        "UPDATE failure SET pull_key = CONCAT('failed', id), category = '' WHERE kind = 1",
        "INSERT INTO finished (job_id, kind, queue, category, url, payload_form, priority, message, code, "
        "fail_count, created_at, ended_at) "
        f"SELECT {FINISHED_IDS} + seq, 0, CONCAT('q', 1 + seq % 2), 'c', CONCAT('u', seq), 0, 100, '', 200, "
        f"0, {NOW}, {NOW} + seq FROM {numbers}",
        "INSERT INTO load_sample (time, pending, queued, running) "
        f"SELECT {NOW} + seq, 1, 1, 1 FROM {numbers} WHERE seq % {SAMPLES_SHARE} = 0",
        "INSERT INTO load_count (time, job_type, pending, queued, running) "
        f"SELECT {NOW} + seq - seq % {SAMPLES_SHARE}, seq % {SAMPLES_SHARE}, 1, 1, 1 FROM {numbers} "
        f"WHERE seq % {SAMPLES_SHARE} < {TYPES}",
        f"INSERT INTO job_type (kind, name) SELECT 0, seq FROM {numbers} WHERE seq < 1000",
        "ANALYZE TABLE failure, finished, load_sample, load_count, job_type",
    ]


def cases(size: int) -> list[Case]:
    """Return all cases for tables of `size` rows."""
    return [*_failed(size), *_history(size), *_load(size), *_searches(), *_writes()]


def sorting_cases(size: int) -> list[Case]:
    """Return those that put the few rows that they have found in an order of their own, or sum them up."""
    query = LoadQuery(
        first_ms=NOW + size // 4, last_ms=NOW + size, limit=PAGE, job_types=frozenset({1, 2, 77})
    )
    return [
        Case("the load of types", "read_load", (query,), SAMPLES | COUNTS, 3 * PAGE),
        Case(
            "the load of the fullest types",
            "read_spread",
            (SPREAD,),
            SAMPLES | COUNTS_TIME,
            70 * TYPES,
        ),
        Case("failures of a selection", "newest_failures", (_SELECTION, None, PAGE), FAILED_JOB, 8),
        Case("a selection of failures", "read_failure_ids", (_SELECTION, 0, INT64_MAX, PAGE), FAILED_JOB, 8),
        _write("pull jobs that are requeued", RetryFailures([62, 64], NOW), keys=FAILURE | KEY, rows=12),
    ]


def _failed(size: int) -> list[Case]:
    middle = size // 2
    everywhere = JOB | KEY | FAILED_JOB | FINISHED
    one = FailureFilter(job_id=FAILED_IDS + 61)
    return [
        *(
            Case(f"a job that is {where}", "find_job", (job_id,), NOTHING, 4, may_use=everywhere)
            for where, job_id in {
                "running": 5,
                "leased": PULL_IDS + 5,
                "failed": FAILED_IDS + 5,
                "finished": FINISHED_IDS + 5,
                "nowhere": 77_000_000,
            }.items()
        ),
        *(
            Case(name, "read_failure_ids", (wanted, middle, INT64_MAX, PAGE), keys, 2 * PAGE)
            for name, (wanted, keys) in FILTERS.items()
        ),
        *(
            Case(f"{name}, a page", "read_failed", (wanted, 5, PAGE), keys, 2 * PAGE)
            for name, (wanted, keys) in FILTERS.items()
        ),
        *(
            Case(f"{name}, newest first", "newest_failures", (wanted, None, PAGE), keys, 3 * PAGE)
            for name, (wanted, keys) in FILTERS.items()
            if wanted.category is None or wanted.error is not None
        ),
        Case("a job's failure", "read_failure_ids", (one, 0, INT64_MAX, 1), FAILED_JOB),
        Case("the newest failure", "read_newest", (), NOTHING),
        Case("outdated failures", "read_outdated_failures", (NOW + middle, PAGE), TIME, PAGE),
    ]


def _history(size: int) -> list[Case]:
    find = "read_outdated_finished"
    return [
        Case("what is too old in the history", find, (NOW + size // 2, 1000, PAGE), ENDED, 2 * (1000 + PAGE)),
        Case("what is too much in the history", find, (NOW, 1000, PAGE), ENDED, 2 * (1000 + PAGE)),
    ]


def _load(size: int) -> list[Case]:
    query = LoadQuery(first_ms=NOW + size // 4, last_ms=NOW + size, offset=50, limit=PAGE)
    return [
        Case("the load", "read_load", (query,), SAMPLES, PAGE),
        Case("numbers of types", "read_types", ([TypeName(Kind.PUSH, "70")],), TYPE),
    ]


def _searches() -> list[Case]:
    """Return searches that look at no row in vain."""
    # What a pull job has elsewhere is read with it, twice: for its size and for itself.
    rows = {Kind.PUSH: PAGE, Kind.PULL: 2 * PAGE}
    return [
        *(
            Case(
                f"{jobs.value} {kind.name.lower()} jobs",
                "search_jobs",
                (_search(kind, jobs),),
                JOB_LIST,
                rows[kind],
            )
            for kind in Kind
            for jobs in JobSet
        ),
        Case("finished jobs", "search_finished", (_HISTORY,), ENDED, PAGE),
    ]


def _search(kind: Kind, jobs: JobSet) -> JobSearch:
    return JobSearch(kind=kind, queue="q1", jobs=jobs, now_ms=NOW, limit=PAGE)


_HISTORY = FinishedSearch(kind=Kind.PUSH, queue="q1", limit=PAGE)

# Searches that look at rows, as often as one search may, or several times as often; they find none.
SEARCHES = [
    Case(
        "jobs of a category",
        "search_jobs",
        (evolve(_search(Kind.PUSH, JobSet.WAITING), category="none"),),
        JOB_LIST,
    ),
    Case("jobs by text", "search_jobs", (evolve(_search(Kind.PUSH, JobSet.WAITING), text="none"),), JOB_LIST),
    Case(
        "pull jobs by text", "search_jobs", (evolve(_search(Kind.PULL, JobSet.WAITING), text="x"),), JOB_LIST
    ),
    Case("history by text", "search_finished", (evolve(_HISTORY, text="none"),), ENDED),
    # Ids of both kinds are put in order before it is known which of them are gone through.
    Case("failures by text", "newest_failures", (FailureFilter(text="none"), None, PAGE), ALL, 2),
    Case("failures of no category", "newest_failures", (FailureFilter(category="none"), None, PAGE), ALL),
    Case(
        "failures of a queue by text",
        "newest_failures",
        (FailureFilter(kind=Kind.PUSH, queue="q1", text="X"), None, PAGE),
        OF_QUEUE,
    ),
]


def _writes() -> list[Case]:
    finished = evolve(new_job().stored(5), state=JobState.RUNNING, attempt=1).finished(
        Result(ResultStatus.SUCCESS, 200, ""), NOW
    )
    runs = [
        completion(str(number), queue="q1", run=Run(PULL_IDS + number, 1), finished_at_ms=NOW + number)
        for number in range(1, 6)
    ]
    types = [TypeName(Kind.PUSH, "70"), TypeName(Kind.PUSH, "new")]
    sample = LoadSample(NOW + 3, Load(), {1: Load(), 2: Load()})
    return [
        _write("a completion that is remembered", Completed(5, 1, finished), keys=JOB, rows=2),
        _write(
            "a completed pull job that is remembered",
            completion("5", queue="q1", finished_at_ms=NOW),
            keys=JOB | KEY,
            rows=3,
        ),
        _write("runs that are completed and remembered", *runs, keys=JOB | KEY, rows=20),
        _write("push jobs that are requeued", RetryFailures([61, 63], NOW), keys=FAILURE | QUEUE, rows=8),
        _write("failures that are forgotten", ForgetFailures([61, 62]), keys=FAILURE | QUEUE, rows=6),
        _write("history that is forgotten", ForgetFinished([FINISHED_IDS + 5]), keys=FINISHED),
        _write("types that are named", NameTypes(types), keys=TYPE, rows=4),
        _write("a sample", AddLoad(sample), keys=COUNTS_TIME),
        _write(
            "samples that are forgotten", ForgetLoad(NOW + 999, 5), keys=SAMPLES | COUNTS_TIME, rows=5 * TYPES
        ),
        _write("a push job that is hastened", Hasten(5001, NOW), keys=JOB, rows=2),
        _write("a pull job that is hastened", Hasten(PULL_IDS + 5001, NOW), keys=JOB, rows=3),
        _write("a report", Report("n1", "h", b"[]"), keys=NOTHING),
        _write("a turn", TakeTurn(Chore.SAMPLE, NOW, 1000), keys=NOTHING),
        _write("a pause", SetPaused(Kind.PUSH, "q1", is_paused=True), keys=QUEUE),
    ]


def _write(name: str, *operations: Operation, keys: frozenset[str], rows: int = 1) -> Case:
    return Case(name, "apply", (operations,), keys, rows)
