"""What people who look around ask of the SQLite store, for the test of its plans."""

from tests.stores.nodes import NOW
from tests.stores.plan_cases import JOB, JOB_LIST, PAGE, Case
from tests.stores.sqlite_plan_cases import ALL, FINISHED, OF_QUEUE
from trioworq.core.cursors import Cursor
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.core.jobs import Kind
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.interface import JobSet
from trioworq.stores.operations import Hasten, Report


def cases(size: int) -> list[Case]:
    """Return all cases for tables of `size` rows."""
    return [*_jobs(), *_failures(size)]


def _jobs() -> list[Case]:
    finished = FinishedSearch(kind=Kind.PUSH, queue="q1", limit=PAGE, cursor=Cursor(NOW + 5000, 1))
    return [
        *(
            Case(f"{kind.name.lower()} jobs that are {jobs.value}", "search_jobs", (search,), JOB_LIST)
            for kind in Kind
            for jobs in JobSet
            for search in [JobSearch(kind=kind, queue="q1", jobs=jobs, now_ms=NOW, limit=PAGE)]
        ),
        Case("finished jobs", "search_finished", (finished,), FINISHED),
        Case("a job that is hastened", "apply", ([Hasten(60, NOW)],), JOB),
        Case("a report", "apply", ([Report("n1", "h", b"")],), frozenset({"node.PRIMARY"})),
    ]


def _failures(size: int) -> list[Case]:
    middle = Cursor(0, size // 2)
    both = FailureFilter(queue="q1")
    newest = "read_newest_failures"
    return [
        Case("the newest failures", newest, (EVERY_FAILURE, None, PAGE), ALL),
        Case("older failures", newest, (EVERY_FAILURE, middle, PAGE), ALL),
        Case("a queue's newest failures", newest, (both, None, PAGE), OF_QUEUE),
        Case("a queue's older failures", newest, (both, middle, PAGE), OF_QUEUE),
        Case(
            "a push queue's newest failures",
            newest,
            (FailureFilter(queue="q1", kind=Kind.PUSH), middle, PAGE),
            OF_QUEUE,
        ),
    ]
