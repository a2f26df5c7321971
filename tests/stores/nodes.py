"""What the store's tests are written with: a fixed time, jobs to push, and a node that owns queues."""

from collections.abc import Sequence
from typing import Any

from attrs import define, evolve, field

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Job, NewJob, Payload, PayloadForm
from trioworq.core.leases import Hold
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed, Failed, Released, Retried
from trioworq.stores.claims import Claim, Push
from trioworq.stores.interface import Store
from trioworq.stores.operations import PushJobs

NOW = 1_700_000_000_000
LEASE_MS = 10_000

A_JOB = NewJob(
    queue="q",
    category="c",
    url="http://worker/",
    payload=Payload(PayloadForm.JSON, b'{"a": 1}'),
    created_at_ms=NOW,
    next_try_ms=NOW,
    timeout_s=30,
    retry_delay_s=5,
    max_retries=3,
)
A_FAILURE = Result(ResultStatus.FAILURE, 500, "it broke")


def new_job(**changes: Any) -> NewJob:
    """Return a job that is due now in queue q, but for `changes`."""
    return evolve(A_JOB, **changes)


def storing(job: NewJob) -> PushJobs:
    """Return the operation that stores a job that waits its turn."""
    return PushJobs([Push(job)], [None])


async def push_one(store: Store, job: NewJob) -> int:
    """Store a job that waits its turn, and return its id. Raises InvalidRequest."""
    (stored,) = await store.push([Push(job)])
    if isinstance(stored, InvalidRequest):
        raise stored
    return stored.id


@define(eq=False)
class _OnceClaimant:
    """Makes one claim and keeps what it gets."""

    claim: Claim | None
    jobs: list[Job] = field(factory=list)

    def ask(self) -> Claim | None:
        claim, self.claim = self.claim, None
        return claim

    def take(self, jobs: Sequence[Job]) -> None:
        self.jobs += jobs


async def claim_once(store: Store, claim: Claim) -> list[Job]:
    """Make one claim and return its jobs."""
    claimant = _OnceClaimant(claim)
    await store.claim(claimant)
    return claimant.jobs


@define(eq=False)
class Starter:
    """Offers a slot under an epoch to the first `slots` jobs, and keeps what became of each."""

    epoch: int
    slots: int = 100
    begun: list[Job] = field(factory=list)
    withdrawn: int = 0

    def offer(self) -> "Starter | None":
        self.slots -= 1
        return self if self.slots >= 0 else None

    def begin(self, job: Job) -> None:
        self.begun.append(job)

    def withdraw(self) -> None:
        self.withdrawn += 1


@define
class Node:
    """One node that uses a store.

    `epochs` are those of the queues it holds, `recovered` what its last hold put back to waiting, and
    `surplus` how many queues it has then beyond its share.
    """

    store: Store
    node_id: str = "node-1"
    epochs: dict[str, int] = field(factory=dict)
    recovered: dict[str, int] = field(factory=dict)
    surplus: int = 0

    async def hold(self, *queues: str, now_ms: int = NOW, **more: Any) -> dict[str, int]:
        """Take or renew the leases of `queues`; return their epochs."""
        hold = Hold(self.node_id, f"{self.node_id}.test", queues, now_ms, LEASE_MS, **more)
        held = await self.store.hold(hold)
        self.recovered = {queue: tenure.recovered for queue, tenure in held.tenures.items()}
        self.surplus = held.surplus
        epochs = {queue: tenure.epoch for queue, tenure in held.tenures.items()}
        self.epochs.update(epochs)
        return epochs

    async def claim(self, limit: int = 100, *, queue: str = "q", now_ms: int = NOW) -> list[Job]:
        """Claim jobs under the epoch that this node was last given."""
        return await claim_once(self.store, Claim(queue, self.epochs[queue], limit, now_ms))

    async def claim_one(self, *, now_ms: int = NOW) -> Job:
        """Claim the one job that is due in queue q."""
        (job,) = await self.claim(now_ms=now_ms)
        return job


def completed(job: Job) -> Completed:
    """The attempt succeeded."""
    return Completed(job.id, job.attempt)


def released(job: Job) -> Released:
    """The attempt was cut off."""
    return Released(job.id, job.attempt)


def retried(job: Job, *, next_try_ms: int = NOW) -> Retried:
    """The attempt failed and another follows."""
    return Retried(job.id, job.attempt, next_try_ms, job.retries_left - 1, job.fail_count + 1, A_FAILURE)


def failed(job: Job, result: Result = A_FAILURE) -> Failed:
    """The attempt failed and was the last."""
    return Failed(job.id, job.attempt, result, job.fail_count + 1, NOW + 1)
