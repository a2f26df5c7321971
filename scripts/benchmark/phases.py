"""What is measured, phase by phase."""

import math
import secrets
import time
from collections.abc import Callable

from attrs import frozen

from benchmark import figures
from benchmark.errors import BenchError, Deadline
from benchmark.figures import Drain, Idle, Load
from benchmark.generator import Generator, PushTemplate
from benchmark.progress import Progress
from benchmark.target import Target
from benchmark.worker import Worker

CATEGORY = "trioworq-bench"
IDLE_JOBS = 200
IDLE_PAUSE_S = 0.02


@frozen
class Plan:
    """What to do, as it was asked for on the command line."""

    jobs: int
    connections: int
    max_workers: int
    payload_bytes: int


@frozen
class Stage:
    """Everything that the phases need."""

    plan: Plan
    target: Target
    worker: Worker
    deadline: Deadline
    progress: Progress

    def generator(self, what: str, run: str, connections: int) -> Generator:
        """Return a generator whose jobs go to the sink as jobs of `run`."""
        place = self.target.place
        template = PushTemplate.make(place.host, CATEGORY, self.worker.url(run), self.plan.payload_bytes)
        return Generator(place.address, template, connections, self.deadline, self.shown(what))

    def shown(self, what: str) -> Callable[[int], None]:
        """Return what draws the progress of a phase."""
        return lambda done: self.progress.show(what, done, self.plan.jobs)

    def wait_for(self, run: str, count: int) -> None:
        """Return when all jobs of a run have come."""
        self.worker.wait_for(run, count, self.deadline, self.shown("delivered"))


def idle(stage: Stage) -> Idle:
    """Push a few jobs one after the other and see how soon each starts."""
    run, count = secrets.token_hex(8), min(IDLE_JOBS, stage.plan.jobs)

    def pause() -> int:
        time.sleep(IDLE_PAUSE_S)
        return 0

    push_ns = stage.generator("pushed, idle", run, 1).push(count, pause)
    stage.wait_for(run, count)
    starts_ns = figures.start_times(stage.worker.deliveries(run))
    stage.target.wait_until_empty(CATEGORY)
    return Idle(figures.spread(push_ns), figures.spread(starts_ns))


def load(stage: Stage) -> Load:
    """Push all jobs as fast as the connections allow; done when the server has none left."""
    run, count = secrets.token_hex(8), stage.plan.jobs
    generator = stage.generator("pushed", run, stage.plan.connections)
    started_s = time.monotonic()
    push_ns = generator.push(count)
    pushing_s = time.monotonic() - started_s
    stage.wait_for(run, count)
    stage.target.wait_until_empty(CATEGORY)
    whole_s = time.monotonic() - started_s
    deliveries = stage.worker.deliveries(run)
    return Load(
        pushes_per_s=count / pushing_s,
        jobs_per_s=count / whole_s,
        push=figures.spread(push_ns),
        start=figures.spread(figures.start_times(deliveries)),
        repeated=figures.repeated(deliveries),
    )


def drain(stage: Stage, expected_pushes_per_s: float) -> Drain:
    """Push jobs that all fall due in the same second, when pushing is over, and see how fast they go.

    Delays are the one way to a backlog that is the same for every server: a throttle or a stopped queue
    would be lifted by a change of the definition, and a Fireworq restarts its queues for that.
    """
    run, count = secrets.token_hex(8), stage.plan.jobs
    due_s = time.monotonic() + math.ceil(2 + 1.5 * count / expected_pushes_per_s)
    generator = stage.generator("pushed for later", run, stage.plan.connections)
    generator.push(count, lambda: max(1, math.ceil(due_s - time.monotonic())))
    if stage.worker.count(run):
        raise BenchError("the backlog fell due while it was being pushed; try again or with fewer --jobs")
    stage.wait_for(run, count)
    deliveries = stage.worker.deliveries(run)
    stage.target.wait_until_empty(CATEGORY)
    return Drain(figures.delivery_rate(deliveries), figures.repeated(deliveries))
