"""The command line."""

import argparse
from collections.abc import Callable, Sequence

from benchmark.curves import CURVES
from benchmark.errors import BenchError
from benchmark.phases import Plan
from benchmark.private import DRIVERS

DEFAULT_URL = "http://127.0.0.1:8080"
LIMITS = {"jobs": 10_000_000, "connections": 10_000, "max_workers": 10_000, "payload_bytes": 16_000_000}


def read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; ends the program where it cannot be understood. Raises BenchError."""
    options = _parser().parse_args(arguments)
    if options.start and options.url:
        raise BenchError("--start and --url exclude each other")
    if options.curve and CURVES[options.curve].leaves_jobs and not options.start:
        raise BenchError(f"--curve {options.curve} leaves jobs behind: it needs a server of its own, --start")
    return options


def plan(options: argparse.Namespace) -> Plan:
    """Return what was asked for."""
    return Plan(options.jobs, options.connections, options.max_workers, options.payload_bytes, options.batch)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures a Fireworq-compatible server over HTTP."
    )
    add = parser.add_argument
    add("--url", help=f"base URL of the server ({DEFAULT_URL})")
    add("--start", choices=DRIVERS, help="start a private trioworq on this store and measure that")
    add("--jobs", type=_count("jobs"), default=20_000, help="jobs of a run (20000)")
    add("--batch", type=_whole(1, 100_000), default=1, help="jobs of a push; more than 1 by POST /jobs (1)")
    add("--connections", type=_count("connections"), default=50, help="connections that push (50)")
    add("--max-workers", type=_count("max_workers"), default=50, help="jobs at the same time (50)")
    add("--payload-bytes", type=_count("payload_bytes"), default=200, help="bytes of a payload (200)")
    add("--worker-delay-ms", type=float, default=0, help="time that the worker takes for a job (0)")
    add("--runs", type=_whole(1, 100), default=1, help="runs; the table shows the medians (1)")
    add("--curve", choices=CURVES, help="measure how the figures change as this grows, instead")
    add("--points", type=_points, help="points of the curve, with commas between")
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


def _points(text: str) -> list[int]:
    return sorted(map(_count("jobs"), text.split(",")))
