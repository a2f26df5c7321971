"""The command line of ``scripts/bench load``."""

import argparse
from collections.abc import Sequence

from benchmark.errors import BenchError
from benchmark.load.phases import Plan
from benchmark.options import check_server, parser, whole

USAGE = "%(prog)s load --start STORE [options]"
IN_MEMORY = "in-memory"


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ends the program where it cannot be understood. Raises BenchError."""
    options = _parser().parse_args(arguments)
    check_server(options)
    if options.start in (None, IN_MEMORY):
        raise BenchError(
            "a past is written before the server starts: it needs one of its own, --start sqlite|mysql"
        )
    return options


def plan(options: argparse.Namespace) -> Plan:
    """Return what was asked for."""
    return Plan(days=options.days, interval_s=options.interval, types=options.types, seconds=options.seconds)


def _parser() -> argparse.ArgumentParser:
    made = parser("Measures how long /v6/load/ takes to answer.", USAGE)
    add = made.add_argument
    add("--days", type=whole(1, 31), default=7, help="days of samples (7)")
    add("--interval", type=whole(1, 86_400), default=60, help="seconds from one to the next (60)")
    add("--types", type=whole(2, 1_000), default=100, help="job types in each (100)")
    add("--seconds", type=whole(1, 3600), default=5, help="seconds that a question is asked (5)")
    return made
