"""What is measured, phase by phase."""

import secrets
import time
from collections.abc import Callable

from attrs import frozen

from benchmark.crowd import Crowd
from benchmark.errors import Deadline
from benchmark.figures import spread
from benchmark.generator import Generator
from benchmark.observed import Process
from benchmark.progress import Progress
from benchmark.pull.figures import Enqueued, Fetched, Run, Waited
from benchmark.pull.requests import Asker, Enqueues
from benchmark.pull.waiting import Waits
from benchmark.pull.workers import Workers
from benchmark.target import Place

NAME = "trioworq-bench"
WAITED_JOBS = 200
FILL_BATCH = 500
FILL_CONNECTIONS = 8
# A database goes on with writing out what has been stored; it gets a second for so many jobs.
SETTLED_PER_S = 100_000


@frozen
class Plan:
    """What to do, as it was asked for on the command line."""

    jobs: int
    batch: int
    connections: int
    workers: int
    num_jobs: int
    payload_bytes: int
    future: int


@frozen
class Stage:
    """Everything that the phases need."""

    plan: Plan
    place: Place
    deadline: Deadline
    progress: Progress
    process: Process

    def asker(self) -> Asker:
        """Return what asks for jobs that have names of their own."""
        return Asker(self.place.host, NAME, secrets.token_hex(8), self.plan.payload_bytes)

    def generator(self, what: str, orders: Enqueues, connections: int, total: int) -> Generator:
        """Return what enqueues jobs; `total` is what progress ends at."""
        return Generator(self.place.address, orders, connections, self.deadline, self.shown(what, total))

    def shown(self, what: str, total: int) -> Callable[[int], None]:
        """Return what draws the progress of a phase."""
        return lambda done: self.progress.show(what, done, total)


def run(stage: Stage) -> Run:
    """Measure every phase once; the queue has no job that is due, before and after."""
    waited = _wait(stage)
    batch = _enqueue(stage, stage.plan.batch)
    one = _fetch(stage, 1)
    single = _enqueue(stage, 1)
    many = _fetch(stage, stage.plan.num_jobs)
    return Run(waited, batch, one, single, many)


def fill(stage: Stage) -> None:
    """Enqueue the jobs of the future, half of them in the queue that is measured, and let them settle."""
    count = stage.plan.future
    orders = stage.asker().future_enqueues(FILL_BATCH)
    stage.generator("enqueued for later", orders, FILL_CONNECTIONS, count).push(count)
    time.sleep(count / SETTLED_PER_S)


def _wait(stage: Stage) -> Waited:
    """Enqueue jobs one after the other for a worker that waits for each."""
    asker, count = stage.asker(), min(WAITED_JOBS, stage.plan.jobs)
    waits = Waits(Workers(asker), asker.enqueues(1))
    show = stage.shown("waited for", count)
    with Crowd(stage.place.address, stage.deadline, "a job that a worker waits for") as crowd:
        for number in range(count):
            show(number)
            waits.one(crowd, number)
    return Waited(spread(waits.start_ns), spread(waits.enqueue_ns), stage.process.memory())


def _enqueue(stage: Stage, batch: int) -> Enqueued:
    plan, used_s = stage.plan, stage.process.processor_s()
    orders = stage.asker().enqueues(batch)
    generator = stage.generator(f"enqueued by {batch}", orders, plan.connections, plan.jobs)
    started_s = time.monotonic()
    answers_ns = generator.push(plan.jobs)
    return Enqueued(
        jobs_per_s=plan.jobs / (time.monotonic() - started_s),
        answer=spread(answers_ns),
        processor_us=stage.process.processor_us(used_s, plan.jobs),
        memory=stage.process.memory(),
    )


def _fetch(stage: Stage, num_jobs: int) -> Fetched:
    """Fetch and complete the jobs that have just been enqueued."""
    plan, used_s = stage.plan, stage.process.processor_s()
    workers = Workers(stage.asker())
    show = stage.shown(f"fetched by {num_jobs}", plan.jobs)
    crowd = Crowd(
        stage.place.address, stage.deadline, "jobs to be completed", lambda: show(workers.completed)
    )
    started_s = time.monotonic()
    with crowd:
        crowd.run([workers.work(num_jobs, plan.jobs) for _ in range(plan.workers)])
    return Fetched(
        jobs_per_s=workers.completed / (time.monotonic() - started_s),
        next=spread(workers.next_ns),
        complete=spread(workers.complete_ns),
        repeated=workers.repeated,
        processor_us=stage.process.processor_us(used_s, workers.completed),
        memory=stage.process.memory(),
    )
