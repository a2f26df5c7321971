"""Figures for people and for programs."""

import json
from collections.abc import Sequence

from attrs import asdict, frozen

from benchmark import figures, table
from benchmark.figures import Flat
from benchmark.pull.figures import Run
from benchmark.pull.phases import Plan

# (name of the figure, what it is called, unit)
ROWS = (
    ("waited.start", "a waiting worker: enqueue to job in hand", "ms"),
    ("waited.enqueue", "a waiting worker: answer to the enqueue", "ms"),
    ("batch.jobs_per_s", "enqueue, in batches: jobs", "/s"),
    ("batch.answer", "enqueue, in batches: answer", "ms"),
    ("batch.processor_us", "enqueue, in batches: processor time of a job", "µs"),
    ("one.jobs_per_s", "fetch one, complete: jobs", "/s"),
    ("one.next", "fetch one: answer", "ms"),
    ("one.complete", "fetch one, complete: answer", "ms"),
    ("one.repeated", "fetch one: jobs handed out twice", ""),
    ("one.processor_us", "fetch one, complete: processor time of a job", "µs"),
    ("single.jobs_per_s", "enqueue, one by one: jobs", "/s"),
    ("single.answer", "enqueue, one by one: answer", "ms"),
    ("single.processor_us", "enqueue, one by one: processor time of a job", "µs"),
    ("many.jobs_per_s", "fetch many, complete each: jobs", "/s"),
    ("many.next", "fetch many: answer", "ms"),
    ("many.complete", "fetch many, complete each: answer", "ms"),
    ("many.repeated", "fetch many: jobs handed out twice", ""),
    ("many.processor_us", "fetch many, complete each: processor time", "µs"),
    ("waited.memory.resident_mib", "server's memory after waiting workers", "MiB"),
    ("one.memory.resident_mib", "server's memory after fetching one by one", "MiB"),
    ("many.memory.resident_mib", "server's memory after fetching many", "MiB"),
    ("many.memory.peak_mib", "server's memory, peak so far", "MiB"),
)


@frozen
class Report:
    """Everything that was found out; `beside` are the runs beside the jobs of the future, if there are."""

    server: str
    plan: Plan
    runs: Sequence[Run]
    beside: Sequence[Run] = ()

    def as_json(self) -> str:
        """Return one JSON object; memory is null where the server's process was out of sight."""
        shown = figures.shape(self.server, self.plan, self.runs)
        if self.beside:
            shown |= {
                "future_median": figures.rounded(figures.median(self.beside)),
                "future_runs": [asdict(run) for run in self.beside],
                "change_percent": figures.rounded(self._change()),
            }
        return json.dumps(shown, indent=2)

    def as_table(self) -> str:
        """Return a table of the medians, with the change beside the jobs of the future if there are."""
        plan = self.plan
        head = [
            f"{self.server}: {plan.jobs} jobs of {plan.payload_bytes} bytes, {plan.connections} connections "
            f"that enqueue one or {plan.batch}, {plan.workers} workers that fetch one or {plan.num_jobs}, "
            f"median of {len(self.runs)}"
        ]
        if not self.beside:
            return "\n".join(head + table.lines(ROWS, figures.median(self.runs)))
        head.append(f"alone, beside {plan.future} jobs of the future, and the change")
        pair = (figures.median(self.runs), figures.median(self.beside))
        return "\n".join(head + table.compared(ROWS, *pair, self._change()))

    def _change(self) -> Flat:
        return figures.change_percent(figures.median(self.runs), figures.median(self.beside))
