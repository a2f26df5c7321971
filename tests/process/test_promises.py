"""Each promise, on the record of one short run a store: every fault once, under load.

What a run did and found is in the report of a failed test, with the seed; the records themselves are in the
folder that it names. `scripts/soak` does the same for as long as it is told.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.process.harness.evidence import Evidence, read
from tests.process.harness.faults import faults
from tests.process.harness.promises import PROMISES
from tests.process.harness.report import show
from tests.process.harness.running import Plan, carry_out
from tests.process.harness.scene import NODES

CALM_S = 5.0
# As many jobs at the least, or the run has shown nothing.
JOBS = 1000


def every_fault(store: str) -> tuple[str, ...]:
    """Name the faults of a run: what is done to the owner of a queue need not be done to any node as well."""
    return tuple(name for name in faults(store) if name not in ("kill node", "restart node"))


@pytest.fixture(scope="session")
def record_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Evidence, Path]]:
    """Break a cluster on a store, once for all tests; the seed is that of the tests' order."""
    records: dict[str, tuple[Evidence, Path]] = {}
    seed = int(request.config.getoption("randomly_seed"))

    def record(store: str) -> tuple[Evidence, Path]:
        if store not in records:
            folder = tmp_path_factory.mktemp(f"run-{store}")
            plan = Plan(store=store, nodes=NODES[store], seed=seed, calm_s=CALM_S, faults=every_fault(store))
            trio.run(partial(carry_out, plan, folder, say=print))
            records[store] = (read(folder), folder)
        return records[store]

    return record


@pytest.fixture(params=tuple(NODES))
def keeps(
    request: pytest.FixtureRequest, record_of: Callable[[str], tuple[Evidence, Path]]
) -> Callable[[str], None]:
    """Assert that a promise was kept."""
    evidence, folder = record_of(request.param)

    def assert_kept(promise: str) -> None:
        assert list(PROMISES[promise](evidence)) == [], f"{show(evidence)}\n\nrecords: {folder}"

    return assert_kept


Keeps = Callable[[str], None]


@pytest.mark.parametrize("store", tuple(NODES))
def test_every_fault_was_met_under_load(
    store: str, record_of: Callable[[str], tuple[Evidence, Path]]
) -> None:
    """A run in which nothing happened would keep every promise."""
    evidence, _ = record_of(store)
    assert tuple(fault.name for fault in evidence.faults) == every_fault(store)
    assert len(evidence.acknowledged) >= JOBS
    doomed = [name for name in faults(store) if name.startswith("die ")]
    assert sum(ending.code == -9 and not ending.signals for ending in evidence.endings) == len(doomed)


def test_i01_no_acknowledged_job_is_lost(keeps: Keeps) -> None:
    """A 2xx to a push means that the job comes to its end, or is still listed."""
    keeps("I1")


def test_i02_nothing_runs_that_was_not_pushed(keeps: Keeps) -> None:
    """Nor anything whose push was refused; a batch of unknown outcome was stored whole or not at all."""
    keeps("I2")


def test_i03_runs_of_a_job_do_not_overlap(keeps: Keeps) -> None:
    """But where a fault parted the owner of the first run from the store."""
    keeps("I3")


def test_i04_attempts_are_bounded(keeps: Keeps) -> None:
    """Failures are counted as the job was given them, faults use none up, and no run is without need."""
    keeps("I4")


def test_i05_no_job_is_early(keeps: Keeps) -> None:
    """Neither its first run nor a retry."""
    keeps("I5")


def test_i06_limits_hold(keeps: Keeps) -> None:
    """`max_workers` and the throttle."""
    keeps("I6")


def test_i08_due_jobs_start(keeps: Keeps) -> None:
    """In time in the calm phase, and all of them in the end."""
    keeps("I8")


def test_i09_jobs_start_in_order(keeps: Keeps) -> None:
    """With one worker, whoever dispatches the queue."""
    keeps("I9")


def test_i10_jobs_are_conserved(keeps: Keeps) -> None:
    """Each is in one place in the end, and the counters of the nodes add up."""
    keeps("I10")


def test_i11_failures_are_kept_once(keeps: Keeps) -> None:
    """Those of jobs that failed for good, and no others."""
    keeps("I11")


def test_i12_deleting_is_final(keeps: Keeps) -> None:
    """A deleted job starts no more and leaves no failure."""
    keeps("I12")


def test_i13_nodes_stay_small(keeps: Keeps) -> None:
    """Memory and open files are bounded after all that happened."""
    keeps("I13")


def test_i14_no_password_is_shown(keeps: Keeps) -> None:
    """Neither in logs nor in answers, whatever went wrong with the database."""
    keeps("I14")


def test_i15_stops_are_graceful(keeps: Keeps) -> None:
    """SIGTERM ends a node in time, with code 0, and it starts nothing more."""
    keeps("I15")


def test_no_node_crashes(keeps: Keeps) -> None:
    """Only signals end a node."""
    keeps("crashes")


def test_no_good_request_is_answered_with_an_error(keeps: Keeps) -> None:
    """But for a 503 while the database is away."""
    keeps("answers")


@pytest.mark.parametrize("store", tuple(NODES))
def test_operators_were_at_work(store: str, record_of: Callable[[str], tuple[Evidence, Path]]) -> None:
    """Failed jobs were run again and removed, and the queue was paused while jobs came."""
    evidence, _ = record_of(store)
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
