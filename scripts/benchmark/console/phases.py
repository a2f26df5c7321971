"""What is measured: the server's processor time without a console, with its stream, with a browser."""

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from attrs import frozen

from benchmark.console.figures import Run, Watched
from benchmark.console.watching import browser, stream
from benchmark.errors import BenchError
from benchmark.manage.steady import Steady
from benchmark.observed import processor_s
from benchmark.progress import Progress

# A page that was opened has been drawn by then, and what it cost to make it does not count.
OPENED_S = 2.0
# The server goes on looking for a while after the last console has been closed.
CLOSED_S = 7.0


@frozen
class Plan:
    """What to do, as it was asked for on the command line; `browser` is empty for none."""

    queues: int
    pushes_per_s: int
    seconds: int
    payload_bytes: int
    browser: str


@frozen
class Stage:
    """Everything that the phases need."""

    plan: Plan
    steady: Steady
    pid: int
    progress: Progress


def check(stage: Stage) -> None:
    """Raise BenchError where there is no console, or no browser."""
    with stream(stage.steady.place, stage.steady.deadline):
        pass
    if stage.plan.browser and shutil.which(stage.plan.browser) is None:
        raise BenchError(f"there is no {stage.plan.browser}, see --browser")


def run(stage: Stage) -> Run:
    """Measure every phase once. Raises BenchError."""
    place, deadline = stage.steady.place, stage.steady.deadline
    unwatched = _measured(stage, "without a console", nullcontext)
    with stream(place, deadline) as reader:
        streamed = _measured(stage, "with its event stream", nullcontext)
    if reader.seen < stage.plan.seconds / 2:
        raise BenchError(f"the console showed new figures only {reader.seen} times")
    program = stage.plan.browser
    if not program:
        return Run(unwatched, streamed, None)
    browsed = _measured(stage, "in a browser", lambda: browser(program, place, deadline))
    return Run(unwatched, streamed, browsed)


def _measured(stage: Stage, what: str, watch: Callable[[], AbstractContextManager[None]]) -> Watched:
    shares: list[float] = []

    def act() -> None:
        with watch():
            time.sleep(OPENED_S)
            shares.append(_processor_percent(stage, what))

    pushed = stage.steady.while_doing(act)
    return Watched(shares[0], pushed.push)


def _processor_percent(stage: Stage, what: str) -> float:
    used_s, started_s = processor_s(stage.pid), time.monotonic()
    for second in range(stage.plan.seconds):
        stage.progress.show(f"seconds {what}", second, stage.plan.seconds)
        time.sleep(1)
    return 100 * (processor_s(stage.pid) - used_s) / (time.monotonic() - started_s)
