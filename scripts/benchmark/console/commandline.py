"""The command line of ``scripts/bench console``."""

import argparse
from collections.abc import Sequence

from benchmark.console.phases import Plan
from benchmark.options import check_server, parser, whole

USAGE = "%(prog)s console [--url URL | --start STORE] [options]"


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ends the program where it cannot be understood. Raises BenchError."""
    options = _parser().parse_args(arguments)
    check_server(options)
    return options


def plan(options: argparse.Namespace) -> Plan:
    """Return what was asked for."""
    return Plan(
        queues=options.queues,
        pushes_per_s=options.pushes_per_s,
        seconds=options.seconds,
        payload_bytes=options.payload_bytes,
        browser=options.browser,
    )


def _parser() -> argparse.ArgumentParser:
    made = parser("Measures what an open console costs a server whose queues are all at work.", USAGE)
    add = made.add_argument
    add("--queues", type=whole(1, 10_000), default=100, help="queues that are at work (100)")
    add("--pushes-per-s", type=whole(1, 10_000), default=200, help="jobs a second, of all queues (200)")
    add("--seconds", type=whole(1, 3600), default=15, help="seconds with a console, and without (15)")
    add("--payload-bytes", type=whole(1, 16_000_000), default=200, help="bytes of a payload (200)")
    add("--browser", default="chromium", help="program that opens it too; none for an empty name (chromium)")
    return made
