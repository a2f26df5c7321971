"""Figures for people and for programs."""

import json
from collections.abc import Sequence

from attrs import asdict, frozen

from benchmark import figures
from benchmark.figures import Flat, Run
from benchmark.phases import Plan

# (name of the figure, what it is called, unit)
ROWS = (
    ("idle.push", "idle: answer to a push", "ms"),
    ("idle.start", "idle: push to the worker's first byte", "ms"),
    ("load.pushes_per_s", "load: pushes", "/s"),
    ("load.jobs_per_s", "load: jobs, end to end", "/s"),
    ("load.push", "load: answer to a push", "ms"),
    ("load.start", "load: push to the worker's first byte", "ms"),
    ("load.repeated", "load: deliveries repeated", ""),
    ("drain.jobs_per_s", "drain: jobs", "/s"),
    ("drain.repeated", "drain: deliveries repeated", ""),
    ("memory.resident_mib", "server's memory", "MiB"),
    ("memory.peak_mib", "server's memory, peak", "MiB"),
)


@frozen
class Report:
    """Everything that was found out."""

    server: str
    plan: Plan
    runs: Sequence[Run]

    def as_json(self) -> str:
        """Return one JSON object; memory is null where the server's process was out of sight."""
        shown = {
            "server": self.server,
            "plan": asdict(self.plan),
            "median": {name: round(value, 3) for name, value in figures.median(self.runs).items()},
            "runs": [asdict(run) for run in self.runs],
        }
        return json.dumps(shown, indent=2)

    def as_table(self) -> str:
        """Return a table of the medians."""
        plan = self.plan
        median = figures.median(self.runs)
        lines = [
            f"{self.server}: {plan.jobs} jobs of {plan.payload_bytes} bytes, {plan.connections} connections, "
            f"{plan.max_workers} workers, median of {len(self.runs)}"
        ]
        lines += [line for row in ROWS for line in _line(median, *row)]
        if plan.jobs < median["drain.jobs_per_s"] * 2:
            lines.append("The backlog was too small for its drain to be measured; use more --jobs.")
        return "\n".join(lines)


def _line(median: Flat, name: str, title: str, unit: str) -> list[str]:
    if name in median:
        return [f"{title:<40}{_number(median[name]):>10} {unit}".rstrip()]
    if f"{name}.p50_ms" in median:
        spread = " / ".join(_number(median[f"{name}.{part}_ms"]) for part in ("p50", "p95", "p99"))
        return [f"{title:<40}{spread:>10} {unit} (p50 / p95 / p99)"]
    return []


def _number(value: float) -> str:
    if value == int(value) or value >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
