"""Each promise to those who fetch jobs, on the record of one short run a store.

What a run did and found is in the report of a failed test, with the seed; the records themselves are in the
folder that it names. `scripts/soak --mode pull` does the same with every fault, for as long as it is told.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.process.harness.ledger import HUNG_UP
from tests.process.harness.pull.assignments import Kind
from tests.process.harness.pull.evidence import PullEvidence, read
from tests.process.harness.pull.promises import PROMISES
from tests.process.harness.pull.report import show
from tests.process.harness.running import Plan, carry_out
from tests.process.harness.scene import NODES
from tests.process.harness.sides import Mode

CALM_S = 3.0
# As many jobs at the least, or the run has shown nothing.
JOBS = 300
FAULTS = {
    "sqlite": ("stall worker", "kill node", "die after-claim"),
    "mysql": ("kill worker", "kill node", "die after-change", "kill database"),
}

RecordOf = Callable[[str], tuple[PullEvidence, Path]]
Keeps = Callable[[str], None]


@pytest.fixture(scope="session")
def pull_record_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RecordOf:
    """Break a cluster on a store, once for all tests; the seed is that of the tests' order."""
    records: dict[str, tuple[PullEvidence, Path]] = {}
    seed = int(request.config.getoption("randomly_seed"))

    def record(store: str) -> tuple[PullEvidence, Path]:
        if store not in records:
            folder = tmp_path_factory.mktemp(f"pull-{store}")
            plan = Plan(
                store=store,
                nodes=NODES[store],
                seed=seed,
                calm_s=CALM_S,
                mode=Mode.PULL,
                faults=FAULTS[store],
            )
            trio.run(partial(carry_out, plan, folder, say=print))
            records[store] = (read(folder), folder)
        return records[store]

    return record


@pytest.fixture(params=tuple(NODES))
def keeps(request: pytest.FixtureRequest, pull_record_of: RecordOf) -> Keeps:
    """Assert that a promise was kept."""
    evidence, folder = pull_record_of(request.param)

    def assert_kept(promise: str) -> None:
        assert list(PROMISES[promise](evidence)) == [], f"{show(evidence)}\n\nrecords: {folder}"

    return assert_kept


@pytest.mark.parametrize("store", tuple(NODES))
def test_every_fault_was_met_under_load(store: str, pull_record_of: RecordOf) -> None:
    """A run in which nothing happened would keep every promise."""
    evidence, _ = pull_record_of(store)
    assert tuple(fault.name for fault in evidence.faults) == FAULTS[store]
    assert len(evidence.acknowledged) >= JOBS
    assert any(ending.code == -9 and not ending.signals for ending in evidence.endings)


@pytest.mark.parametrize("store", tuple(NODES))
def test_workers_were_late_and_gone_and_hung_up(store: str, pull_record_of: RecordOf) -> None:
    """Jobs were dropped, kept, rescheduled and completed by runs that were over, and some have failed."""
    evidence, _ = pull_record_of(store)
    kinds = {evidence.jobs[name].kind for name in evidence.handouts_of}
    assert kinds == set(Kind)
    assert evidence.failures
    statuses = Counter((change.event, change.request.status) for change in evidence.changes)
    assert statuses["complete", 409] + statuses["heartbeat", 409] > 0
    assert statuses["heartbeat", 202] > 0
    assert statuses["reschedule", 202] > 0
    assert sum(fetch.text == HUNG_UP for fetch in evidence.fetches) > len(evidence.endings)


def test_i01_no_acknowledged_job_is_lost(keeps: Keeps) -> None:
    """A 202 to an enqueue means that the job is completed, fails, or is still there."""
    keeps("I1")


def test_i02_nothing_is_handed_out_that_was_not_enqueued(keeps: Keeps) -> None:
    """Nor anything that was refused; a batch is stored whole or not at all, and a name once."""
    keeps("I2")


def test_i03_leases_of_a_job_do_not_overlap(keeps: Keeps) -> None:
    """Nobody has a job before the last one's lease has ended, and a run that is over changes nothing."""
    keeps("I3")


def test_i04_tries_are_counted(keeps: Keeps) -> None:
    """Each lease that ended, and nothing else; a job fails when it has had all its tries."""
    keeps("I4")


def test_i05_no_job_is_early(keeps: Keeps) -> None:
    """Neither after it was enqueued nor after it was rescheduled."""
    keeps("I5")


def test_i08_due_jobs_are_handed_out(keeps: Keeps) -> None:
    """In time in the calm phase, also after a lease that ended, and all of them in the end."""
    keeps("I8")


def test_i09_jobs_come_in_order(keeps: Keeps) -> None:
    """Within an answer, and from one answer to the next for one worker."""
    keeps("I9")


def test_i10_jobs_are_conserved(keeps: Keeps) -> None:
    """Each is in one place in the end."""
    keeps("I10")


def test_i11_failures_are_kept_once(keeps: Keeps) -> None:
    """In the failed store."""
    keeps("I11")


def test_i13_nodes_stay_small(keeps: Keeps) -> None:
    """Memory and open files are bounded, with many workers that wait in vain and some that hang up."""
    keeps("I13")


def test_i15_stops_are_graceful(keeps: Keeps) -> None:
    """SIGTERM ends a node in time, with code 0; who waits is answered at once, and gets nothing more."""
    keeps("I15")


def test_what_was_saved_comes_back(keeps: Keeps) -> None:
    """The state of a heartbeat or a reschedule is there for the next one who has the job."""
    keeps("states")


def test_no_node_crashes(keeps: Keeps) -> None:
    """Only signals end a node."""
    keeps("crashes")


def test_no_good_request_is_answered_with_an_error(keeps: Keeps) -> None:
    """But for a 429 while the database is away."""
    keeps("answers")


@pytest.mark.parametrize("store", tuple(NODES))
def test_operators_were_at_work(store: str, pull_record_of: RecordOf) -> None:
    """Failed jobs were run again and removed, and the queue was paused while jobs came."""
    evidence, _ = pull_record_of(store)
    operations = evidence.operations
    assert operations.retried
    assert operations.removed
    assert operations.pauses
    assert len(evidence.history.samples_ms) > 1


def test_retried_jobs_run_again(keeps: Keeps) -> None:
    """Once more, however they are retried; and operators are told what was done."""
    keeps("retries")


def test_removed_failures_are_gone(keeps: Keeps) -> None:
    """They never run again."""
    keeps("removals")


def test_nothing_starts_in_a_paused_queue(keeps: Keeps) -> None:
    """From a second after the pause, on every node, until the queue is resumed."""
    keeps("pauses")


def test_finished_jobs_are_remembered(keeps: Keeps) -> None:
    """For `finished_ttl`, and not much longer."""
    keeps("history")


def test_the_load_is_sampled_once_an_interval(keeps: Keeps) -> None:
    """However many nodes there are, and whichever has gone."""
    keeps("samples")
