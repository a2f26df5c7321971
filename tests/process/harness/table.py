"""The report of a run: what each fault did, and which promises it broke."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from attrs import frozen

from tests.process.harness.assignments import PULSE
from tests.process.harness.evidence import FOR_EVER, Evidence, Fault, Run
from tests.process.harness.explaining import RECOVERY_S, repetitions
from tests.process.harness.promises import PROMISES

# How many breaches of a promise are shown.
SHOWN = 5
_HEADS = ("fault", "times", "jobs", "lost", "run twice", "longest gap s")


@frozen
class Row:
    """What came of every fault of one name."""

    name: str
    times: int
    jobs: int
    lost: int
    repeated: int
    gap_s: float


def judge(evidence: Evidence) -> Mapping[str, Sequence[str]]:
    """Return what breaks each promise that is broken."""
    found = {promise: list(check(evidence)) for promise, check in PROMISES.items()}
    return {promise: breaches for promise, breaches in found.items() if breaches}


def rows(evidence: Evidence) -> list[Row]:
    """Return a row for each kind of fault, and one for the time before the first."""
    repeated = _repeated(evidence)
    lost = {push.job.name for push in evidence.acknowledged if not evidence.places(push)}
    windows: dict[str, list[tuple[float, float]]] = {}
    following_s = [*(fault.began_at_s for fault in evidence.faults[1:]), FOR_EVER]
    for fault, next_at_s in zip(evidence.faults, following_s, strict=False):
        ends_at_s = min(fault.ended_at_s + RECOVERY_S, next_at_s)
        windows.setdefault(fault.name, []).append((fault.began_at_s, ends_at_s))
    table = [Row("none", 1, *_jobs(evidence, lost, [(0, evidence.calm_at_s)]), repeated[""], 0.0)]
    return table + [
        Row(
            name,
            len(spans),
            *_jobs(evidence, lost, spans),
            repeated[name],
            max(longest_gap_s(evidence.runs, began_at_s, ended_at_s) for began_at_s, ended_at_s in spans),
        )
        for name, spans in windows.items()
    ]


def _jobs(evidence: Evidence, lost: set[str], spans: Iterable[tuple[float, float]]) -> tuple[int, int]:
    """Count the jobs that were acknowledged in these times, and those of them that are lost."""
    names = [
        push.job.name
        for push in evidence.acknowledged
        if any(begin_s <= push.request.ended_at_s <= end_s for begin_s, end_s in spans)
    ]
    return len(names), len(lost.intersection(names))


def _repeated(evidence: Evidence) -> Counter[str]:
    """Count the runs that followed for nothing but a fault, by its name; by none where there was none."""
    attempts = {push.job.name: push.job.attempts for push in evidence.pushes}
    causes: list[Fault | None] = []
    for name, runs in evidence.runs_of.items():
        causes += repetitions(runs, attempts.get(name, 1), evidence.faults)
    return Counter(fault.name if fault is not None else "" for fault in causes)


def longest_gap_s(runs: Iterable[Run], began_at_s: float, ended_at_s: float) -> float:
    """Return the longest part of a span of time in which no job of the steady stream arrived."""
    arrivals = [run.began_at_s for run in runs if run.queue == PULSE]
    inside = [at_s for at_s in arrivals if began_at_s < at_s < ended_at_s]
    # The stream itself ends when the load does.
    last_s = min(ended_at_s, max(arrivals, default=began_at_s))
    return max(later - earlier for earlier, later in pairwise((began_at_s, *inside, max(began_at_s, last_s))))


def show(evidence: Evidence) -> str:
    """Return the report."""
    cells = [_HEADS] + [
        (row.name, str(row.times), str(row.jobs), str(row.lost), str(row.repeated), f"{row.gap_s:.2f}")
        for row in rows(evidence)
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(row, widths) for row in cells]
    outcomes = Counter(push.outcome.name.lower() for push in evidence.pushes)
    summary = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    lines += [
        "",
        f"{evidence.store}, seed {evidence.seed}: jobs pushed: {summary}; runs: {len(evidence.runs)}",
    ]
    return "\n".join(lines + [_verdict(promise, found) for promise, found in judge(evidence).items()])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join((first.strip().ljust(widths[0]), *others)).rstrip()


def _verdict(promise: str, breaches: Sequence[str]) -> str:
    shown = "\n".join(f"  {breach}" for breach in breaches[:SHOWN])
    return f"BROKEN {promise}, {len(breaches)} times:\n{shown}"
