"""How the figures change with the number of jobs that one queue already holds.

The jobs come through the server's API, in batches where it takes them, and are left to it at the end: only
a private server is treated like that.
"""

import base64
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from attrs import define, evolve, field

from benchmark.figures import Flat, given, resident
from benchmark.push import figures, phases
from benchmark.push.phases import NAME, Stage, new_run

FAR_AHEAD_S = 10_000_000
FILL_BATCH = 500
FILL_CONNECTIONS = 8
ASKED = 20
PAGE = 100


def deferred(stage: Stage, depths: Sequence[int]) -> Iterator[Flat]:
    """So many deferred jobs lie in the queue that is measured."""
    backlog = _Backlog(stage, FAR_AHEAD_S)
    with stage.target.defined([NAME], stage.plan.max_workers):
        for depth in depths:
            filled = backlog.fill(depth)
            idle = phases.idle(stage)
            load = phases.load(stage)
            drain = phases.drain(stage, load.pushes_per_s)
            yield {
                "deferred": depth,
                "filled_per_s": filled,
                "pushes_per_s": load.pushes_per_s,
                "jobs_per_s": load.jobs_per_s,
                "drained_per_s": drain.jobs_per_s,
                "processor_us": given(load.processor_us),
                "start_p50_ms": idle.start.p50_ms,
                "start_p99_ms": idle.start.p99_ms,
                **_answers(stage, "deferred"),
                **resident(stage.process.memory()),
            }


def waiting(stage: Stage, depths: Sequence[int]) -> Iterator[Flat]:
    """So many jobs that are due wait in the queue that is measured, whose workers are all busy."""
    backlog = _Backlog(stage, 0)
    with stage.target.defined([NAME], stage.plan.max_workers), _held(stage):
        for depth in depths:
            count = max(1, min(stage.plan.jobs, depth // 2))
            filled = backlog.fill(depth - count)
            yield {
                "waiting": depth,
                "filled_per_s": filled,
                "pushes_per_s": backlog.push(count),
                **_answers(stage, "waiting"),
                "drained_per_s": backlog.drain(count),
                **resident(stage.process.memory()),
            }


@contextmanager
def _held(stage: Stage) -> Iterator[None]:
    """Keep the workers busy; at the end they are not, so that the server can stop."""
    stage.worker.hold()
    try:
        yield
    finally:
        stage.worker.release()


@define
class _Backlog:
    """The jobs that lie in the queue, all of one run of the sink."""

    stage: Stage
    run_after_s: int
    run: str = field(factory=new_run)
    pushed: int = 0
    delivered: int = 0

    def fill(self, depth: int) -> float:
        """Push until so many jobs are left; return jobs/s, or nothing (NaN) where there is no need to."""
        batch = FILL_BATCH if self.stage.target.takes_batches() else 1
        plan = evolve(self.stage.plan, batch=batch, connections=FILL_CONNECTIONS)
        return self._push(evolve(self.stage, plan=plan), depth - self.pushed + self.delivered)

    def push(self, count: int) -> float:
        """Push more, as the plan says; return jobs/s."""
        return self._push(self.stage, count)

    def _push(self, stage: Stage, count: int) -> float:
        if count <= 0:
            return math.nan
        generator = evolve(stage, plan=evolve(stage.plan, jobs=count)).pushing("pushed to wait", self.run)
        started_s = time.monotonic()
        generator.push(count, lambda: self.run_after_s, first=self.pushed)
        self.pushed += count
        return count / (time.monotonic() - started_s)

    def drain(self, count: int) -> float:
        """Let go of about so many jobs; return how many a second were delivered meanwhile."""
        worker = self.stage.worker
        before = worker.count(self.run)
        worker.release()
        self.stage.wait_for(self.run, min(self.pushed, before + count))
        worker.hold()
        # Those on their way when the sink was told come too.
        self.delivered = worker.count(self.run)
        return figures.delivery_rate(worker.deliveries(self.run)[before:])


def _answers(stage: Stage, jobs: str) -> Flat:
    """Return the median milliseconds that each question takes, the list of `jobs` being the long one."""
    paths = _questions(stage, jobs)
    return {
        f"{name}_ms": statistics.median(stage.target.answer_ms(path) for _ in range(ASKED))
        for name, path in paths.items()
    }


def _questions(stage: Stage, jobs: str) -> dict[str, str]:
    first, last = (stage.target.first_job(NAME, jobs, order) for order in ("asc", "desc"))
    long, page = f"/queue/{NAME}/{jobs}", f"limit={PAGE}&cursor={_middle(first, last)}"
    short = {"waiting": "deferred", "deferred": "waiting"}[jobs]
    return {
        "first": f"{long}?limit={PAGE}",
        "first_asc": f"{long}?limit={PAGE}&order=asc",
        "deep": f"{long}?{page}",
        "deep_asc": f"{long}?{page}&order=asc",
        "short": f"/queue/{NAME}/{short}?limit={PAGE}",
        "grabbed": f"/queue/{NAME}/grabbed?limit={PAGE}",
        "failed": f"/queue/{NAME}/failed?limit={PAGE}",
        "job": f"/queue/{NAME}/job/{first['id']}",
        "stats": f"/queue/{NAME}/stats",
    }


def _middle(first: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """Return the cursor of the place that is halfway in time between two jobs."""
    times = [datetime.fromisoformat(job["next_try"]).timestamp() for job in (first, last)]
    return base64.b64encode(b"%d,%d" % (sum(times) / 2 * 1000, first["id"])).decode()
