"""In which order the jobs of a queue start (README 9)."""

import trio
from trio.testing import MockClock

from tests.dispatch.push_side import SUCCESS, answering, open_push_side
from trioworq.core.jobs import Kind


async def test_jobs_start_by_their_own_priority_or_their_queues(autojump_clock: MockClock) -> None:
    """Lower first, of equal ones the older; a redefinition is for the jobs that come after it."""
    workers = answering(SUCCESS, after_s=0.1)
    async with open_push_side(workers) as side:
        await side.define("default", max_workers=1, priority=50)
        await side.pauses.pause(Kind.PUSH, "default")
        await side.push("http://w/queue")
        await side.push("http://w/usual", priority=100)
        await side.push("http://w/urgent", priority=-1)
        await side.push("http://w/queue-too", priority=50)
        await side.define("default", max_workers=1, priority=60)
        await side.push("http://w/later")
        await side.pauses.resume(Kind.PUSH, "default")
        await side.wait_until_empty()
    names = [call.url.removeprefix("http://w/") for call in workers.calls]
    assert names == ["urgent", "queue", "queue-too", "later", "usual"]


async def test_an_urgent_job_goes_before_those_that_wait(autojump_clock: MockClock) -> None:
    """It starts with the next free slot, however many are older."""
    workers = answering(SUCCESS, after_s=1)
    async with open_push_side(workers) as side:
        await side.define("default", max_workers=1)
        for number in range(5):
            await side.push(f"http://w/{number}")
        await trio.sleep(1.5)
        await side.push("http://w/urgent", priority=1)
        await side.wait_until_empty()
    urls = [call.url for call in workers.calls]
    assert urls[:4] == ["http://w/0", "http://w/1", "http://w/urgent", "http://w/2"]


async def test_a_claim_says_which_priority_is_usual_in_its_queue(autojump_clock: MockClock) -> None:
    """So that a store may look there first."""
    async with open_push_side(answering(SUCCESS)) as side:
        await side.define("q", priority=7)
        await trio.sleep(5)
        dispatcher = side.queues.definitions.running["q"]
        dispatcher.kick()
        claim = dispatcher.ask()
        assert claim is not None
        assert (claim.queue, claim.priority) == ("q", 7)
