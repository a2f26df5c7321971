"""What follows an attempt, and that only the running attempt has a say, on every store."""

import pytest
from attrs import evolve

from tests.stores.nodes import A_FAILURE, NOW, Node, completed, failed, new_job, push_one, released, retried
from trioworq.core.jobs import Job, JobState
from trioworq.core.results import LAST_ERROR_CHARACTERS, Result, ResultStatus
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.stores.interface import FailureQuery


def each_settlement(job_id: int, attempt: int) -> list[Settlement]:
    return [
        Completed(job_id, attempt),
        Released(job_id, attempt),
        Retried(job_id, attempt, NOW, 2, 1, A_FAILURE),
        Failed(job_id, attempt, A_FAILURE, 1, NOW),
    ]


@pytest.fixture
async def running(node: Node) -> Job:
    """A job that is running."""
    await push_one(node.store, new_job())
    return await node.claim_one()


async def test_completed_job_is_gone(node: Node, running: Job) -> None:
    """A success removes the job and leaves no failure."""
    assert await node.store.settle(completed(running)) is True
    assert await node.store.job("q", running.id) is None
    assert (await node.store.failures(FailureQuery("q", 10))).items == []


async def test_retried_job_waits_until_its_next_try(node: Node, running: Job) -> None:
    """Its counts change as told, and everything else stays as it was (contract §1.13)."""
    assert await node.store.settle(retried(running, next_try_ms=NOW + 5000)) is True
    assert await node.store.job("q", running.id) == evolve(
        running, state=JobState.WAITING, next_try_ms=NOW + 5000, retries_left=2, fail_count=1
    )
    assert await node.claim(now_ms=NOW + 4999) == []
    again = await node.claim_one(now_ms=NOW + 5000)
    assert (again.id, again.attempt, again.max_retries) == (running.id, running.attempt + 1, 3)


async def test_released_job_waits_as_if_never_claimed(node: Node, running: Job) -> None:
    """Nothing is counted against it, and the next run is a new attempt (I4)."""
    assert await node.store.settle(released(running)) is True
    assert await node.store.job("q", running.id) == evolve(running, state=JobState.WAITING)
    again = await node.claim_one()
    assert again == evolve(running, attempt=running.attempt + 1)


async def test_failed_job_moves_to_the_failure_log(node: Node, running: Job) -> None:
    """The job is gone and the log has one entry that says everything about it (I11)."""
    result = Result(ResultStatus.INTERNAL_FAILURE, 0, 'Request failed: Post "http://worker/": EOF')
    assert await node.store.settle(failed(running, result)) is True
    assert await node.store.job("q", running.id) is None
    (entry,) = (await node.store.failures(FailureQuery("q", 10))).items
    assert (entry.job_id, entry.queue, entry.category, entry.url, entry.payload) == (
        running.id,
        "q",
        running.category,
        running.url,
        running.payload,
    )
    assert (entry.result, entry.fail_count) == (result, 1)
    assert (entry.created_at_ms, entry.failed_at_ms) == (running.created_at_ms, NOW + 1)


async def test_settlement_of_an_older_attempt_changes_nothing(node: Node, running: Job) -> None:
    """A run that was given back and started again elsewhere belongs to the new attempt alone (I3)."""
    await node.store.settle(released(running))
    again = await node.claim_one()
    for settlement in each_settlement(running.id, running.attempt):
        assert await node.store.settle(settlement) is False
    assert await node.store.job("q", again.id) == again
    assert (await node.store.failures(FailureQuery("q", 10))).items == []


async def test_settlement_of_an_attempt_to_come_changes_nothing(node: Node, running: Job) -> None:
    """Attempts are compared for being the same, not for being as new."""
    for settlement in each_settlement(running.id, running.attempt + 1):
        assert await node.store.settle(settlement) is False
    assert await node.store.job("q", running.id) == running


async def test_settlement_of_a_waiting_job_changes_nothing(node: Node, running: Job) -> None:
    """Once given back, the attempt is over, though its number is still the job's."""
    await node.store.settle(released(running))
    for settlement in each_settlement(running.id, running.attempt):
        assert await node.store.settle(settlement) is False
    assert await node.store.job("q", running.id) == evolve(running, state=JobState.WAITING)
    assert (await node.store.failures(FailureQuery("q", 10))).items == []


async def test_settlement_of_a_deleted_job_changes_nothing(node: Node, running: Job) -> None:
    """Delete is final: no failure entry, no job that comes back (I12)."""
    await node.store.delete_job("q", running.id)
    for settlement in each_settlement(running.id, running.attempt):
        assert await node.store.settle(settlement) is False
    assert await node.store.job("q", running.id) is None
    assert (await node.store.failures(FailureQuery("q", 10))).items == []


async def test_settlement_can_be_repeated(node: Node, running: Job) -> None:
    """The second time nothing happens: one failure entry, not two (I11)."""
    assert await node.store.settle(failed(running)) is True
    assert await node.store.settle(failed(running)) is False
    assert len((await node.store.failures(FailureQuery("q", 10))).items) == 1


async def test_settlement_leaves_other_jobs_alone(node: Node, running: Job) -> None:
    """Only the named job is touched, of those that run and those that wait."""
    await push_one(node.store, new_job())
    other = await node.claim_one()
    waiting = await push_one(node.store, new_job())
    before = await node.store.job("q", waiting)
    for settlement in (retried(running), completed(running), failed(running), released(running)):
        await node.store.settle(settlement)
    assert await node.store.job("q", other.id) == other
    assert await node.store.job("q", waiting) == before


async def test_last_error_of_a_job_that_is_tried_again_is_kept(node: Node, running: Job) -> None:
    """As long as the job is there: through its next attempt, until that has another."""
    store = node.store
    assert await store.last_error(running.id) is None
    await store.settle(retried(running))
    assert await store.last_error(running.id) == A_FAILURE
    again = await node.claim_one()
    assert await store.last_error(running.id) == A_FAILURE
    other = Result(ResultStatus.INTERNAL_FAILURE, 0, "é \x00 \U0001f4a5" + "x" * LAST_ERROR_CHARACTERS)
    await store.settle(evolve(retried(again), result=other))
    kept = evolve(other, message=other.message[:LAST_ERROR_CHARACTERS])
    assert await store.last_error(running.id) == kept
    await store.settle(completed(await node.claim_one()))
    assert await store.last_error(running.id) is None


@pytest.mark.parametrize("end", ["deleted", "failed"])
async def test_job_that_is_gone_takes_its_last_error_along(node: Node, running: Job, end: str) -> None:
    """One that has failed for good has a result of its own, and none when it waits again."""
    store = node.store
    await store.settle(retried(running))
    if end == "deleted":
        await store.delete_job("q", running.id)
    else:
        await store.settle(failed(await node.claim_one()))
        await store.retry_failures([await store.newest_failure_id()], NOW)
    assert await store.last_error(running.id) is None
