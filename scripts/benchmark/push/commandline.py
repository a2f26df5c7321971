"""The command line of ``scripts/bench push``."""

import argparse
from collections.abc import Callable, Sequence

from benchmark.errors import BenchError
from benchmark.options import check_server, parser, setting, whole
from benchmark.push.curves import CURVES
from benchmark.push.phases import Plan

LIMITS = {"jobs": 10_000_000, "connections": 10_000, "max_workers": 10_000, "payload_bytes": 16_000_000}
USAGE = "%(prog)s [push] [options], or %(prog)s pull --help"


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ends the program where it cannot be understood. Raises BenchError."""
    options = _parser().parse_args(arguments)
    check_server(options)
    if options.curve and CURVES[options.curve].leaves_jobs and not options.start:
        raise BenchError(f"--curve {options.curve} leaves jobs behind: it needs a server of its own, --start")
    if options.against and (not options.start or options.curve or options.idle or options.self_test):
        raise BenchError(
            "--against compares runs on two servers of our own: it needs --start, and no other kind"
        )
    return options


def plan(options: argparse.Namespace) -> Plan:
    """Return what was asked for."""
    return Plan(options.jobs, options.connections, options.max_workers, options.payload_bytes, options.batch)


def _parser() -> argparse.ArgumentParser:
    made = parser("Measures a Fireworq-compatible server over HTTP, pushes and deliveries.", USAGE)
    add = made.add_argument
    add("--jobs", type=_count("jobs"), default=20_000, help="jobs of a run (20000)")
    add("--batch", type=whole(1, 100_000), default=1, help="jobs of a push; more than 1 by POST /jobs (1)")
    add("--connections", type=_count("connections"), default=50, help="connections that push (50)")
    add("--max-workers", type=_count("max_workers"), default=50, help="jobs at the same time (50)")
    add("--payload-bytes", type=_count("payload_bytes"), default=200, help="bytes of a payload (200)")
    add("--worker-delay-ms", type=float, default=0, help="time that the worker takes for a job (0)")
    add(
        "--against",
        type=setting,
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="measure a second private server in turn, which has this option besides",
    )
    add("--curve", choices=CURVES, help="measure how the figures change as this grows, instead")
    add("--points", type=_points, help="points of the curve, with commas between")
    add("--self-test", action="store_true", help="measure what the generator and the sink can do alone")
    add("--idle", action="store_true", help="measure the processor time of a server with nothing to do")
    add("--queues", type=whole(0, 10_000), default=100, help="queues to define for --idle (100)")
    add("--seconds", type=whole(1, 3600), default=10, help="seconds to wait with --idle (10)")
    return made


def _count(name: str) -> Callable[[str], int]:
    return whole(1, LIMITS[name])


def _points(text: str) -> list[int]:
    return sorted(map(_count("jobs"), text.split(",")))
