"""What all command lines have: which server is measured, and how what is found is shown."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from benchmark.errors import BenchError
from benchmark.observed import Process
from benchmark.private import DRIVERS, NO_SETTINGS, Before, started_server
from benchmark.target import Place

DEFAULT_URL = "http://127.0.0.1:8080"


def parser(description: str, usage: str) -> argparse.ArgumentParser:
    """Return a command line with the options that all have."""
    made = argparse.ArgumentParser(prog="scripts/bench", usage=usage, description=description)
    add = made.add_argument
    add("--url", help=f"base URL of the server ({DEFAULT_URL})")
    add("--start", choices=DRIVERS, help="start a private trioworq on this store and measure that")
    add(
        "--set",
        type=setting,
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of that one",
    )
    add("--runs", type=whole(1, 100), default=1, help="runs; the table shows the medians (1)")
    add("--timeout", type=whole(1, 86_400), default=900, help="seconds for everything (900)")
    add("--pid", type=int, help="process whose memory is shown; found by its port on this machine")
    add("--allow-remote", action="store_true", help="allow a server that is not on this machine")
    add("--json", action="store_true", help="print JSON instead of a table")
    return made


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return what reads a whole number from `low` to `high`."""

    def whole_number(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text[:10]) <= high:
            raise argparse.ArgumentTypeError(f"should be a whole number from {low} to {high}")
        return int(text)

    return whole_number


def setting(text: str) -> tuple[str, str]:
    """Read an option of a private server, as in ``finished-ttl=0``."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError("should look like option=value")
    return name.removeprefix("--"), value


def check_server(options: argparse.Namespace) -> None:
    """Raise BenchError for options that contradict each other."""
    if options.start and options.url:
        raise BenchError("--start and --url exclude each other")
    if options.set and not options.start:
        raise BenchError("--set is for a server of our own, --start")


@contextmanager
def server(
    options: argparse.Namespace,
    settings: Mapping[str, str] = NO_SETTINGS,
    before: Before | None = None,
) -> Iterator[tuple[Place, Process]]:
    """Start the server that is measured, if it is a private one, and find its process.

    A private one has these settings, which override those of the command line; see `started_server` for
    `before`.
    """
    if options.start:
        with started_server(options.start, dict(options.set) | dict(settings), before) as url:
            yield _found(url, options)
    else:
        yield _found(options.url or DEFAULT_URL, options)


def _found(url: str, options: argparse.Namespace) -> tuple[Place, Process]:
    place = Place.of(url, allow_remote=options.allow_remote)
    return place, Process(options.pid) if options.pid else Process.listening(place.address[1])
