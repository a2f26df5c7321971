"""The order of what is measured, and how the program ends."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from attrs import asdict

from benchmark import commandline, observed, phases
from benchmark.curves import CURVES
from benchmark.errors import BenchError, Deadline
from benchmark.figures import Run
from benchmark.phases import NAME, Plan, Stage
from benchmark.private import started_server
from benchmark.progress import Progress
from benchmark.quiet import quiet
from benchmark.report import CurveReport, Report
from benchmark.target import Place, Target
from benchmark.worker import started_worker


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; end with 1 and one line where that cannot be done, with 130 when interrupted."""
    progress = Progress()
    try:
        _measure(commandline.read(arguments), progress)
    except BenchError as error:
        progress.clear()
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        progress.clear()
        sys.exit(130)


def _measure(options: argparse.Namespace, progress: Progress) -> None:
    deadline = Deadline.after(options.timeout)
    plan = commandline.plan(options)
    if options.self_test:
        _self_test(plan, options, deadline, progress)
        return
    with ExitStack() as stack:
        url = stack.enter_context(started_server(options.start)) if options.start else options.url
        place = Place.of(url or commandline.DEFAULT_URL, allow_remote=options.allow_remote)
        pid = options.pid or observed.listening_process(place.address[1])
        target = stack.enter_context(Target(place, deadline))
        version = target.version()
        if options.idle:
            _idle(target, version, pid, options, progress)
            return
        worker = stack.enter_context(started_worker(place.own_host(), options.worker_delay_ms))
        stage = Stage(plan, target, worker, deadline, progress, pid)
        if options.curve:
            _curve(stage, version, options)
        else:
            _runs(stage, version, options)


def _runs(stage: Stage, version: str, options: argparse.Namespace) -> None:
    with stage.target.defined([NAME], stage.plan.max_workers):
        runs = [_run(stage) for _ in range(options.runs)]
    report = Report(version, stage.plan, runs)
    _print(report.as_json() if options.json else report.as_table(), stage.progress)


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
            _print(report.newest(), stage.progress)
    if options.json:
        _print(report.as_json(), stage.progress)


def _idle(
    target: Target, version: str, pid: int | None, options: argparse.Namespace, progress: Progress
) -> None:
    if pid is None:
        raise BenchError("the server's process is not to be seen from here; name it with --pid")
    found = quiet(target, pid, queues=options.queues, seconds=options.seconds, progress=progress)
    if options.json:
        text = json.dumps({"server": version} | asdict(found), indent=2)
    else:
        text = (
            f"{version}: {found.queues} queues and nothing to do: "
            f"{found.processor_percent:.2f} % of a core over {found.seconds} s"
        )
    _print(text, progress)


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
    _print(text, progress)


def _print(text: str, progress: Progress) -> None:
    progress.clear()
    print(text, flush=True)
