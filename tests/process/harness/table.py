"""The table of a run: for each fault how often, jobs meanwhile, lost, run twice, and the longest gap."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from attrs import frozen

from tests.process.harness.evidence import Fault
from tests.process.harness.explaining import RECOVERY_S
from tests.process.harness.ledger import FOR_EVER

# How many breaches of a promise are shown.
SHOWN = 5
_HEADS = ("fault", "times", "jobs", "lost", "run twice", "longest gap s")

E = TypeVar("E")


@frozen(kw_only=True)
class Tally:
    """What a table is made of, however the jobs came to their workers.

    `acknowledged` are the jobs with the times of their answers; `repeated` counts the runs that followed for
    nothing but a fault, by its name, or by none; `arrivals_s` are those of the steady stream.
    """

    faults: Sequence[Fault]
    calm_at_s: float
    acknowledged: Sequence[tuple[str, float]]
    lost: frozenset[str]
    repeated: Counter[str]
    arrivals_s: Sequence[float]


@frozen
class Row:
    """What came of every fault of one name."""

    name: str
    times: int
    jobs: int
    lost: int
    repeated: int
    gap_s: float


def broken(evidence: E, promises: Mapping[str, Callable[[E], Iterator[str]]]) -> dict[str, list[str]]:
    """Return what breaks each promise that is broken."""
    found = {promise: list(check(evidence)) for promise, check in promises.items()}
    return {promise: breaches for promise, breaches in found.items() if breaches}


def tabulate(tally: Tally) -> list[Row]:
    """Return a row for each kind of fault, and one for the time before the first."""
    windows: dict[str, list[tuple[float, float]]] = {}
    following_s = [*(fault.began_at_s for fault in tally.faults[1:]), FOR_EVER]
    for fault, next_at_s in zip(tally.faults, following_s, strict=False):
        ends_at_s = min(fault.ended_at_s + RECOVERY_S, next_at_s)
        windows.setdefault(fault.name, []).append((fault.began_at_s, ends_at_s))
    calm = Row("none", 1, *_jobs(tally, [(0, tally.calm_at_s)]), tally.repeated[""], 0.0)
    return [calm] + [
        Row(
            name,
            len(spans),
            *_jobs(tally, spans),
            tally.repeated[name],
            max(longest_gap_s(tally.arrivals_s, *span) for span in spans),
        )
        for name, spans in windows.items()
    ]


def _jobs(tally: Tally, spans: Iterable[tuple[float, float]]) -> tuple[int, int]:
    """Count the jobs that were acknowledged in these times, and those of them that are lost."""
    names = [
        name for name, at_s in tally.acknowledged if any(begin_s <= at_s <= end_s for begin_s, end_s in spans)
    ]
    return len(names), len(tally.lost.intersection(names))


def longest_gap_s(arrivals_s: Sequence[float], began_at_s: float, ended_at_s: float) -> float:
    """Return the longest part of a span of time in which no job of the steady stream arrived."""
    inside = [at_s for at_s in arrivals_s if began_at_s < at_s < ended_at_s]
    # The stream itself ends when the load does.
    last_s = min(ended_at_s, max(arrivals_s, default=began_at_s))
    return max(later - earlier for earlier, later in pairwise((began_at_s, *inside, max(began_at_s, last_s))))


def write(rows: Iterable[Row], summary: str, breaches: Mapping[str, Sequence[str]]) -> str:
    """Return a table, what there is to say below it, and what breaks which promise."""
    cells = [_HEADS] + [
        (row.name, str(row.times), str(row.jobs), str(row.lost), str(row.repeated), f"{row.gap_s:.2f}")
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_line(row, widths) for row in cells] + ["", summary]
    return "\n".join(lines + [_verdict(promise, found) for promise, found in breaches.items()])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join((first.strip().ljust(widths[0]), *others)).rstrip()


def _verdict(promise: str, breaches: Sequence[str]) -> str:
    shown = "\n".join(f"  {breach}" for breach in breaches[:SHOWN])
    return f"BROKEN {promise}, {len(breaches)} times:\n{shown}"
