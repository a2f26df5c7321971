"""What is remembered of jobs that ended well (README 22), of both kinds."""

import trio
from trio.testing import MockClock

from tests.dispatch.push_side import FAILURE, SUCCESS, answering, open_memory_store, open_push_side
from tests.pull.pull_side import open_pull_side
from trioworq.clock import Clock
from trioworq.core.jobs import FinishedJob


async def test_a_push_job_is_remembered_with_its_last_run(autojump_clock: MockClock) -> None:
    """What its worker said, when that attempt began, and when it ended."""
    clock = Clock()
    async with open_memory_store() as store:
        async with open_push_side(answering(FAILURE, SUCCESS, after_s=2), store=store, clock=clock) as side:
            pushed_at_ms = side.queues.now_ms()
            job_id = await side.push(payload=b"[1]", max_retries=1, retry_delay_s=10, priority=5)
            await side.wait_until_empty()
        found = await store.find_job(job_id)
    assert isinstance(found, FinishedJob)
    assert (found.result, found.fail_count, found.priority) == (SUCCESS, 1, 5)
    assert found.payload is not None
    assert found.payload.body == b"[1]"
    assert found.created_at_ms == pushed_at_ms
    assert found.started_at_ms is not None
    assert found.started_at_ms >= pushed_at_ms + 12_000
    assert found.ended_at_ms == found.started_at_ms + 2000


async def test_a_pull_job_is_remembered_when_its_worker_has_completed_it(autojump_clock: MockClock) -> None:
    """When it was last handed out, and when that was."""
    async with open_memory_store() as store, open_pull_side(store) as side:
        await side.enqueue("a")
        job = await side.fetch_one()
        await trio.sleep(3)
        await side.pull.complete("q", "a")
        found = await store.find_job(job.id)
        assert isinstance(found, FinishedJob)
        assert (found.key, found.started_at_ms) == ("a", side.after(-3))
        assert found.ended_at_ms == side.after(0)


async def test_without_a_history_nothing_is_remembered(autojump_clock: MockClock) -> None:
    """Of neither kind."""
    async with (
        open_memory_store() as store,
        open_push_side(answering(SUCCESS), store=store, is_remembered=False) as side,
        open_pull_side(store, is_remembered=False) as pull_side,
    ):
        pushed = await side.push()
        await side.wait_until_empty()
        await pull_side.enqueue("a")
        fetched = await pull_side.fetch_one()
        await pull_side.pull.complete("q", "a")
        assert [await store.find_job(job_id) for job_id in (pushed, fetched.id)] == [None, None]
        assert (await store.count_ended()).finished == 0
