"""What is measured, phase by phase."""

import math
import secrets
import time
from collections.abc import Callable, Sequence

from attrs import frozen

from benchmark.errors import BenchError, Deadline
from benchmark.figures import spread
from benchmark.generator import Generator
from benchmark.observed import Process
from benchmark.progress import Progress
from benchmark.push import figures
from benchmark.push.figures import Drain, Idle, Load
from benchmark.push.pushes import pushes
from benchmark.push.worker import Worker
from benchmark.target import Target

NAME = "trioworq-bench"
IDLE_JOBS = 200
IDLE_PAUSE_S = 0.02


@frozen
class Plan:
    """What to do, as it was asked for on the command line."""

    jobs: int
    connections: int
    max_workers: int
    payload_bytes: int
    batch: int


@frozen
class Stage:
    """Everything that the phases need. Each of the queues takes the category of its own name."""

    plan: Plan
    target: Target
    worker: Worker
    deadline: Deadline
    progress: Progress
    process: Process
    queues: Sequence[str] = (NAME,)

    def generator(self, what: str, run: str, *, total: int, connections: int, batch: int) -> Generator:
        """Return a generator whose jobs go to the sink as jobs of `run`; `total` is what progress ends at."""
        place = self.target.place
        requests = pushes(place.host, self.queues, self.worker.url(run), self.plan.payload_bytes, batch)
        return Generator(place.address, requests, connections, self.deadline, self.shown(what, total))

    def pushing(self, what: str, run: str) -> Generator:
        """Return the generator that the plan asks for."""
        plan = self.plan
        return self.generator(what, run, total=plan.jobs, connections=plan.connections, batch=plan.batch)

    def shown(self, what: str, total: int) -> Callable[[int], None]:
        """Return what draws the progress of a phase."""
        return lambda done: self.progress.show(what, done, total)

    def wait_for(self, run: str, count: int) -> None:
        """Return when all jobs of a run have come."""
        self.worker.wait_for(run, count, self.deadline, self.shown("delivered", count))

    def wait_until_empty(self) -> None:
        """Return when no job of the queues is due or running."""
        for queue in self.queues:
            self.target.wait_until_empty(queue)


def new_run() -> str:
    """Return a name by which the sink tells the jobs of a phase from all others."""
    return secrets.token_hex(8)


def idle(stage: Stage) -> Idle:
    """Push a few jobs one after the other and see how soon each starts."""
    run, count = new_run(), min(IDLE_JOBS, stage.plan.jobs)

    def pause() -> int:
        time.sleep(IDLE_PAUSE_S)
        return 0

    generator = stage.generator("pushed, idle", run, total=count, connections=1, batch=1)
    push_ns = generator.push(count, pause)
    stage.wait_for(run, count)
    starts_ns = figures.start_times(stage.worker.deliveries(run))
    stage.wait_until_empty()
    return Idle(spread(push_ns), spread(starts_ns), stage.process.memory())


def load(stage: Stage) -> Load:
    """Push all jobs as fast as the connections allow; done when the server has none left."""
    run, count = new_run(), stage.plan.jobs
    started_s, used_s = time.monotonic(), stage.process.processor_s()
    push_ns = stage.pushing("pushed", run).push(count)
    pushing_s = time.monotonic() - started_s
    stage.wait_for(run, count)
    stage.wait_until_empty()
    whole_s = time.monotonic() - started_s
    deliveries = stage.worker.deliveries(run)
    return Load(
        pushes_per_s=count / pushing_s,
        jobs_per_s=count / whole_s,
        push=spread(push_ns),
        start=spread(figures.start_times(deliveries)),
        repeated=figures.repeated(deliveries),
        processor_us=stage.process.processor_us(used_s, count),
        memory=stage.process.memory(),
    )


def drain(stage: Stage, expected_pushes_per_s: float) -> Drain:
    """Push jobs that all fall due in the same second, when pushing is over, and see how fast they go.

    Delays are the one way to a backlog that is the same for every server: a throttle or a stopped queue
    would be lifted by a change of the definition, and a Fireworq restarts its queues for that.
    """
    run, count = new_run(), stage.plan.jobs
    started_s = time.monotonic()
    used_s = stage.process.processor_s()
    due_s = started_s + math.ceil(2 + 1.5 * count / expected_pushes_per_s)
    stage.pushing("pushed for later", run).push(count, lambda: max(1, math.ceil(due_s - time.monotonic())))
    pushing_s = time.monotonic() - started_s
    if stage.worker.count(run):
        raise BenchError("the backlog fell due while it was being pushed; try again or with fewer --jobs")
    stage.wait_for(run, count)
    deliveries = stage.worker.deliveries(run)
    stage.wait_until_empty()
    return Drain(
        pushes_per_s=count / pushing_s,
        jobs_per_s=figures.delivery_rate(deliveries),
        repeated=figures.repeated(deliveries),
        processor_us=stage.process.processor_us(used_s, count),
        memory=stage.process.memory(),
    )


def alone(plan: Plan, worker: Worker, deadline: Deadline, progress: Progress) -> float:
    """Push to the sink itself, which answers anything at once; return jobs/s.

    No server can be measured to be faster than that.
    """

    def show(done: int) -> None:
        progress.show("pushed to the sink", done, plan.jobs)

    requests = pushes("sink", [NAME], worker.url("none"), plan.payload_bytes, plan.batch)
    generator = Generator((worker.host, worker.port), requests, plan.connections, deadline, show)
    started_s = time.monotonic()
    generator.push(plan.jobs)
    return plan.jobs / (time.monotonic() - started_s)
