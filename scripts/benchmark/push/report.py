"""Figures for people and for programs."""

import json
from collections.abc import Sequence

from attrs import asdict, define, field, frozen

from benchmark import figures, table
from benchmark.figures import Flat
from benchmark.push.figures import Run
from benchmark.push.phases import Plan

# (name of the figure, what it is called, unit)
ROWS = (
    ("idle.push", "idle: answer to a push", "ms"),
    ("idle.start", "idle: push to the worker's first byte", "ms"),
    ("load.pushes_per_s", "load: pushes", "/s"),
    ("load.jobs_per_s", "load: jobs, end to end", "/s"),
    ("load.push", "load: answer to a push", "ms"),
    ("load.start", "load: push to the worker's first byte", "ms"),
    ("load.repeated", "load: deliveries repeated", ""),
    ("load.processor_us", "load: server's processor time for a job", "µs"),
    ("drain.pushes_per_s", "drain: pushes, deferred", "/s"),
    ("drain.jobs_per_s", "drain: jobs", "/s"),
    ("drain.repeated", "drain: deliveries repeated", ""),
    ("drain.processor_us", "drain: server's processor time for a job", "µs"),
    ("idle.memory.resident_mib", "idle: server's memory", "MiB"),
    ("load.memory.resident_mib", "load: server's memory", "MiB"),
    ("load.memory.peak_mib", "load: server's memory, peak so far", "MiB"),
    ("drain.memory.resident_mib", "drain: server's memory", "MiB"),
    ("drain.memory.peak_mib", "drain: server's memory, peak so far", "MiB"),
)

# In a curve's table: how the unit at the end of a figure's name is written.
UNITS = {"_per_s": "/s", "_ms": " ms", "_us": " µs", "_mib": " MiB", "_percent": " %"}


@frozen
class Report:
    """Everything that was found out; `beside` are the runs of a second server, which has more options."""

    server: str
    plan: Plan
    runs: Sequence[Run]
    beside: Sequence[Run] = ()
    against: str = ""

    def as_json(self) -> str:
        """Return one JSON object; memory is null where the server's process was out of sight."""
        shown = figures.shape(self.server, self.plan, self.runs)
        if self.beside:
            shown |= {
                "against": self.against,
                "against_median": figures.rounded(figures.median(self.beside)),
                "against_runs": [asdict(run) for run in self.beside],
                "change_percent": figures.rounded(self._change()),
            }
        return json.dumps(shown, indent=2)

    def as_table(self) -> str:
        """Return a table of the medians."""
        plan = self.plan
        median = figures.median(self.runs)
        lines = [
            f"{self.server}: {plan.jobs} jobs of {plan.payload_bytes} bytes, {plan.batch} a push, "
            f"{plan.connections} connections, {plan.max_workers} workers, median of {len(self.runs)}"
        ]
        if self.beside:
            lines.append(f"as it is, with {self.against}, and the change")
            lines += table.compared(ROWS, median, figures.median(self.beside), self._change())
        else:
            lines += table.lines(ROWS, median)
        if plan.jobs < median["drain.jobs_per_s"] * 2:
            lines.append("The backlog was too small for its drain to be measured; use more --jobs.")
        return "\n".join(lines)

    def _change(self) -> Flat:
        return figures.change_percent(figures.median(self.runs), figures.median(self.beside))


@define
class CurveReport:
    """A curve, point by point; every point has the same figures."""

    server: str
    curve: str
    plan: Plan
    points: list[Flat] = field(factory=list)

    def as_json(self) -> str:
        """Return one JSON object; a figure that has no value at a point is null."""
        points = [figures.rounded(point) for point in self.points]
        shown = {"server": self.server, "curve": self.curve, "plan": asdict(self.plan), "points": points}
        return json.dumps(shown, indent=2)

    def newest(self) -> str:
        """Return the table's line of the newest point, with the head of the table before the first."""
        point = self.points[-1]
        titles = [_title(name) for name in point]
        cells = [
            table.number(value).rjust(len(title)) for title, value in zip(titles, point.values(), strict=True)
        ]
        head = [f"{self.server}: {self.curve}", "  ".join(titles)] if len(self.points) == 1 else []
        return "\n".join([*head, "  ".join(cells)])


def _title(name: str) -> str:
    for ending, unit in UNITS.items():
        if name.endswith(ending):
            name = name.removesuffix(ending) + unit
    return name.replace("_", " ").rjust(7)
