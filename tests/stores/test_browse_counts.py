"""Failed and finished jobs of all queues, counted at once, on every store."""

from tests.stores.failing import fail_pull, fail_push, failure_id_of
from tests.stores.nodes import NOW, Node, new_job, push_one
from tests.stores.workers import completion, enqueue_one, pull_job
from trioworq.core.jobs import Kind
from trioworq.core.load import QueueEnded
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed
from trioworq.stores.interface import Store

SUCCESS = Result(ResultStatus.SUCCESS, 200, "")


async def ended(store: Store) -> set[QueueEnded]:
    """Count; each queue is there once."""
    counts = await store.count_ended_by_queue()
    assert len({(count.kind, count.queue) for count in counts}) == len(counts)
    return set(counts)


async def finish(node: Node, queue: str) -> int:
    """Let a push job end well in a queue that is held; return its id."""
    await push_one(node.store, new_job(queue=queue))
    (job,) = await node.claim(queue=queue)
    await node.store.settle(Completed(job.id, job.attempt, job.finished(SUCCESS, NOW)))
    return job.id


async def finish_pull(store: Store, queue: str) -> None:
    """Let a pull job end well."""
    await enqueue_one(store, pull_job(queue=queue))
    await store.change(completion(queue=queue, finished_at_ms=NOW))


async def test_ended_jobs_are_counted_by_kind_and_queue(node: Node) -> None:
    """Queues with neither are not there; those of the same name are apart by their kind."""
    store = node.store
    assert await ended(store) == set()
    await node.hold("r", "unused")
    await push_one(store, new_job(queue="unused"))
    for queue in ("q", "q", "r"):
        await finish(node, queue)
    for queue in ("q", "q", "gone"):
        await fail_push(node, queue=queue, category=queue)
    await fail_pull(store, "a")
    await finish_pull(store, "q")
    await finish_pull(store, "only pull's \U0001f4a5")
    assert await ended(store) == {
        QueueEnded(kind=Kind.PUSH, queue="q", failed=2, finished=2),
        QueueEnded(kind=Kind.PUSH, queue="r", finished=1),
        QueueEnded(kind=Kind.PUSH, queue="gone", failed=1),
        QueueEnded(kind=Kind.PULL, queue="q", failed=1, finished=1),
        QueueEnded(kind=Kind.PULL, queue="only pull's \U0001f4a5", finished=1),
    }


async def test_queue_of_which_nothing_is_left_is_counted_no_more(node: Node) -> None:
    """Its failures were forgotten, and its history."""
    store = node.store
    failed, finished = await fail_push(node), await finish(node, "q")
    await store.forget_failures([await failure_id_of(store, failed)])
    assert await ended(store) == {QueueEnded(kind=Kind.PUSH, queue="q", finished=1)}
    await store.forget_finished([finished])
    assert await ended(store) == set()
