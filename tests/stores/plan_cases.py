"""What plans of both SQL stores are tested with: tables of any size, and all that is asked often."""

from typing import Any

from attrs import field, frozen

from tests.stores.nodes import A_FAILURE, NOW, new_job
from tests.stores.workers import completion, heartbeat, pull_job, rescheduling
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import Kind
from trioworq.core.leases import GRACE_MS, Hold
from trioworq.core.pull import Return, Run
from trioworq.core.retry import Completed, Failed, Released, Retried
from trioworq.stores.claims import Claim, Push, Take
from trioworq.stores.interface import FailureOrder, FailureQuery, JobQuery, JobSet
from trioworq.stores.operations import (
    DeleteFailure,
    DeleteJob,
    EnqueueJobs,
    ExpireLeases,
    GiveBack,
    Operation,
    PushJobs,
)

RUNNING = 50
QUEUES = 200
PAGE = 100

# The ids of pull jobs come after this.
PULL_IDS = 1_000_000

# Node n1 owns these and no others; q1 is the first.
OWNED = tuple(f"q{number}" for number in range(1, QUEUES, 9))

JOB = frozenset({"job.PRIMARY"})
JOB_LIST = frozenset({"job.job_list"})
JOB_CLAIM = frozenset({"job.job_claim"})
OWNER = frozenset({"queue_owner.PRIMARY"})
OWNER_NODE = frozenset({"queue_owner.queue_owner_node"})
NODES = frozenset({"node"})
CLAIM = OWNER | JOB_CLAIM
FAILURE = frozenset({"failure.PRIMARY"})

_QUEUE = (
    f"CASE WHEN seq <= {RUNNING} OR seq % 20 < 14 THEN 'q1' WHEN seq % 20 < 17 THEN 'q2' ELSE 'later' END"
)
_IS_DEFERRED = f"seq > {RUNNING} AND (seq % 20 >= 17 OR seq % 2 = 1)"
_NEXT_TRY = f"CASE WHEN {_IS_DEFERRED} THEN {NOW} + seq * 7 ELSE {NOW} - seq * 7 END"

# Of pull jobs, whose ids are `id`: the leases of those that run end a millisecond apart.
LEASE_END = f"CASE WHEN id <= {PULL_IDS + RUNNING} THEN {NOW} + id - {PULL_IDS} END"

_PUSH_COLUMNS = (
    "id, kind, queue, category, url, payload, payload_form, state, priority, next_try, created_at, "
    "timeout, retry_delay, retries_left, fail_count, attempt"
)
_FAILURE_COLUMNS = (
    "id, kind, job_id, queue, category, url, payload, payload_form, "
    "result_status, result_code, result_message, fail_count, failed_at, created_at"
)


def filling(numbers: str) -> list[str]:
    """Return the statements that fill a database; `numbers` is a table whose column `seq` counts from 1.

    Queue q1 has running jobs, 50 of them, and waiting and deferred ones in large numbers, each kind with
    priorities of its own; q2 has the latter two; in `later` all jobs are deferred. All queues are owned.
    There are as many pull jobs of the same queues; their keys are their numbers, and every other one has no
    retries left. What the stores keep elsewhere of these, `LEASE_END` for one, is theirs to fill in.
    """
    names = ["later", *(f"q{number}" for number in range(1, QUEUES))]
    queues = ", ".join(f"('{name}', 200, 20, 0, 0)" for name in names)
    owners = ", ".join(f"('{name}', 'n{place % 9}', 'h', 1, {NOW})" for place, name in enumerate(names))
    return [
        f"INSERT INTO job ({_PUSH_COLUMNS}) SELECT seq, 0, {_QUEUE}, 'c', 'u', x'7b7d', 2, "
        f"seq <= {RUNNING}, 100 + seq % 4, {_NEXT_TRY}, {NOW}, 0, 0, 3, 0, seq <= {RUNNING} FROM {numbers}",
        f"INSERT INTO job ({_PUSH_COLUMNS}, pull_key) SELECT {PULL_IDS} + seq, 1, {_QUEUE}, '', '', "
        f"x'7b7d', 2, seq <= {RUNNING}, 100 + seq % 4, {_NEXT_TRY}, {NOW}, 30, 0, 3 * (seq % 2), 0, "
        f"seq <= {RUNNING}, CAST(seq AS CHAR) FROM {numbers}",
        f"INSERT INTO failure ({_FAILURE_COLUMNS}) SELECT seq, (seq + 1) % 2, seq, "
        "CASE WHEN seq % 3 = 0 THEN 'q2' ELSE 'q1' END, 'c', 'u', "
        f"x'7b7d', 2, 'failure', 500, '', 1, {NOW} + seq, {NOW} - seq FROM {numbers}",
        "INSERT INTO queue (name, polling_interval, max_workers, max_dispatches_per_second, max_burst_size) "
        f"VALUES {queues}",
        f"INSERT INTO queue_owner VALUES {owners}",
    ]


@frozen
class AStart:
    """A worker slot that is kept for a job."""

    epoch: int = 1

    def begin(self, job: object) -> None:
        """Do nothing: these jobs are never stored."""

    def withdraw(self) -> None:
        """Do nothing."""


@frozen
class Case:
    """Something that is asked or written: a function of the driver, and what it may read.

    It uses the indexes `keys`, and primary keys and those of `may_use` as it likes; reads about `rows` rows;
    and may go through the whole of the small tables `scans`.
    """

    name: str
    function: str
    arguments: tuple[Any, ...]
    keys: frozenset[str]
    rows: int = 1
    scans: frozenset[str] = field(default=frozenset())
    may_use: frozenset[str] = field(default=frozenset())


@frozen
class PullIndexes:
    """The indexes by which pull jobs are found: by their keys, and by the ends of their leases."""

    key: frozenset[str]
    lease: frozenset[str]


def cases(size: int, indexes: PullIndexes) -> list[Case]:
    """Return all cases for tables of `size` rows."""
    return [
        *_lists(size),
        *_failures(size),
        *_questions(),
        *_writes(),
        *_pull_questions(indexes),
        *_pull_writes(indexes),
    ]


def _questions() -> list[Case]:
    return [
        Case("one job", "read_job", ("q1", 60), JOB),
        Case("one failure", "read_failure", ("q1", 61), FAILURE),
        Case("a queue", "read_queue", ("q7",), frozenset({"queue.PRIMARY"})),
        Case("an owner", "read_owner", ("q7", NOW - 1), OWNER),
        Case("jobs that are missing", "read_missing", ([1, 2, 60],), JOB, 3),
        # Every queue is looked at, and of each the first job alone.
        Case("due queues", "read_due_queues", (NOW,), JOB_LIST, 2 * QUEUES, frozenset({"queue"})),
    ]


def _lists(size: int) -> list[Case]:
    found = []
    for jobs in JobSet:
        for cursor in (None, _middle(jobs, size)):
            for ascending in (False, True):
                query = JobQuery(
                    queue="q1", jobs=jobs, now_ms=NOW, limit=PAGE, cursor=cursor, ascending=ascending
                )
                place = "by cursor" if cursor else "from the start"
                name = f"{jobs.value} jobs {place}, {'as' if ascending else 'des'}cending"
                found.append(Case(name, "read_jobs", (query,), JOB_LIST, PAGE))
    return found


def _middle(jobs: JobSet, size: int) -> Cursor:
    ahead_ms = {
        JobSet.WAITING: -size * 7 // 2,
        JobSet.DEFERRED: size * 7 // 2,
        JobSet.RUNNING: -RUNNING * 7 // 2,
    }
    return Cursor(NOW + ahead_ms[jobs], 1)


def _failures(size: int) -> list[Case]:
    found = []
    for order, key in ((FailureOrder.FAILED, "failure_failed"), (FailureOrder.CREATED, "failure_created")):
        for kind in Kind:
            for cursor in (None, Cursor(NOW - size // 2, size // 2)):
                place = "by cursor" if cursor else "from the start"
                query = FailureQuery(queue="q1", limit=PAGE, order=order, cursor=cursor, kind=kind)
                name = f"{kind.name.lower()} failures by {order.value} {place}"
                found.append(Case(name, "read_failures", (query,), frozenset({f"failure.{key}"}), PAGE))
    return found


def _writes() -> list[Case]:
    head = JOB_LIST | OWNER
    return [
        _write("a push", PushJobs([Push(new_job(queue="q1"))], [None]), keys=frozenset(), rows=0),
        _write("a push that starts", PushJobs([Push(new_job(queue="later"))], [AStart()]), keys=head, rows=2),
        _write("a push that waits", PushJobs([Push(new_job(queue="q1"))], [AStart()]), keys=head, rows=2),
        _write("a claim", Claim("q1", 1, 20, NOW), keys=CLAIM | JOB, rows=20),
        _write("a claim with nothing due", Claim("later", 1, 20, NOW), keys=CLAIM, rows=8),
        # One database is asked for the jobs along with the epoch.
        _write("a claim under an old epoch", Claim("q1", 0, 20, NOW), keys=OWNER, rows=20, may_use=CLAIM),
        _write("a completion", Completed(5, 1), keys=JOB),
        _write("many completions", *(Completed(number, 1) for number in range(1, 31)), keys=JOB, rows=30),
        _write("a release", Released(5, 1), keys=JOB),
        _write("a retry", Retried(5, 1, NOW, 2, 1, A_FAILURE), keys=JOB),
        _write("a failure", Failed(5, 1, A_FAILURE, 4, NOW), keys=JOB, rows=2),
        _write("a deletion", DeleteJob("q1", 60), keys=JOB, rows=2),
        _write("a failure's deletion", DeleteFailure("q1", 61), keys=FAILURE, rows=2),
        _write(
            "leases renewed",
            _hold("n1", NOW),
            keys=OWNER,
            rows=2 * len(OWNED),
            scans=NODES,
            may_use=OWNER_NODE,
        ),
        _write(
            "leases taken over",
            _hold("other", NOW + GRACE_MS),
            keys=OWNER,
            rows=4 * len(OWNED) + RUNNING,
            scans=NODES,
            # Either leads to the jobs that run.
            may_use=OWNER_NODE | JOB_LIST | JOB_CLAIM,
        ),
        _write(
            "leases given back",
            GiveBack("n1", NOW),
            keys=frozenset(),
            rows=QUEUES,
            scans=frozenset({"queue_owner"}),
        ),
    ]


def _pull_questions(indexes: PullIndexes) -> list[Case]:
    return [
        Case("one pull job", "read_pull_job", ("q1", "60"), indexes.key),
        Case("what is next", "read_outlook", (["q1", "q2", "later"],), indexes.lease | JOB_LIST, 4),
    ]


def _pull_writes(indexes: PullIndexes) -> list[Case]:
    one = indexes.key | JOB
    run = Run(PULL_IDS + 5, 1)
    return [
        _write("an enqueue", EnqueueJobs([pull_job("new", queue="q1")]), keys=frozenset(), rows=0),
        _write(
            "an enqueue of a key that is taken",
            EnqueueJobs([pull_job("60", queue="q1")]),
            keys=frozenset(),
            may_use=indexes.key,
        ),
        _write("a take", Take("q1", 20, NOW), keys=JOB_CLAIM | JOB, rows=40),
        _write("a take with nothing due", Take("later", 20, NOW), keys=JOB_CLAIM, rows=8),
        _write("a heartbeat", heartbeat("5", b"1", queue="q1"), keys=one, rows=2),
        _write("a completed pull job", completion("5", queue="q1"), keys=one, rows=2),
        _write(
            "many completed pull jobs",
            *(completion(str(number), queue="q1") for number in range(1, 31)),
            keys=one,
            rows=60,
        ),
        _write("a run that is completed", completion("5", queue="q1", run=run), keys=one, rows=2),
        _write(
            "many runs that are completed",
            *(completion(str(n), queue="q1", run=Run(PULL_IDS + n, 1)) for n in range(1, 6)),
            keys=one,
            rows=10,
        ),
        _write("a rescheduling", rescheduling("5", queue="q1"), keys=one, rows=2),
        _write("a return", Return(queue="q1", key="5", run=run), keys=one, rows=2),
        _write("leases that end", ExpireLeases(NOW + 21, 100), keys=indexes.lease | JOB, rows=40),
        _write("no lease that ends", ExpireLeases(NOW, 100), keys=indexes.lease, rows=1),
    ]


def _hold(node_id: str, now_ms: int) -> Hold:
    return Hold(node_id, "h", OWNED, now_ms, 10_000)


def _write(
    name: str,
    *operations: Operation,
    keys: frozenset[str],
    rows: int = 1,
    scans: frozenset[str] = frozenset(),
    may_use: frozenset[str] = frozenset(),
) -> Case:
    return Case(name, "apply", (operations,), keys, rows, scans, may_use)
