"""Jobs that have failed, for the store's tests."""

from typing import Any

from tests.stores.nodes import A_FAILURE, NOW, Node, new_job, push_one
from tests.stores.workers import enqueue_one, pull_job, take
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.core.jobs import INT64_MAX, FailedJob
from trioworq.core.results import Result
from trioworq.core.retry import Failed
from trioworq.stores.interface import Store


async def fail_push(
    node: Node,
    *,
    queue: str = "q",
    failed_at_ms: int = NOW + 1,
    result: Result = A_FAILURE,
    **changes: Any,
) -> int:
    """Let a push job fail at its first attempt, in a queue where no other is due; return its id."""
    job_id = await push_one(node.store, new_job(queue=queue, **changes))
    if queue not in node.epochs:
        await node.hold(queue)
    (job,) = await node.claim(queue=queue)
    await node.store.settle(Failed(job.id, job.attempt, result, job.fail_count + 1, failed_at_ms))
    return job_id


async def fail_pull(
    store: Store, key: str = "k", *, queue: str = "q", failed_at_ms: int = NOW + 1, **changes: Any
) -> int:
    """Let a pull job's only lease end, while no other job is due there or leased; return its id."""
    settings = {"max_retries": 0, "timeout_s": 0, **changes}
    job_id = await enqueue_one(store, pull_job(key, queue=queue, **settings))
    await take(store, queue=queue)
    (ended,) = await store.expire_leases(failed_at_ms, 10)
    assert ended.is_failed
    return job_id


async def failed_entry(store: Store, job_id: int) -> FailedJob:
    """Return the failure of a job that must be there."""
    (entry,) = await store.failed_jobs(FailureFilter(job_id=job_id), 0, 10)
    return entry


async def failure_id_of(store: Store, job_id: int) -> int:
    """Return the id of a job's failure."""
    (failure_id,) = await store.failure_ids(FailureFilter(job_id=job_id), 0, INT64_MAX, 10)
    return failure_id


async def failed_job_ids(store: Store, wanted: FailureFilter = EVERY_FAILURE) -> list[int]:
    """Return the ids of failed jobs in the order of their failures."""
    return [entry.job_id for entry in await store.failed_jobs(wanted, 0, 1000)]
