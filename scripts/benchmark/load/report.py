"""Figures for people and for programs."""

import json
from collections.abc import Sequence

from attrs import frozen

from benchmark import figures, table
from benchmark.load.phases import Plan, Run, questions


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
            f"{self.server}: /v6/load/ over {plan.samples} samples of {plan.days} days, {plan.types} job "
            f"types in each, median of {len(self.runs)}"
        )
        rows = [(f"answer.{each.name}", each.title, "ms") for each in questions(plan)]
        rows += [
            ("memory.resident_mib", "server's memory after all that", "MiB"),
            ("memory.peak_mib", "server's memory, peak so far", "MiB"),
        ]
        return "\n".join([head, *table.lines(rows, figures.median(self.runs))])
