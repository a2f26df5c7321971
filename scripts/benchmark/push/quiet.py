"""What a server with many queues and nothing to do costs."""

import time

from attrs import frozen

from benchmark.observed import processor_s
from benchmark.progress import Progress
from benchmark.target import SETTLE_S, Target

STEP_S = 0.2


@frozen
class Quiet:
    """The share of one processor core, in percent, over some seconds with nothing to do."""

    queues: int
    seconds: float
    processor_percent: float


def quiet(target: Target, pid: int, *, queues: int, seconds: float, progress: Progress) -> Quiet:
    """Define queues, leave the server alone, and see what processor time it takes; then remove them."""
    names = [f"trioworq-bench-{number}" for number in range(queues)]
    try:
        for done, name in enumerate(names):
            target.define_queue(name, {"max_workers": 1})
            progress.show("queues defined", done, queues)
        time.sleep(SETTLE_S)
        return Quiet(queues, seconds, _measure(pid, seconds, progress))
    finally:
        target.remove(*(f"/queue/{name}" for name in names))


def _measure(pid: int, seconds: float, progress: Progress) -> float:
    used_s, started_s = processor_s(pid), time.monotonic()
    while (passed_s := time.monotonic() - started_s) < seconds:
        progress.show("seconds waited", int(passed_s), int(seconds))
        time.sleep(min(STEP_S, seconds - passed_s))
    return 100 * (processor_s(pid) - used_s) / (time.monotonic() - started_s)
