"""The report of the push side of a run: what each fault did, and which promises it broke."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.process.harness.assignments import PULSE
from tests.process.harness.evidence import Evidence, Fault
from tests.process.harness.explaining import repetitions
from tests.process.harness.promises import PROMISES
from tests.process.harness.table import Row, Tally, broken, tabulate, write


def judge(evidence: Evidence) -> Mapping[str, Sequence[str]]:
    """Return what breaks each promise that is broken."""
    return broken(evidence, PROMISES)


def rows(evidence: Evidence) -> list[Row]:
    """Return a row for each kind of fault, and one for the time before the first."""
    return tabulate(
        Tally(
            faults=evidence.faults,
            calm_at_s=evidence.calm_at_s,
            acknowledged=[(push.job.name, push.request.ended_at_s) for push in evidence.acknowledged],
            lost=frozenset(push.job.name for push in evidence.acknowledged if not evidence.places(push)),
            repeated=_repeated(evidence),
            arrivals_s=[run.began_at_s for run in evidence.runs if run.queue == PULSE],
        )
    )


def _repeated(evidence: Evidence) -> Counter[str]:
    attempts = {push.job.name: evidence.runs_needed(push.job) for push in evidence.pushes}
    causes: list[Fault | None] = []
    for name, runs in evidence.runs_of.items():
        causes += repetitions(runs, attempts.get(name, 1), evidence.faults)
    return Counter(fault.name if fault is not None else "" for fault in causes)


def show(evidence: Evidence) -> str:
    """Return the report."""
    outcomes = Counter(push.outcome.name.lower() for push in evidence.pushes)
    pushed = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    head = f"push, {evidence.store}, seed {evidence.seed}"
    summary = f"{head}: jobs pushed: {pushed}; runs: {len(evidence.runs)}"
    return write(rows(evidence), summary, judge(evidence))
