"""The command line, and the order of the phases."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from attrs import asdict

from benchmark import observed, phases
from benchmark.errors import BenchError, Deadline
from benchmark.figures import Run
from benchmark.generator import Generator, PushTemplate
from benchmark.phases import CATEGORY, Plan, Stage
from benchmark.private import DRIVERS, started_server
from benchmark.progress import Progress
from benchmark.quiet import quiet
from benchmark.report import Report
from benchmark.target import Place, Target
from benchmark.worker import started_worker

DEFAULT_URL = "http://127.0.0.1:8080"
LIMITS = {"jobs": 10_000_000, "connections": 10_000, "max_workers": 10_000, "payload_bytes": 16_000_000}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; end with 1 and one line where that cannot be done, with 130 when interrupted."""
    options = _parser().parse_args(arguments)
    progress = Progress()
    try:
        output = _measure(options, progress)
    except BenchError as error:
        progress.clear()
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        progress.clear()
        sys.exit(130)
    progress.clear()
    print(output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures a Fireworq-compatible server over HTTP."
    )
    add = parser.add_argument
    add("--url", help=f"base URL of the server ({DEFAULT_URL})")
    add("--start", choices=DRIVERS, help="start a private trioworq on this store and measure that")
    add("--jobs", type=_count("jobs"), default=20_000, help="jobs of a run (20000)")
    add("--connections", type=_count("connections"), default=50, help="connections that push (50)")
    add("--max-workers", type=_count("max_workers"), default=50, help="jobs at the same time (50)")
    add("--payload-bytes", type=_count("payload_bytes"), default=200, help="bytes of a payload (200)")
    add("--worker-delay-ms", type=float, default=0, help="time that the worker takes for a job (0)")
    add("--runs", type=_whole(1, 100), default=1, help="runs; the table shows the medians (1)")
    add("--timeout", type=_whole(1, 86_400), default=900, help="seconds for everything (900)")
    add("--pid", type=int, help="process whose memory is shown; found by its port on this machine")
    add("--allow-remote", action="store_true", help="allow a server that is not on this machine")
    add("--json", action="store_true", help="print JSON instead of a table")
    add("--self-test", action="store_true", help="measure what the generator and the sink can do alone")
    add("--idle", action="store_true", help="measure the processor time of a server with nothing to do")
    add("--queues", type=_whole(0, 10_000), default=100, help="queues to define for --idle (100)")
    add("--seconds", type=_whole(1, 3600), default=10, help="seconds to wait with --idle (10)")
    return parser


def _whole(low: int, high: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text[:10]) <= high:
            raise argparse.ArgumentTypeError(f"should be a whole number from {low} to {high}")
        return int(text)

    return whole_number


def _count(name: str) -> Callable[[str], int]:
    return _whole(1, LIMITS[name])


def _measure(options: argparse.Namespace, progress: Progress) -> str:
    deadline = Deadline.after(options.timeout)
    plan = Plan(options.jobs, options.connections, options.max_workers, options.payload_bytes)
    if options.self_test:
        return _self_test(plan, options, deadline, progress)
    if options.start and options.url:
        raise BenchError("--start and --url exclude each other")
    with ExitStack() as stack:
        url = stack.enter_context(started_server(options.start)) if options.start else options.url
        place = Place.of(url or DEFAULT_URL, allow_remote=options.allow_remote)
        pid = options.pid or observed.listening_process(place.address[1])
        target = stack.enter_context(Target(place, deadline))
        version = target.version()
        if options.idle:
            return _idle(target, version, pid, options, progress)
        worker = stack.enter_context(started_worker(place.own_host(), options.worker_delay_ms))
        runs = _runs(Stage(plan, target, worker, deadline, progress), options.runs, pid)
    report = Report(version, plan, runs)
    return report.as_json() if options.json else report.as_table()


def _runs(stage: Stage, count: int, pid: int | None) -> list[Run]:
    try:
        stage.target.define(CATEGORY, CATEGORY, {"max_workers": stage.plan.max_workers})
        return [_run(stage, pid) for _ in range(count)]
    finally:
        stage.target.remove(f"/routing/{CATEGORY}", f"/queue/{CATEGORY}")


def _run(stage: Stage, pid: int | None) -> Run:
    idle = phases.idle(stage)
    load = phases.load(stage)
    drain = phases.drain(stage, load.pushes_per_s)
    return Run(idle, load, drain, observed.memory(pid) if pid else None)


def _idle(
    target: Target, version: str, pid: int | None, options: argparse.Namespace, progress: Progress
) -> str:
    if pid is None:
        raise BenchError("the server's process is not to be seen from here; name it with --pid")
    found = quiet(target, pid, queues=options.queues, seconds=options.seconds, progress=progress)
    if options.json:
        return json.dumps({"server": version} | asdict(found), indent=2)
    return (
        f"{version}: {found.queues} queues and nothing to do: "
        f"{found.processor_percent:.2f} % of a core over {found.seconds} s"
    )


def _self_test(plan: Plan, options: argparse.Namespace, deadline: Deadline, progress: Progress) -> str:
    """Push to the sink, which answers anything at once: no server can be measured to be faster."""
    with started_worker("127.0.0.1", options.worker_delay_ms) as worker:
        template = PushTemplate.make("sink", CATEGORY, worker.url("none"), plan.payload_bytes)
        address = (worker.host, worker.port)
        show = partial(progress.show, "pushed to the sink", total=plan.jobs)
        started_s = time.monotonic()
        Generator(address, template, plan.connections, deadline, show).push(plan.jobs)
        rate = plan.jobs / (time.monotonic() - started_s)
    if options.json:
        return json.dumps({"generator_and_sink_per_s": round(rate, 1)})
    return f"generator and sink alone: {rate:.0f} requests/s over {plan.connections} connections"
