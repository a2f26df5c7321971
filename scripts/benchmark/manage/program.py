"""The order of what is measured of managing."""

from collections.abc import Sequence
from contextlib import ExitStack

from benchmark.errors import Deadline
from benchmark.manage import commandline, phases
from benchmark.manage.filling import QUEUES, Filling
from benchmark.manage.phases import Stage
from benchmark.manage.report import Report
from benchmark.options import server
from benchmark.progress import Progress
from benchmark.push.worker import started_worker
from benchmark.target import Target

MAX_WORKERS = 50
# Nothing is forgotten while it is measured, and nobody else counts.
KEEPING = {"finished-ttl": "86400", "finished-max": "10000000", "load-interval": "0"}


def measure(arguments: Sequence[str], progress: Progress) -> None:
    """Measure and print. Raises BenchError where that cannot be done."""
    options = commandline.read(arguments)
    deadline = Deadline.after(options.timeout)
    plan = commandline.plan(options)
    with ExitStack() as stack:
        place, process = stack.enter_context(server(options, KEEPING | dict(options.set)))
        target = stack.enter_context(Target(place, deadline))
        version = target.version()
        stack.enter_context(target.defined(QUEUES, MAX_WORKERS))
        worker = stack.enter_context(started_worker(place.own_host(), 0))
        filling = Filling(place, worker, deadline, progress, plan.payload_bytes)
        stage = Stage.of(plan, filling, process)
        phases.fill(stage)
        runs = [phases.run(stage) for _ in range(options.runs)]
        report = Report(version, plan, runs)
    progress.print(report.as_json() if options.json else report.as_table())
