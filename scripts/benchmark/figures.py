"""Numbers that were measured, and what they come down to."""

import math
import statistics
from collections.abc import Sequence

from attrs import AttrsInstance, asdict, frozen

Flat = dict[str, float]


@frozen
class Spread:
    """Percentiles in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@frozen
class Memory:
    """The server's resident memory, now and at its highest, in MiB."""

    resident_mib: float
    peak_mib: float


def percentile(ordered: Sequence[int], percent: float) -> int:
    """Return the smallest value that at least `percent` of the ordered values do not exceed."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def spread(durations_ns: Sequence[int]) -> Spread:
    """Return the percentiles of one or more durations."""
    ordered = sorted(durations_ns)
    return Spread(*(percentile(ordered, percent) / 1e6 for percent in (50, 95, 99)))


def resident(memory: Memory | None) -> Flat:
    """Return memory as figures of a curve's point, without a value where it is out of sight."""
    return asdict(memory or Memory(math.nan, math.nan))


def given(value: float | None) -> float:
    """Return a figure of a curve's point, without a value where there is none."""
    return math.nan if value is None else value


def flat(run: AttrsInstance) -> Flat:
    """Return a run's figures by dotted names."""
    return _flatten("", asdict(run))


def _flatten(prefix: str, tree: dict[str, object]) -> Flat:
    figures: Flat = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            figures |= _flatten(f"{prefix}{name}.", value)
        elif isinstance(value, int | float):
            figures[prefix + name] = float(value)
    return figures


def median(runs: Sequence[AttrsInstance]) -> Flat:
    """Return the median of each figure over the runs."""
    rows = [flat(run) for run in runs]
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def rounded(found: Flat) -> dict[str, float | None]:
    """Return figures as JSON shows them: null for what has no value."""
    return {name: round(value, 3) if math.isfinite(value) else None for name, value in found.items()}


def change_percent(before: Flat, after: Flat) -> Flat:
    """Return how much each figure has grown, without a value for what was nothing before."""
    return {
        name: 100 * (after[name] / value - 1) if value else math.nan
        for name, value in before.items()
        if name in after
    }


def shape(server: str, plan: AttrsInstance, runs: Sequence[AttrsInstance]) -> dict[str, object]:
    """Return what was measured of a server, and how, for JSON."""
    return {
        "server": server,
        "plan": asdict(plan),
        "median": rounded(median(runs)),
        "runs": [asdict(run) for run in runs],
    }
