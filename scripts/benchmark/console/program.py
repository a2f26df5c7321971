"""The order of what is measured of an open console."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from benchmark.console import commandline, phases
from benchmark.console.figures import Run
from benchmark.console.phases import Stage
from benchmark.console.report import Report
from benchmark.errors import BenchError, Deadline
from benchmark.manage.steady import Steady
from benchmark.options import server
from benchmark.progress import Progress
from benchmark.push.pushes import pushes
from benchmark.push.worker import started_worker
from benchmark.target import Target

MAX_WORKERS = 4
RUN = "console"
# Samples are no part of it, and come too seldom to be the same in each phase.
STILL = {"load-interval": "0"}


def measure(arguments: Sequence[str], progress: Progress) -> None:
    """Measure and print. Raises BenchError where that cannot be done."""
    options = commandline.read(arguments)
    deadline = Deadline.after(options.timeout)
    plan = commandline.plan(options)
    names = [f"trioworq-bench-{number}" for number in range(plan.queues)]
    with ExitStack() as stack:
        place, process = stack.enter_context(server(options, STILL | dict(options.set)))
        if process.pid is None:
            raise BenchError("the server's process is out of sight, see --pid")
        target = stack.enter_context(Target(place, deadline))
        version = target.version()
        stack.enter_context(target.defined(names, MAX_WORKERS))
        worker = stack.enter_context(started_worker(place.own_host(), 0))
        orders = pushes(place.host, names, worker.url(RUN), plan.payload_bytes, 1)
        steady = Steady(place, deadline, orders, plan.pushes_per_s)
        stage = Stage(plan, steady, process.pid, progress)
        phases.check(stage)
        runs = list(_runs(stage, options.runs))
    report = Report(version, plan, runs)
    progress.print(report.as_json() if options.json else report.as_table())


def _runs(stage: Stage, count: int) -> Iterator[Run]:
    for number in range(count):
        if number:
            time.sleep(phases.CLOSED_S)
        yield phases.run(stage)
