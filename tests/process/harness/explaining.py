"""Which fault may have made a job run again: delivery is at least once, but never without a cause."""

from collections.abc import Sequence

from tests.process.harness.evidence import Fault, Run

# From a worker's answer to its record in the store, on a busy machine.
SETTLE_S = 2.0
# How long after a cluster is whole again queues may still change hands, and calls be cut off by that.
RECOVERY_S = 6.0
# Faults that part nodes from the database: calls go on while another node has the queue, and outcomes are
# stored late or lost. All others concern the nodes alone that they were done to.
PARTING = {
    "stall owner",
    "stall database",
    "kill database",
    "kill connections",
    "lock file",
    "fill disk",
}


def cause(run: Run, faults: Sequence[Fault]) -> Fault | None:
    """Return the fault that may have lost the outcome of a run: the last one that it met, or the next one."""
    causes = [
        fault
        for fault in faults
        if (run.node in fault.nodes or fault.name in PARTING)
        and fault.began_at_s <= run.ended_at_s + SETTLE_S
        and run.began_at_s <= fault.ended_at_s + RECOVERY_S
    ]
    met = [fault for fault in causes if fault.began_at_s <= run.ended_at_s]
    return met[-1] if met else next(iter(causes), None)


def repetitions(runs: Sequence[Run], attempts: int, faults: Sequence[Fault]) -> list[Fault | None]:
    """Return, for each run of a job beyond those that it needs, what may have caused it; None for nothing."""
    surplus = max(0, len(runs) - attempts)
    causes = [fault for run in runs[:-1] if (fault := cause(run, faults)) is not None]
    return [*causes[:surplus], *[None] * (surplus - len(causes))]
