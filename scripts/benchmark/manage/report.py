"""Figures for people and for programs."""

import json
from collections.abc import Sequence

from attrs import frozen

from benchmark import figures, table
from benchmark.manage.figures import Run
from benchmark.manage.phases import Plan

# (phase, what it is called)
QUESTIONS = (
    ("stats", "counts of jobs, /api/v1/jobs/stats"),
    ("queue_status", "types of queued jobs, /v6/queue/status/"),
    ("failed_page", "a page from the middle of failed jobs"),
)
SWEEPS = (("retry_all", "all failed jobs run again"), ("clear", "all failed jobs removed"))

# (name of the figure, what it is called, unit)
ROWS = (
    ("quiet.push", "answer to a push", "ms"),
    ("quiet.longest_ms", "  the longest", "ms"),
    *(
        row
        for name, title in QUESTIONS
        for row in (
            (f"{name}.answer", title, "ms"),
            (f"{name}.push", "  answer to a push meanwhile", "ms"),
            (f"{name}.longest_ms", "  the longest", "ms"),
        )
    ),
    *(
        row
        for name, title in SWEEPS
        for row in (
            (f"{name}.seconds", title, "s"),
            (f"{name}.jobs_per_s", "  jobs", "/s"),
            (f"{name}.push", "  answer to a push meanwhile", "ms"),
            (f"{name}.longest_ms", "  the longest", "ms"),
        )
    ),
    ("memory.resident_mib", "server's memory after all that", "MiB"),
    ("memory.peak_mib", "server's memory, peak so far", "MiB"),
)


@frozen
class Report:
    """Everything that was found out."""

    server: str
    plan: Plan
    runs: Sequence[Run]

    def as_json(self) -> str:
        """Return one JSON object; memory is null where the server's process was out of sight."""
        return json.dumps(figures.shape(self.server, self.plan, self.runs), indent=2)

    def as_table(self) -> str:
        """Return a table of the medians."""
        plan = self.plan
        head = (
            f"{self.server}: {plan.waiting} jobs wait, {plan.failed} have failed, {plan.finished} have "
            f"finished; {plan.pushes_per_s} pushes a second meanwhile, median of {len(self.runs)}"
        )
        return "\n".join([head, *table.lines(ROWS, figures.median(self.runs))])
