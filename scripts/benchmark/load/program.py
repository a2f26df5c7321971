"""The order of what is measured of the load."""

from collections.abc import Mapping, Sequence

from benchmark.errors import Deadline
from benchmark.load import commandline, past, phases
from benchmark.load.report import Report
from benchmark.options import server
from benchmark.progress import Progress
from benchmark.target import Target

# No sample is added or forgotten while it is measured.
STILL = {"load-interval": "0", "load-retention": "31536000"}


def measure(arguments: Sequence[str], progress: Progress) -> None:
    """Measure and print. Raises BenchError where that cannot be done."""
    options = commandline.read(arguments)
    deadline = Deadline.after(options.timeout)
    plan = commandline.plan(options)

    def write(settings: Mapping[str, str]) -> None:
        past.write(settings, plan, deadline, progress)

    with (
        server(options, STILL, before=write) as (place, process),
        Target(place, deadline) as target,
    ):
        version = target.version()
        runs = [phases.run(plan, place, process, deadline) for _ in range(options.runs)]
    report = Report(version, plan, runs)
    progress.print(report.as_json() if options.json else report.as_table())
