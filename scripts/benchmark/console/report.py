"""Figures for people and for programs."""

import json
from collections.abc import Sequence

from attrs import frozen

from benchmark import figures, table
from benchmark.console.figures import Run
from benchmark.console.phases import Plan

# (name of the figure, what it is called, unit)
ROWS = (
    ("unwatched.processor_percent", "server without a console", "% of a core"),
    ("unwatched.push", "  answer to a push meanwhile", "ms"),
    ("streamed.processor_percent", "server with a client of its event stream", "% of a core"),
    ("streamed.push", "  answer to a push meanwhile", "ms"),
    ("browsed.processor_percent", "server with a browser", "% of a core"),
    ("browsed.push", "  answer to a push meanwhile", "ms"),
    ("stream_percent", "what the event stream costs", "% of a core"),
    ("browser_percent", "what the browser costs", "% of a core"),
)


@frozen
class Report:
    """Everything that was found out."""

    server: str
    plan: Plan
    runs: Sequence[Run]

    def as_json(self) -> str:
        """Return one JSON object; what a console costs is the median of each run's own difference."""
        shape = figures.shape(self.server, self.plan, self.runs)
        return json.dumps(shape | {"costs": figures.rounded(self._costs())}, indent=2)

    def as_table(self) -> str:
        """Return a table of the medians."""
        plan = self.plan
        head = (
            f"{self.server}: {plan.queues} queues, {plan.pushes_per_s} jobs a second, "
            f"{plan.seconds} s each, median of {len(self.runs)}"
        )
        return "\n".join([head, *table.lines(ROWS, figures.median(self.runs) | self._costs())])

    def _costs(self) -> figures.Flat:
        return figures.median([run.costs for run in self.runs])
