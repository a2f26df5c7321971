"""What the store's tests of pull jobs are written with: jobs to enqueue, and workers that take them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import trio
from attrs import define, evolve, field

from tests.stores.nodes import NOW
from trioworq.core.pull import Completion, Heartbeat, NewPullJob, PullJob, Rescheduling, Return
from trioworq.stores.claims import Take
from trioworq.stores.interface import Store

T = TypeVar("T")

TIMEOUT_S = 30

A_PULL_JOB = NewPullJob(
    queue="q",
    key="k",
    payload=b'{"a": 1}',
    created_at_ms=NOW,
    run_at_ms=NOW,
    timeout_s=TIMEOUT_S,
    max_retries=2,
)


def pull_job(key: str = "k", **changes: Any) -> NewPullJob:
    """Return a job of this key that is due now in queue q, but for `changes`."""
    return evolve(A_PULL_JOB, key=key, **changes)


async def enqueue_one(store: Store, job: NewPullJob) -> int:
    """Store a job whose key is free; return its id."""
    (job_id,) = await store.enqueue([job])
    assert job_id is not None
    return job_id


async def enqueue_keys(store: Store, *keys: str, **changes: Any) -> list[int]:
    """Store a job a key; return their ids."""
    return [await enqueue_one(store, pull_job(key, **changes)) for key in keys]


@define(eq=False)
class _OnceTaker:
    request: Take | None
    jobs: list[PullJob] = field(factory=list)

    def ask(self) -> Take | None:
        request, self.request = self.request, None
        return request

    def take(self, jobs: Sequence[PullJob]) -> None:
        self.jobs += jobs


async def take(store: Store, limit: int = 100, *, queue: str = "q", now_ms: int = NOW) -> list[PullJob]:
    """Take jobs once."""
    taker = _OnceTaker(Take(queue, limit, now_ms))
    await store.take(taker)
    return taker.jobs


async def take_one(store: Store, *, now_ms: int = NOW) -> PullJob:
    """Take the one job that is due in queue q."""
    (job,) = await take(store, now_ms=now_ms)
    return job


async def found(store: Store, key: str = "k") -> PullJob:
    """Return a job of queue q that must be there."""
    job = await store.pull_job("q", key)
    assert job is not None
    return job


def heartbeat(key: str = "k", saved_state: bytes | None = None, **changes: Any) -> Heartbeat:
    """Keep the lease of a job of queue q."""
    return evolve(Heartbeat(queue="q", key=key, now_ms=NOW, saved_state=saved_state), **changes)


def completion(key: str = "k", **changes: Any) -> Completion:
    """End a job of queue q."""
    return evolve(Completion(queue="q", key=key), **changes)


def rescheduling(key: str = "k", **changes: Any) -> Rescheduling:
    """Have a job of queue q wait again, with nothing as it was."""
    changed = Rescheduling(
        queue="q", key=key, payload=b"[2]", saved_state=None, run_at_ms=NOW + 5, timeout_s=7, max_retries=4
    )
    return evolve(changed, **changes)


def lease_end(job: PullJob) -> int:
    """Return when the lease of a job that is handed out ends."""
    assert job.lease_ends_at_ms is not None
    return job.lease_ends_at_ms


def returning(job: PullJob) -> Return:
    """Have a job wait again whose worker never got it."""
    assert job.run is not None
    return Return(queue=job.queue, key=job.key, run=job.run)


async def in_order(*calls: Callable[[], Awaitable[T]]) -> list[T]:
    """Make calls one after the other without waiting for their outcomes; return those.

    A store that commits in batches has most of them in one.
    """
    begins = [trio.Event() for _ in range(len(calls) + 1)]
    outcomes: dict[int, T] = {}

    async def make(place: int) -> None:
        await begins[place].wait()
        begins[place + 1].set()
        outcomes[place] = await calls[place]()

    begins[0].set()
    async with trio.open_nursery() as callers:
        for place in range(len(calls)):
            callers.start_soon(make, place)
    return [outcomes[place] for place in range(len(calls))]
