"""Long random histories of jobs that fail, are run again and looked for, against a plain model."""

import random
from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field

from tests.stores.failing import failed_job_ids
from tests.stores.nodes import A_FAILURE, NOW, Node, new_job, push_one
from tests.stores.workers import completion, enqueue_one, pull_job, take
from trioworq.core.failures import EVERY_FAILURE, FailureName, Obstacle, Requeued
from trioworq.core.jobs import FailedJob, FinishedJob, Job, JobState, Kind
from trioworq.core.load import EndedCount
from trioworq.core.pull import PullJob, Run, Verdict
from trioworq.core.queues import QueueDefinition
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed, Failed, Settlement
from trioworq.stores.interface import Store

DONE = Result(ResultStatus.SUCCESS, 200, "done")


@define
class Known:
    """A job as the model knows it; `place` is waiting, running, failed, finished or gone."""

    key: str | None
    place: str = "waiting"
    attempt: int = 0


@define
class Walk:
    """A random walk over what ends jobs and brings them back; each step is checked against the model."""

    store: Store
    chance: random.Random
    node: Node = field(init=False)
    jobs: dict[int, Known] = field(factory=dict)
    failures: list[int] = field(factory=list)  # job ids, in order
    is_defined: bool = True

    def __attrs_post_init__(self) -> None:
        self.node = Node(self.store)

    async def run(self, steps: int) -> None:
        await self.node.hold("q")
        await self.store.put_queue(QueueDefinition("q", 200, 20))
        moves: Sequence[Callable[[], Awaitable[None]]]
        moves = [self.push, self.claim, self.settle, self.settle, self.enqueue, self.take, self.complete]
        moves = [*moves, self.expire, self.retry, self.retry, self.forget, self.redefine]
        for _ in range(steps):
            await self.chance.choice(moves)()
            await self.look()

    def at(self, place: str, kind: Kind) -> list[int]:
        """Return the ids of the jobs of one kind at a place."""
        is_push = kind is Kind.PUSH
        return [
            job_id for job_id, job in self.jobs.items() if job.place == place and (job.key is None) == is_push
        ]

    def is_taken(self, key: str) -> bool:
        """Whether a job that has not ended has a key."""
        return any(job.key == key and job.place in {"waiting", "running"} for job in self.jobs.values())

    async def push(self) -> None:
        self.jobs[await push_one(self.store, new_job())] = Known(None)

    async def enqueue(self) -> None:
        key = self.chance.choice("abcd")
        if not self.is_taken(key):
            job_id = await enqueue_one(self.store, pull_job(key, max_retries=0, timeout_s=0))
            self.jobs[job_id] = Known(key)

    async def claim(self) -> None:
        self.start(await self.node.claim(3))

    async def take(self) -> None:
        self.start(await take(self.store, 2))

    def start(self, started: Sequence[Job | PullJob]) -> None:
        for job in started:
            known = self.jobs[job.id]
            assert known.place == "waiting"
            assert job.attempt == known.attempt + 1
            known.place, known.attempt = "running", job.attempt

    async def settle(self) -> None:
        """End a push job well or badly, by its present attempt or by one from before."""
        job_id, attempt, is_present = self.choose_run(Kind.PUSH)
        place = self.chance.choice(["failed", "failed", "finished"])
        finished = new_job().stored(job_id).finished(DONE, NOW)
        settlement: Settlement = Completed(job_id, attempt, finished)
        if place == "failed":
            settlement = Failed(job_id, attempt, A_FAILURE, 1, NOW)
        assert await self.store.settle(settlement) is is_present
        if is_present:
            self.end(job_id, place)

    async def complete(self) -> None:
        """End a pull job, by its present run or by one from before."""
        job_id, attempt, is_present = self.choose_run(Kind.PULL)
        job = self.jobs.get(job_id, Known("a"))
        change = completion(job.key or "", run=Run(job_id, attempt), finished_at_ms=NOW)
        assert (await self.store.change(change) is Verdict.DONE) == is_present
        if is_present:
            self.end(job_id, "finished")

    def choose_run(self, kind: Kind) -> tuple[int, int, bool]:
        """Return a job's id, an attempt, and whether that is the one which runs."""
        known = [job_id for job_id, job in self.jobs.items() if (job.key is None) == (kind is Kind.PUSH)]
        job_id = self.chance.choice(self.at("running", kind) or known or [10**9])
        job = self.jobs.get(job_id, Known(None, "gone"))
        attempt = job.attempt if self.chance.random() < 0.8 else self.chance.randrange(job.attempt + 1)
        return job_id, attempt, job.place == "running" and attempt == job.attempt

    def end(self, job_id: int, place: str) -> None:
        self.jobs[job_id].place = place
        if place == "failed":
            self.failures.append(job_id)

    async def expire(self) -> None:
        for ended in await self.store.expire_leases(NOW + 1, 1):
            assert self.jobs[ended.id].place == "running"
            self.end(ended.id, "failed")

    async def retry(self) -> None:
        entries = await self.store.failed_jobs(EVERY_FAILURE, 0, 1000)
        chosen = [entry for entry in entries if self.chance.random() < 0.4]
        expected: list[Requeued | None] = [self.requeue(entry.job_id) for entry in chosen]
        assert await self.store.retry_failures([entry.id for entry in chosen], NOW) == expected

    def requeue(self, job_id: int) -> Requeued:
        """Have a failed job wait again, if nothing is in its way."""
        job = self.jobs[job_id]
        obstacle = None
        if job.key is None:
            obstacle = None if self.is_defined else Obstacle.QUEUE_IS_GONE
        elif self.is_taken(job.key):
            obstacle = Obstacle.KEY_IS_TAKEN
        if obstacle is None:
            self.failures.remove(job_id)
            job.place = "waiting"
        return Requeued(FailureName(job_id, "q", job.key), obstacle)

    async def forget(self) -> None:
        for entry in (await self.store.failed_jobs(EVERY_FAILURE, 0, 1000))[:1]:
            name = FailureName(entry.job_id, "q", entry.key)
            assert await self.store.forget_failures([entry.id, entry.id + 10**6]) == [name, None]
            self.failures.remove(entry.job_id)
            self.jobs[entry.job_id].place = "gone"

    async def redefine(self) -> None:
        self.is_defined = not self.is_defined
        if self.is_defined:
            await self.store.put_queue(QueueDefinition("q", 200, 20))
        else:
            await self.store.delete_queue("q")

    async def look(self) -> None:
        """Compare a job, and the counts of all."""
        job_id = self.chance.choice([*self.jobs, 10**9])
        assert place_of(await self.store.find_job(job_id)) == self.jobs.get(job_id, Known(None, "gone")).place
        assert await failed_job_ids(self.store) == self.failures
        counts = {count.kind: (count.waiting, count.running) for count in await self.store.count_jobs(NOW)}
        for kind in Kind:
            expected = (len(self.at("waiting", kind)), len(self.at("running", kind)))
            assert counts.get(kind, (0, 0)) == expected
        finished = sum(job.place == "finished" for job in self.jobs.values())
        assert await self.store.count_ended() == EndedCount(len(self.failures), finished)


def place_of(job: Job | PullJob | FailedJob | FinishedJob | None) -> str:
    """Name where a job was found."""
    match job:
        case None:
            return "gone"
        case FailedJob():
            return "failed"
        case FinishedJob():
            return "finished"
        case _:
            return "running" if job.state is JobState.RUNNING else "waiting"


async def test_store_keeps_track_of_jobs_as_the_model_does(store: Store, chance: random.Random) -> None:
    """Each job is at one place at a time, under its id, and an old run never ends a new one (I3, I11)."""
    await Walk(store, chance).run(150)
