"""Runs the daemon with a clock that steps when SIGUSR2 comes: once there, and back with the next one.

    python -m tests.process.harness.skewed machine|database SECONDS [the daemon's options]

`machine`: the wall clock of this process. `database`: what the database tells this process. The clock is
anchored twice a second instead of once a minute, so that a test need not wait for it.
"""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from trioworq.cli import main
from trioworq.stores.mysql import reads

ANCHOR_INTERVAL_S = 0.5


def run(whose: str, step_s: float, arguments: Sequence[str]) -> None:
    """Run the daemon; SIGUSR2 steps the clock of `whose` forward by `step_s` seconds, or back again."""
    replace = pytest.MonkeyPatch().setattr
    replace("trioworq.daemon.ANCHOR_INTERVAL_S", ANCHOR_INTERVAL_S)
    ahead_s = _stepping(step_s)
    if whose == "machine":
        wall = time.time  # noqa: TID251  # the one that steps
        replace("time.time", lambda: wall() + ahead_s())
    else:
        replace("trioworq.stores.mysql.reads.read_clock_ms", _skewed(reads.read_clock_ms, ahead_s))
    main(list(arguments))


def _stepping(step_s: float) -> Callable[[], float]:
    """Return a function that says how far the clock is ahead now."""
    ahead_s = 0.0

    def step(_number: int, _frame: object) -> None:
        nonlocal ahead_s
        ahead_s = step_s - ahead_s

    signal.signal(signal.SIGUSR2, step)
    return lambda: ahead_s


def _skewed(read_clock_ms: Callable[..., Any], ahead_s: Callable[[], float]) -> Callable[..., Any]:
    async def read(*arguments: Any) -> int:
        return int(await read_clock_ms(*arguments) + ahead_s() * 1000)

    return read


if __name__ == "__main__":
    run(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
