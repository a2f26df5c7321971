"""The report of the pull side of a run: what each fault did, and which promises it broke."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.process.harness.evidence import Fault
from tests.process.harness.explaining import RECOVERY_S
from tests.process.harness.pull.assignments import PULSE
from tests.process.harness.pull.evidence import Handout, PullEvidence
from tests.process.harness.pull.promises import PROMISES
from tests.process.harness.table import Row, Tally, broken, tabulate, write


def judge(evidence: PullEvidence) -> Mapping[str, Sequence[str]]:
    """Return what breaks each promise that is broken."""
    return broken(evidence, PROMISES)


def rows(evidence: PullEvidence) -> list[Row]:
    """Return a row for each kind of fault, and one for the time before the first."""
    names = [(each.job.name, each.request.ended_at_s) for each in evidence.acknowledged]
    return tabulate(
        Tally(
            faults=evidence.faults,
            calm_at_s=evidence.calm_at_s,
            acknowledged=names,
            lost=frozenset(name for name, _ in names if not evidence.places(name)),
            repeated=Counter(_repetitions(evidence)),
            arrivals_s=sorted(
                handout.fetch.ended_at_s
                for handout in evidence.handouts
                if handout.fetch.facts["queue"] == PULSE
            ),
        )
    )


def _repetitions(evidence: PullEvidence) -> Iterator[str]:
    """Name what may have caused each hand-out of a job beyond those that it needs; nothing, for none."""
    for name, handouts in evidence.handouts_of.items():
        cycles = 1 + evidence.operations.most_retries(name)
        surplus = len(handouts) - evidence.jobs[name].tries * cycles if name in evidence.jobs else 0
        yield from [_cause(handouts, evidence.faults)] * max(0, surplus)


def _cause(handouts: Sequence[Handout], faults: Sequence[Fault]) -> str:
    """Return the last fault that a job met between its hand-outs."""
    began_s, ended_s = handouts[0].fetch.began_at_s, handouts[-1].fetch.ended_at_s
    met = [
        fault.name
        for fault in faults
        if fault.began_at_s <= ended_s and began_s <= fault.ended_at_s + RECOVERY_S
    ]
    return met[-1] if met else ""


def show(evidence: PullEvidence) -> str:
    """Return the report."""
    outcomes = Counter(each.request.outcome.name.lower() for each in evidence.enqueueings)
    enqueued = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    stale = sum(change.request.status == 409 for change in evidence.changes)
    summary = (
        f"pull, {evidence.store}, seed {evidence.seed}: jobs enqueued: {enqueued}; "
        f"hand-outs: {len(evidence.handouts)}; failed: {len(evidence.failures)}; stale changes: {stale}"
    )
    return write(rows(evidence), summary, judge(evidence))
