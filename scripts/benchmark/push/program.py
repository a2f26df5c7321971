"""The order of what is measured of pushes."""

import argparse
import json
from collections.abc import Sequence
from contextlib import ExitStack

from attrs import asdict, evolve

from benchmark.errors import BenchError, Deadline
from benchmark.observed import Process
from benchmark.options import server
from benchmark.progress import Progress
from benchmark.push import commandline, phases
from benchmark.push.curves import CURVES
from benchmark.push.figures import Run
from benchmark.push.phases import NAME, Plan, Stage
from benchmark.push.quiet import quiet
from benchmark.push.report import CurveReport, Report
from benchmark.push.worker import started_worker
from benchmark.target import Target


def measure(arguments: Sequence[str], progress: Progress) -> None:
    """Measure and print. Raises BenchError where that cannot be done."""
    options = commandline.read(arguments)
    deadline = Deadline.after(options.timeout)
    plan = commandline.plan(options)
    if options.self_test:
        _self_test(plan, options, deadline, progress)
        return
    with ExitStack() as stack:
        place, process = stack.enter_context(server(options))
        target = stack.enter_context(Target(place, deadline))
        version = target.version()
        if options.idle:
            _idle(target, version, process, options, progress)
            return
        worker = stack.enter_context(started_worker(place.own_host(), options.worker_delay_ms))
        stage = Stage(plan, target, worker, deadline, progress, process)
        if options.curve:
            _curve(stage, version, options)
            return
        stages = [stage]
        if options.against:
            place, process = stack.enter_context(server(options, dict(options.against)))
            other = stack.enter_context(Target(place, deadline))
            stages.append(evolve(stage, target=other, process=process))
        _runs(stages, version, options)


def _runs(stages: Sequence[Stage], version: str, options: argparse.Namespace) -> None:
    """Measure the servers in turn: what the machine does in the course of minutes is done to all."""
    plan, progress = stages[0].plan, stages[0].progress
    with ExitStack() as definitions:
        for stage in stages:
            definitions.enter_context(stage.target.defined([NAME], plan.max_workers))
        rounds = [[_run(stage) for stage in stages] for _ in range(options.runs)]
    against = " ".join(f"{name}={value}" for name, value in options.against)
    runs, *beside = zip(*rounds, strict=True)
    report = Report(version, plan, runs, beside[0] if beside else (), against)
    progress.print(report.as_json() if options.json else report.as_table())


def _run(stage: Stage) -> Run:
    idle = phases.idle(stage)
    load = phases.load(stage)
    return Run(idle, load, phases.drain(stage, load.pushes_per_s))


def _curve(stage: Stage, version: str, options: argparse.Namespace) -> None:
    """Measure point after point; each line of the table is printed when it is known."""
    curve = CURVES[options.curve]
    report = CurveReport(version, options.curve, stage.plan)
    for point in curve.measure(stage, options.points or curve.points):
        report.points.append(point)
        if not options.json:
            stage.progress.print(report.newest())
    if options.json:
        stage.progress.print(report.as_json())


def _idle(
    target: Target, version: str, process: Process, options: argparse.Namespace, progress: Progress
) -> None:
    if process.pid is None:
        raise BenchError("the server's process is not to be seen from here; name it with --pid")
    found = quiet(target, process.pid, queues=options.queues, seconds=options.seconds, progress=progress)
    if options.json:
        text = json.dumps({"server": version} | asdict(found), indent=2)
    else:
        text = (
            f"{version}: {found.queues} queues and nothing to do: "
            f"{found.processor_percent:.2f} % of a core over {found.seconds} s"
        )
    progress.print(text)


def _self_test(plan: Plan, options: argparse.Namespace, deadline: Deadline, progress: Progress) -> None:
    with started_worker("127.0.0.1", options.worker_delay_ms) as worker:
        rate = phases.alone(plan, worker, deadline, progress)
    if options.json:
        text = json.dumps({"generator_and_sink_per_s": round(rate, 1)})
    else:
        text = (
            f"generator and sink alone: {rate:.0f} jobs/s, {plan.batch} a request, "
            f"over {plan.connections} connections"
        )
    progress.print(text)
