"""How many jobs there are, by what they do, on every store."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tests.stores.failing import fail_pull, fail_push
from tests.stores.nodes import NOW, Node, new_job, push_one
from tests.stores.workers import enqueue_keys, enqueue_one, pull_job, take
from trioworq.core.jobs import Job, JobState, Kind
from trioworq.core.load import EndedCount, JobCount
from trioworq.core.pull import PullJob
from trioworq.stores.claims import Push
from trioworq.stores.interface import Store

Key = tuple[Kind, str, str]


async def counted(store: Store, queue: str | None = None, *, now_ms: int = NOW) -> dict[Key, JobCount]:
    """Return the counts of a store, each of which must be there once."""
    counts = await store.count_jobs(now_ms, queue)
    by_key = {(count.kind, count.queue, count.category): count for count in counts}
    assert len(by_key) == len(counts)
    return by_key


async def test_an_empty_store_counts_nothing(store: Store) -> None:
    """There is no queue to count for; a name that nothing has is no mistake."""
    assert await store.count_jobs(NOW) == []
    assert await store.count_jobs(NOW, "q") == []
    assert await store.count_ended() == EndedCount(0, 0)
    assert await store.count_ended("q") == EndedCount(0, 0)


async def test_jobs_are_counted_by_what_they_do(node: Node) -> None:
    """One whose time has come waits, from that millisecond on; the oldest and the most urgent are shown."""
    store = node.store
    await push_one(store, new_job(next_try_ms=NOW - 2))
    await node.claim(1)
    await push_one(store, new_job(next_try_ms=NOW))
    await push_one(store, new_job(next_try_ms=NOW - 1, priority=200))
    await push_one(store, new_job(next_try_ms=NOW + 1, priority=-9))
    await push_one(store, new_job(next_try_ms=NOW + 9))
    count = JobCount(
        kind=Kind.PUSH,
        queue="q",
        category="c",
        deferred=2,
        waiting=2,
        running=1,
        oldest_due_ms=NOW - 1,
        priority=100,
    )
    assert await store.count_jobs(NOW) == [count]
    (later,) = await store.count_jobs(NOW + 1)
    assert (later.deferred, later.waiting, later.priority) == (1, 3, -9)


async def test_where_none_waits_nothing_is_the_oldest(node: Node) -> None:
    """Deferred and running jobs have no say in it."""
    store = node.store
    await push_one(store, new_job())
    await node.claim(1)
    await enqueue_one(store, pull_job(run_at_ms=NOW + 1))
    for count in await store.count_jobs(NOW):
        assert (count.waiting, count.oldest_due_ms, count.priority) == (0, None, None)


async def test_kinds_queues_and_categories_are_counted_apart(node: Node) -> None:
    """Names differ by a letter's case; a category in two queues is two counts."""
    store = node.store
    for queue, category in (("q", "c"), ("q", "d"), ("q", "C"), ("Q", "c"), ("q", "c"), ("p", "")):
        await push_one(store, new_job(queue=queue, category=category))
    await enqueue_keys(store, "a", "b", "c")
    await enqueue_one(store, pull_job(queue="p"))
    await take(store, 1)
    found = {key: (count.waiting, count.running) for key, count in (await counted(store)).items()}
    assert found == {
        (Kind.PUSH, "q", "c"): (2, 0),
        (Kind.PUSH, "q", "d"): (1, 0),
        (Kind.PUSH, "q", "C"): (1, 0),
        (Kind.PUSH, "Q", "c"): (1, 0),
        (Kind.PUSH, "p", ""): (1, 0),
        (Kind.PULL, "q", ""): (2, 1),
        (Kind.PULL, "p", ""): (1, 0),
    }


async def test_jobs_of_one_name_are_counted_by_themselves(node: Node) -> None:
    """Queues of both kinds have the name, and every count is what it is among all."""
    store = node.store
    for queue in ("q", "other", "it's"):
        for category in ("c", "d"):
            await push_one(store, new_job(queue=queue, category=category))
        await enqueue_one(store, pull_job(queue=queue))
    everything = await counted(store)
    for queue in ("q", "other", "it's", "Q", "%"):
        expected = {key: count for key, count in everything.items() if key[1] == queue}
        assert await counted(store, queue) == expected
        assert len(expected) in {0, 3}


async def test_failures_are_counted_by_the_name_of_their_queue(node: Node) -> None:
    """Of both kinds."""
    store = node.store
    await fail_push(node)
    await fail_push(node, queue="other")
    await fail_pull(store)
    assert await store.count_ended() == EndedCount(3, 0)
    assert await store.count_ended("q") == EndedCount(2, 0)
    assert await store.count_ended("other") == EndedCount(1, 0)
    assert await store.count_ended("Q") == EndedCount(0, 0)


async def test_counts_are_those_of_the_jobs_whatever_they_are(node: Node, chance: random.Random) -> None:
    """Hundreds of jobs at random, held against a count of each by itself."""
    store = node.store
    jobs = await _store_many(node, chance)
    for queue in (None, "q", "r"):
        for now_ms in (NOW - 3, NOW, NOW + 3):
            expected = count_plainly([job for job in jobs if queue in {None, job.queue}], now_ms)
            assert await counted(store, queue, now_ms=now_ms) == expected


async def _store_many(node: Node, chance: random.Random) -> list[Job | PullJob]:
    """Store jobs of both kinds, of which some run; return them."""
    store = node.store

    def some(time: str) -> dict[str, Any]:
        time_ms = NOW + chance.randint(-5, 5)
        return {"queue": chance.choice("qrs"), "priority": chance.randint(1, 9), time: time_ms}

    pushes = [Push(new_job(category=chance.choice("cde"), **some("next_try_ms"))) for _ in range(150)]
    pushed = await store.push(pushes)
    pulled = await store.enqueue([pull_job(str(number), **some("run_at_ms")) for number in range(150)])
    await node.hold("q", "r", "s")
    for queue in "qrs":
        await node.claim(chance.randint(1, 20), queue=queue)
        await take(store, chance.randint(1, 20), queue=queue)
    ids = [job.id for job in pushed if isinstance(job, Job)] + [job_id for job_id in pulled if job_id]
    found = [await store.find_job(job_id) for job_id in ids]
    return [job for job in found if isinstance(job, Job | PullJob)]


def count_plainly(jobs: Sequence[Job | PullJob], now_ms: int) -> dict[Key, JobCount]:
    """Count jobs in the slowest and plainest way."""
    groups: defaultdict[Key, list[Job | PullJob]] = defaultdict(list)
    for job in jobs:
        kind, category = (Kind.PUSH, job.category) if isinstance(job, Job) else (Kind.PULL, "")
        groups[kind, job.queue, category].append(job)
    return {key: _count_group(key, group, now_ms) for key, group in groups.items()}


def _count_group(key: Key, group: Sequence[Job | PullJob], now_ms: int) -> JobCount:
    kind, queue, category = key
    running = [job for job in group if job.state is JobState.RUNNING]
    due = [job for job in group if job not in running and due_ms(job) <= now_ms]
    return JobCount(
        kind=kind,
        queue=queue,
        category=category,
        deferred=len(group) - len(running) - len(due),
        waiting=len(due),
        running=len(running),
        oldest_due_ms=min(map(due_ms, due), default=None),
        priority=min((job.priority for job in due), default=None),
    )


def due_ms(job: Job | PullJob) -> int:
    return job.next_try_ms if isinstance(job, Job) else job.run_at_ms
