"""The command line of ``scripts/bench manage``."""

import argparse
from collections.abc import Sequence

from benchmark.errors import BenchError
from benchmark.manage.phases import Plan
from benchmark.options import check_server, parser, whole

USAGE = "%(prog)s manage --start STORE [options]"
MAX_JOBS = 10_000_000


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ends the program where it cannot be understood. Raises BenchError."""
    options = _parser().parse_args(arguments)
    check_server(options)
    if not options.start:
        raise BenchError("what is measured leaves jobs behind: it needs a server of its own, --start")
    return options


def plan(options: argparse.Namespace) -> Plan:
    """Return what was asked for."""
    return Plan(
        waiting=options.waiting,
        failed=options.failed,
        finished=options.finished,
        pushes_per_s=options.pushes_per_s,
        seconds=options.seconds,
        payload_bytes=options.payload_bytes,
    )


def _parser() -> argparse.ArgumentParser:
    made = parser("Measures what managing jobs costs, and what it does to pushes meanwhile.", USAGE)
    add = made.add_argument
    add("--waiting", type=whole(1, MAX_JOBS), default=1_000_000, help="jobs that wait (1000000)")
    add("--failed", type=whole(1, MAX_JOBS), default=100_000, help="jobs that have failed (100000)")
    add("--finished", type=whole(1, MAX_JOBS), default=100_000, help="finished jobs (100000)")
    add("--pushes-per-s", type=whole(1, 1_000), default=100, help="pushes a second meanwhile (100)")
    add("--seconds", type=whole(1, 3600), default=10, help="seconds that a question is asked (10)")
    add("--payload-bytes", type=whole(1, 16_000_000), default=200, help="bytes of a payload (200)")
    return made
