"""The order of what is measured of pull jobs."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack

from benchmark.errors import Deadline
from benchmark.observed import Process
from benchmark.options import server
from benchmark.private import started_listener
from benchmark.progress import Progress
from benchmark.pull import commandline, phases
from benchmark.pull.phases import Stage
from benchmark.pull.report import Report
from benchmark.target import Place, Target


def measure(arguments: Sequence[str], progress: Progress) -> None:
    """Measure and print. Raises BenchError where that cannot be done."""
    options = commandline.read(arguments)
    deadline = Deadline.after(options.timeout)
    with ExitStack() as stack:
        stages = [_stage(stack, options, deadline, progress)]
        if options.future:
            stages.append(_stage(stack, options, deadline, progress))
            phases.fill(stages[1])
        name = _name(stages[0], options)
        # Alternately: what the machine does in the course of minutes is done to both.
        rounds = [[phases.run(stage) for stage in stages] for _ in range(options.runs)]
    report = Report(name, stages[0].plan, *zip(*rounds, strict=True))
    progress.print(report.as_json() if options.json else report.as_table())


def _stage(stack: ExitStack, options: argparse.Namespace, deadline: Deadline, progress: Progress) -> Stage:
    if options.self_test:
        port = stack.enter_context(started_listener("benchmark.pull.instant"))
        place, process = Place.of(f"http://127.0.0.1:{port}", allow_remote=False), Process(None)
    else:
        place, process = stack.enter_context(server(options))
    return Stage(commandline.plan(options), place, deadline, progress, process)


def _name(stage: Stage, options: argparse.Namespace) -> str:
    if options.self_test:
        return "Without a server"
    with Target(stage.place, stage.deadline) as target:
        return target.version()
