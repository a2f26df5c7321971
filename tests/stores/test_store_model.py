"""Long random histories against a plain model, and many tasks at once, on every store."""

import random
from collections.abc import Awaitable, Callable, Sequence

import pytest
import trio
import trio.testing
from attrs import define, field

from tests.stores.conftest import OpenStore
from tests.stores.failing import failure_id_of
from tests.stores.model import Model
from tests.stores.nodes import LEASE_MS, NOW, Node, completed, failed, new_job, push_one, released, retried
from trioworq.core.failures import FailureName, Requeued
from trioworq.core.jobs import Job
from trioworq.core.queues import QueueDefinition
from trioworq.core.retry import Settlement
from trioworq.stores.interface import FailureQuery, JobQuery, JobSet, Store, StoreUnavailable

QUEUES = ("a", "b")


@define
class History:
    """A random walk over a store's operations; each step is checked against the model."""

    store: Store
    chance: random.Random
    model: Model = field(factory=Model)
    now_ms: int = NOW
    owner: Node = field(init=False)
    taken: list[Job] = field(factory=list)  # claimed at some time, most of them long settled

    def __attrs_post_init__(self) -> None:
        self.owner = Node(self.store, "node-0")

    async def run(self, steps: int) -> None:
        for queue in QUEUES:
            await self.store.put_queue(QueueDefinition(queue, 200, 20))
        await self.owner.hold(*QUEUES, now_ms=self.now_ms)
        moves: Sequence[Callable[[], Awaitable[None]]]
        moves = (
            [self.push] * 5
            + [self.claim] * 4
            + [self.settle] * 6
            + [self.delete, self.look, self.wait, self.requeue]
        )
        for step in range(steps):
            move = self.chance.choice(moves)
            await move()
            if step % 40 == 39:
                await self.take_over()
        await self.compare()

    async def push(self) -> None:
        job = new_job(
            queue=self.chance.choice(QUEUES),
            priority=self.chance.choice([100, 100, 1, -5]),
            next_try_ms=self.now_ms + self.chance.choice([0, 0, 5, 500]),
        )
        self.model.push(await push_one(self.store, job), job)

    async def claim(self) -> None:
        queue, limit = self.chance.choice(QUEUES), self.chance.randrange(5)
        claimed = await self.owner.claim(limit, queue=queue, now_ms=self.now_ms)
        assert claimed == self.model.claim(queue, limit, self.now_ms)
        self.taken += claimed

    async def settle(self) -> None:
        if not self.taken:
            return
        job = self.chance.choice(self.taken[-8:])
        ways: list[Callable[[Job], Settlement]] = [
            completed,
            failed,
            released,
        ]
        if job.retries_left > 0:
            ways.append(lambda job: retried(job, next_try_ms=self.now_ms + 7))
        settlement = self.chance.choice(ways)(job)
        assert await self.store.settle(settlement) == self.model.settle(settlement)

    async def delete(self) -> None:
        queue, job_id = self.chance.choice(QUEUES), self.chance.randrange(1, 40)
        assert await self.store.delete_job(queue, job_id) == self.model.delete(queue, job_id)

    async def requeue(self) -> None:
        if not self.model.failed:
            return
        queue, job_id = self.chance.choice(self.model.failed)
        failure_id = await failure_id_of(self.store, job_id)
        outcomes = await self.store.retry_failures([failure_id], self.now_ms)
        assert outcomes == [Requeued(FailureName(job_id, queue))]
        self.model.requeue(job_id, self.now_ms)

    async def look(self) -> None:
        query = JobQuery(
            self.chance.choice(QUEUES),
            self.chance.choice(list(JobSet)),
            self.now_ms,
            self.chance.randrange(1, 9),
            ascending=self.chance.random() < 0.5,
        )
        assert (await self.store.jobs(query)).items == self.model.page(query)

    async def wait(self) -> None:
        self.now_ms += self.chance.choice([1, 3, 600])

    async def take_over(self) -> None:
        self.now_ms += LEASE_MS
        self.owner = Node(self.store, f"node-{self.now_ms}")
        assert set(await self.owner.hold(*QUEUES, now_ms=self.now_ms)) == set(QUEUES)
        for queue in QUEUES:
            self.model.release(queue)

    async def compare(self) -> None:
        listed = 0
        for queue in QUEUES:
            for jobs in JobSet:
                query = JobQuery(queue, jobs, self.now_ms, 1000, ascending=True)
                found = (await self.store.jobs(query)).items
                assert found == self.model.page(query)
                listed += len(found)
            entries = (await self.store.failures(FailureQuery(queue, 1000))).items
            expected = [job_id for name, job_id in self.model.failed if name == queue]
            assert [entry.job_id for entry in reversed(entries)] == expected
        counts = self.model.counts
        assert listed == counts["pushed"] - counts["completed"] - counts["failed"] - counts["deleted"]


async def test_store_does_what_the_model_does(store: Store, chance: random.Random) -> None:
    """Whatever the order of pushes, claims, settlements, retries, deletions, take-overs (I3, I10, I11)."""
    await History(store, chance).run(300)


async def test_concurrent_users_lose_and_duplicate_nothing(store: Store, chance: random.Random) -> None:
    """A hundred tasks at once: every job is ended by one of them and accounted for (I10)."""
    node = Node(store)
    await node.hold("q")
    pushed: set[int] = set()
    ended: list[int] = []
    deleted: set[int] = set()

    async def pusher() -> None:
        pushed.add(await push_one(store, new_job(priority=chance.randrange(3))))

    async def worker() -> None:
        for job in await node.claim(3):
            settlement = completed(job) if chance.random() < 0.5 else failed(job)
            if await store.settle(settlement):
                ended.append(job.id)

    async def deleter() -> None:
        (*_, job_id) = pushed or {0}
        if await store.delete_job("q", job_id) is not None:
            deleted.add(job_id)

    for _ in range(4):
        async with trio.open_nursery() as users:
            for _ in range(60):
                users.start_soon(pusher)
            for _ in range(30):
                users.start_soon(worker)
            for _ in range(10):
                users.start_soon(deleter)
    left = {job.id for job in (await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 1000))).items}
    assert len(pushed) == 240
    assert len(ended) == len(set(ended))
    assert sorted([*ended, *deleted, *left]) == sorted(pushed)
    assert (await store.jobs(JobQuery("q", JobSet.RUNNING, NOW, 1000))).items == []


async def test_concurrent_claims_never_share_a_job(node: Node) -> None:
    """Each job is handed to one claim only, however many ask at once (I3)."""
    pushed = [await push_one(node.store, new_job()) for _ in range(100)]
    claimed: list[int] = []

    async def claimer() -> None:
        claimed.extend(job.id for job in await node.claim(7))

    async with trio.open_nursery() as claimers:
        for _ in range(30):
            claimers.start_soon(claimer)
    assert sorted(claimed) == pushed


async def test_settlement_submitted_before_a_claim_is_applied_before_it(node: Node) -> None:
    """A job given back is there for the claim that follows at once, in the same batch or not."""
    store = node.store
    await push_one(store, new_job())
    job = await node.claim_one()
    again: list[Job] = []

    async def give_back() -> None:
        assert await store.settle(released(job))

    async def claim() -> None:
        again.extend(await node.claim())

    async with trio.open_nursery() as first:
        first.start_soon(give_back)
        await trio.testing.wait_all_tasks_blocked()
        first.start_soon(claim)
    assert [(found.id, found.attempt) for found in again] == [(job.id, job.attempt + 1)]


async def test_cancelled_callers_leave_nothing_half_done(node: Node) -> None:
    """Cancelled at any moment, each write is carried out whole or not at all, and the store goes on."""
    store = node.store
    pushed: list[int] = []
    settled: list[int] = []

    async def user() -> None:
        pushed.append(await push_one(store, new_job()))
        for job in await node.claim(2):
            settled.extend([job.id] if await store.settle(failed(job)) else [])

    for pause in range(20):
        async with trio.open_nursery() as users:
            for _ in range(3):
                users.start_soon(user)
            for _ in range(pause):
                await trio.lowlevel.checkpoint()
            users.cancel_scope.cancel()
    pushed.append(await push_one(store, new_job()))
    # Claims that were cut off have left running jobs; the next owner finds all of them waiting.
    await Node(store, "node-2").hold("q", now_ms=NOW + LEASE_MS)
    waiting = [job.id for job in (await store.jobs(JobQuery("q", JobSet.WAITING, NOW, 1000))).items]
    entries = [entry.job_id for entry in (await store.failures(FailureQuery("q", 1000))).items]
    assert set(pushed) <= {*waiting, *entries}
    assert set(settled) <= set(entries)
    assert len({*waiting, *entries}) == len(waiting) + len(entries)


async def test_cancelled_settlement_is_still_carried_out(open_durable: OpenStore) -> None:
    """What a worker did is on record even if its task is cut off and the store closed at once."""
    async with open_durable("node-1") as store:
        node = Node(store)
        await node.hold("q")
        await push_one(store, new_job())
        job = await node.claim_one()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as reporters:
                reporters.start_soon(store.settle, completed(job))
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
    async with open_durable("node-2") as store:
        assert await store.job("q", job.id) is None


async def test_closed_store_refuses_and_says_so(open_durable: OpenStore) -> None:
    """Nothing hangs and nothing is pretended after the end of the block."""
    async with open_durable("node-1") as store:
        pass
    with pytest.raises(StoreUnavailable):
        await push_one(store, new_job())
