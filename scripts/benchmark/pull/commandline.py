"""The command line of ``scripts/bench pull``."""

import argparse
from collections.abc import Sequence

from benchmark.errors import BenchError
from benchmark.options import check_server, parser, whole
from benchmark.pull.phases import Plan

USAGE = "%(prog)s pull [options]"
MAX_JOBS = 10_000_000
# As many as a server gives at once.
MAX_FETCHED = 1000


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; ends the program where it cannot be understood. Raises BenchError."""
    options = _parser().parse_args(arguments)
    check_server(options)
    if options.future and not options.start:
        raise BenchError("--future leaves jobs behind: it needs servers of its own, --start")
    return options


def plan(options: argparse.Namespace) -> Plan:
    """Return what was asked for."""
    return Plan(
        jobs=options.jobs,
        batch=options.batch,
        connections=options.connections,
        workers=options.workers,
        num_jobs=options.num_jobs,
        payload_bytes=options.payload_bytes,
        future=options.future,
    )


def _parser() -> argparse.ArgumentParser:
    made = parser("Measures a server's pull jobs over HTTP: enqueued, fetched, completed.", USAGE)
    add = made.add_argument
    add("--jobs", type=whole(1, MAX_JOBS), default=20_000, help="jobs of a phase (20000)")
    add("--batch", type=whole(2, MAX_FETCHED), default=100, help="jobs of an enqueue/batch (100)")
    add("--connections", type=whole(1, 10_000), default=50, help="connections that enqueue (50)")
    add("--workers", type=whole(1, 10_000), default=50, help="workers, each with a connection (50)")
    add("--num-jobs", type=whole(1, MAX_FETCHED), default=50, help="jobs that are fetched at once (50)")
    add("--payload-bytes", type=whole(1, 16_000_000), default=200, help="bytes of a payload (200)")
    add("--future", type=whole(1, MAX_JOBS), default=0, help="compare with so many jobs of the future stored")
    add("--self-test", action="store_true", help="measure all but the server, whose place another takes")
    return made
