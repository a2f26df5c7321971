"""Long random histories of pull jobs against a plain model, and many workers at once, on every store."""

import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio
import trio.testing
from attrs import define, field

from tests.stores.conftest import OpenStore
from tests.stores.failing import failure_id_of
from tests.stores.nodes import NOW
from tests.stores.pull_model import PullModel
from tests.stores.workers import (
    completion,
    enqueue_keys,
    enqueue_one,
    found,
    heartbeat,
    in_order,
    pull_job,
    rescheduling,
    take,
)
from trioworq.core.failures import FailureName, Obstacle, Requeued
from trioworq.core.jobs import Kind
from trioworq.core.pull import PullChange, PullJob, Return, Run, TimedOut, Verdict
from trioworq.stores.interface import FailureQuery, Store

QUEUES = ("a", "b")
KEYS = "klmnop"


@define
class History:
    """A random walk over a store's operations; each step is checked against the model."""

    store: Store
    chance: random.Random
    model: PullModel = field(factory=PullModel)
    now_ms: int = NOW
    runs: list[Run] = field(factory=list)  # all that have ever been

    async def run(self, steps: int) -> None:
        moves: Sequence[Callable[[], Awaitable[None]]]
        moves = [self.enqueue] * 4 + [self.take] * 3 + [self.change] * 5 + [self.change_together] * 3
        moves = [*moves, self.expire, self.expire, self.give_back, self.look, self.wait, self.requeue]
        for _ in range(steps):
            await self.chance.choice(moves)()
        await self.compare()

    async def enqueue(self) -> None:
        jobs = [
            pull_job(
                self.chance.choice(KEYS),
                queue=self.chance.choice(QUEUES),
                priority=self.chance.choice([100, 100, 1, -5]),
                run_at_ms=self.now_ms + self.chance.choice([-9, 0, 0, 5, 500]),
                timeout_s=self.chance.choice([-1, 0, 1, 3]),
                max_retries=self.chance.choice([-1, 0, 1, 2]),
            )
            for _ in range(self.chance.choice([1, 1, 4]))
        ]
        for job_id, job in zip(await self.store.enqueue(jobs), jobs, strict=True):
            self.model.enqueue(job_id, job)

    async def take(self) -> None:
        queue, limit = self.chance.choice(QUEUES), self.chance.randrange(5)
        taken = await take(self.store, limit, queue=queue, now_ms=self.now_ms)
        assert taken == self.model.take(queue, limit, self.now_ms)
        self.runs += [job.run for job in taken if job.run is not None]

    async def change(self) -> None:
        change = self.any_change()
        assert await self.store.change(change) is self.model.change(change)

    async def change_together(self) -> None:
        """Several in one transaction, if the store has any."""
        changes = [self.any_change() for _ in range(self.chance.randrange(2, 9))]
        verdicts = await in_order(*(partial(self.store.change, change) for change in changes))
        assert verdicts == [self.model.change(change) for change in changes]

    def any_change(self) -> PullChange:
        queue, key = self.chance.choice(QUEUES), self.chance.choice(KEYS)
        job = self.model.jobs.get((queue, key))
        runs = [None, None, job and job.run, *self.runs[-2:]]
        name = {"queue": queue, "run": self.chance.choice(runs)}
        saved_state = self.chance.choice([None, b"1", b'{"s": 2}'])
        ways: list[Callable[[], PullChange]] = [
            lambda: heartbeat(key, saved_state, now_ms=self.now_ms, **name),
            lambda: completion(key, **name),
            lambda: rescheduling(
                key,
                saved_state=saved_state,
                run_at_ms=self.now_ms + self.chance.choice([-1, 0, 5]),
                max_retries=self.chance.choice([-1, 0, 3]),
                priority=self.chance.choice([None, 1, 100]),
                **name,
            ),
        ]
        return self.chance.choice(ways)()

    async def give_back(self) -> None:
        queue, key = self.chance.choice(QUEUES), self.chance.choice(KEYS)
        job = self.model.jobs.get((queue, key))
        run = (job and job.run) or Run(1, 1)
        returned = Return(queue=queue, key=key, run=run)
        assert await self.store.change(returned) is self.model.change(returned)

    async def expire(self) -> None:
        limit = self.chance.choice([1, 3, 100])
        self.model.expire(self.now_ms, limit, await self.store.expire_leases(self.now_ms, limit))

    async def requeue(self) -> None:
        if not self.model.failed_jobs:
            return
        job = self.chance.choice(list(self.model.failed_jobs.values()))
        (outcome,) = await self.store.retry_failures([await failure_id_of(self.store, job.id)], self.now_ms)
        obstacle = None if self.model.requeue(job.id, self.now_ms) else Obstacle.KEY_IS_TAKEN
        assert outcome == Requeued(FailureName(job.id, job.queue, job.key), obstacle)

    async def look(self) -> None:
        queue, key = self.chance.choice(QUEUES), self.chance.choice(KEYS)
        assert await self.store.pull_job(queue, key) == self.model.jobs.get((queue, key))

    async def wait(self) -> None:
        self.now_ms += self.chance.choice([1, 3, 600, 2000])

    async def compare(self) -> None:
        for queue in QUEUES:
            for key in KEYS:
                assert await self.store.pull_job(queue, key) == self.model.jobs.get((queue, key))
            entries = (await self.store.failures(FailureQuery(queue, 1000, kind=Kind.PULL))).items
            expected = [entry for entry in self.model.failed if entry[0] == queue]
            found = [(entry.queue, entry.job_id, entry.fail_count) for entry in entries]
            # Those that fail in one transaction do so in any order.
            assert sorted(found) == sorted(expected)
        await self.compare_outlook()
        counts = self.model.counts
        assert len(self.model.jobs) == counts["enqueued"] - counts["completed"] - counts["failed"]
        assert len(set(self.runs)) == len(self.runs)

    async def compare_outlook(self) -> None:
        outlook = await self.store.outlook(QUEUES)
        jobs = self.model.jobs.values()
        ends_ms = [job.lease_ends_at_ms for job in jobs if job.lease_ends_at_ms is not None]
        assert outlook.first_lease_end_ms == min(ends_ms, default=None)
        waiting = {queue: self.model.waiting(queue) for queue in QUEUES}
        firsts = {queue: min(job.run_at_ms for job in each) for queue, each in waiting.items() if each}
        assert outlook.first_tries_ms == firsts


async def test_store_does_what_the_model_does(store: Store, chance: random.Random) -> None:
    """Whatever the order of enqueues, takes, changes and leases that end (I3, I4, I9, I10, I11)."""
    await History(store, chance).run(400)


async def test_concurrent_workers_lose_and_duplicate_nothing(store: Store, chance: random.Random) -> None:
    """Clients, workers and those who end leases, all at once: every job is accounted for (I10)."""
    enqueued: dict[str, int] = {}
    completed: list[int] = []
    ended: list[TimedOut] = []
    runs: list[Run | None] = []

    async def client(key: str) -> None:
        enqueued[key] = await enqueue_one(store, pull_job(key, timeout_s=0, max_retries=1))

    async def worker() -> None:
        for job in await take(store, 3):
            runs.append(job.run)
            if chance.random() < 0.5 and await store.change(completion(job.key, run=job.run)) is Verdict.DONE:
                completed.append(job.id)

    async def reaper() -> None:
        ended.extend(await store.expire_leases(NOW + 1, 5))

    for turn in range(4):
        async with trio.open_nursery() as users:
            for number in range(60):
                users.start_soon(client, f"{turn}-{number}")
            for _ in range(30):
                users.start_soon(worker)
            for _ in range(10):
                users.start_soon(reaper)
    entries = (await store.failures(FailureQuery("q", 1000, kind=Kind.PULL))).items
    left = [job.id for key in enqueued if (job := await store.pull_job("q", key)) is not None]
    failed = [end.id for end in ended if end.is_failed]
    assert len(set(enqueued.values())) == 240
    assert len(set(runs)) == len(runs)
    assert sorted(entry.job_id for entry in entries) == sorted(failed)
    assert sorted([*completed, *failed, *left]) == sorted(enqueued.values())


async def test_concurrent_takes_never_share_a_job(store: Store) -> None:
    """Each job is handed to one of them only, however many ask at once (I3)."""
    ids = await enqueue_keys(store, *map(str, range(100)))
    taken: list[int] = []

    async def taker() -> None:
        taken.extend(job.id for job in await take(store, 7))

    async with trio.open_nursery() as takers:
        for _ in range(30):
            takers.start_soon(taker)
    assert sorted(taken) == ids


async def test_concurrent_enqueues_of_one_key_have_one_winner(store: Store) -> None:
    """The others hear that it is taken (contract pull §2.5)."""
    ids: list[int | None] = []

    async def client() -> None:
        ids.extend(await store.enqueue([pull_job()]))

    async with trio.open_nursery() as clients:
        for _ in range(20):
            clients.start_soon(client)
    winners = [job_id for job_id in ids if job_id is not None]
    assert (len(ids), len(winners)) == (20, 1)
    assert [job.id for job in await take(store)] == winners


async def test_take_finds_what_was_enqueued_before_it(store: Store) -> None:
    """In the same transaction or not."""
    taken: list[PullJob] = []

    async def taker() -> None:
        taken.extend(await take(store))

    async def client(key: str) -> None:
        await enqueue_one(store, pull_job(key))

    await in_order(*(partial(client, key) for key in "abc"), taker)
    assert [job.key for job in taken] == ["a", "b", "c"]


async def test_cancelled_callers_leave_nothing_half_done(store: Store) -> None:
    """Cancelled at any moment, each batch is stored whole or not at all, and the store goes on (I1)."""
    batches: list[set[str]] = []
    answered: set[str] = set()

    async def user(keys: set[str]) -> None:
        await store.enqueue([pull_job(key, timeout_s=0, max_retries=-1) for key in keys])
        answered.update(keys)
        await take(store, 2)

    for pause in range(20):
        async with trio.open_nursery() as users:
            for place in range(3):
                batches.append({f"{pause}-{place}-{number}" for number in range(3)})
                users.start_soon(user, batches[-1])
            for _ in range(pause):
                await trio.lowlevel.checkpoint()
            users.cancel_scope.cancel()
    await enqueue_one(store, pull_job("last"))
    # Takes that were cut off have left jobs in nobody's hands; their leases end.
    await store.expire_leases(NOW + 1, 1000)
    left = {job.key for job in await take(store, 1000)}
    assert answered <= left
    assert left == {"last"}.union(*(keys for keys in batches if keys & left))


async def test_cancelled_change_is_still_carried_out(open_durable: OpenStore) -> None:
    """What a worker did is on record even if it hangs up and the store is closed at once."""
    async with open_durable("node-1") as store:
        await enqueue_keys(store, "completed", "kept")
        await take(store)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as workers:
                workers.start_soon(store.change, completion("completed"))
                workers.start_soon(store.change, heartbeat("kept", b"1"))
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
    async with open_durable("node-2") as store:
        assert await store.pull_job("q", "completed") is None
        assert (await found(store, "kept")).saved_state == b"1"
