"""How a worker keeps the leases of its jobs, and what it does when it loses one."""

import threading
from typing import Any

import pytest
import trio

from tests.client.asking import ONCE
from tests.client.fake_queue import AWAY, GONE, STALE, FakeQueue, until
from tests.client.handlers import Gated, running
from tests.client.scripted_server import Reply
from trioworq.client import AsyncClient, LeaseLost, Run, Worker


async def test_a_lease_is_renewed_while_its_job_is_handled(queue: FakeQueue, client: AsyncClient) -> None:
    """Beyond its timeout, by the job's run and without touching its state; not once it is completed."""
    handler = Gated()
    queue.put("a", timeout=1)
    async with running(Worker(client, "q", handler)):
        await until(lambda: len(queue.verbs("heartbeat")) >= 6)
        handler.gate.set()
        await until(queue.completed)
        beats = queue.verbs("heartbeat")
        await trio.sleep(0.5)
        assert queue.verbs("heartbeat") == beats
    assert handler.ended == ["a"]
    assert {(asked.query["run_id"], asked.body) for asked in beats} == {("a-1", b"")}


@pytest.mark.parametrize("reply", [STALE, GONE])
async def test_a_lost_lease_cancels_its_handler(
    queue: FakeQueue, client: AsyncClient, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    """The job is in other hands or gone, so nothing more is said of it; other jobs go on."""
    handler = Gated()
    queue.replies["heartbeat"] = reply
    queue.put("a", timeout=1)
    queue.put("b", timeout=60)
    async with running(Worker(client, "q", handler)):
        await until(lambda: handler.cancelled)
        handler.gate.set()
    assert (handler.cancelled, handler.ended, queue.completed()) == (["a"], ["b"], ["b"])
    assert len(queue.verbs("heartbeat")) == 1
    assert f"job 'a' of queue 'q' was cut off: {reply.body.decode()}" in caplog.text


@pytest.mark.parametrize("reply", [AWAY, Reply(500, b"fault"), Reply(401, b"no")])
async def test_a_lease_that_could_not_be_renewed_ends_by_the_workers_clock(
    queue: FakeQueue, client: AsyncClient, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    """Not before, as another heartbeat might have got through."""
    handler = Gated()
    queue.replies["heartbeat"] = reply
    queue.put("a", timeout=1)
    async with running(Worker(client, "q", handler)):
        await until(lambda: handler.started)
        began_at = trio.current_time()
        await until(lambda: handler.cancelled)
        assert trio.current_time() - began_at > 0.9
    assert not queue.completed()
    assert "no heartbeat got through" in caplog.text


async def test_a_heartbeat_that_fails_is_made_up_for(queue: FakeQueue) -> None:
    """A daemon that comes back in time finds the job in the same hands."""
    handler = Gated()
    queue.replies["heartbeat"] = AWAY
    queue.put("a", timeout=3)
    async with AsyncClient(queue.url, retry=ONCE) as client, running(Worker(client, "q", handler)):
        await until(lambda: len(queue.verbs("heartbeat")) >= 2)
        del queue.replies["heartbeat"]
        beats = len(queue.verbs("heartbeat"))
        await until(lambda: len(queue.verbs("heartbeat")) >= beats + 3)
        handler.gate.set()
    assert queue.completed() == ["a"]


async def test_a_heartbeat_without_an_answer_does_not_use_up_the_lease(
    queue: FakeQueue, client: AsyncClient
) -> None:
    """It is given up for the next one, although the client would wait longer."""
    gate = threading.Event()
    handler = Gated()
    queue.replies["heartbeat"] = Reply(202, gate=gate)
    queue.put("a", timeout=3)
    async with running(Worker(client, "q", handler)):
        await until(lambda: queue.verbs("heartbeat"))
        del queue.replies["heartbeat"]
        await until(lambda: len(queue.verbs("heartbeat")) >= 4)
        handler.gate.set()
    gate.set()
    assert queue.completed() == ["a"]


async def test_a_handler_saves_its_state(queue: FakeQueue, client: AsyncClient) -> None:
    """With a heartbeat, and finds what an earlier try has saved."""
    found: list[Any] = []

    async def handle(run: Run) -> None:
        found.append(run.job.state)
        await run.save({"done": 1})

    queue.put("a", state={"done": 0})
    async with running(Worker(client, "q", handle)):
        await until(queue.completed)
    assert found == [{"done": 0}]
    assert [asked.value for asked in queue.verbs("heartbeat")] == [{"done": 1}]


async def test_a_state_that_comes_too_late_cancels_the_handler(queue: FakeQueue, client: AsyncClient) -> None:
    """Even one that takes no notice of the error."""
    noticed: list[Exception] = []

    async def handle(run: Run) -> None:
        try:
            await run.save({"done": 1})
        except LeaseLost as error:
            noticed.append(error)
        await trio.sleep_forever()

    queue.replies["heartbeat"] = STALE
    queue.put("a")
    async with running(Worker(client, "q", handle)):
        await until(lambda: noticed)
    assert not queue.completed()


async def test_a_plain_function_is_run_in_a_thread(queue: FakeQueue, client: AsyncClient) -> None:
    """Its lease is renewed meanwhile, and it saves its state from there."""
    gate = threading.Event()
    threads: list[threading.Thread] = []

    def handle(run: Run) -> None:
        threads.append(threading.current_thread())
        trio.from_thread.run(run.save, [1])
        gate.wait(60)

    queue.put("a", timeout=1)
    async with running(Worker(client, "q", handle)):
        await until(lambda: len(queue.verbs("heartbeat")) >= 5)
        gate.set()
        await until(queue.completed)
    assert threads[0] is not threading.current_thread()
    assert [asked.body for asked in queue.verbs("heartbeat")[:2]] == [b"[1]", b""]


async def test_as_many_threads_run_as_there_are_hands(queue: FakeQueue, client: AsyncClient) -> None:
    """Trio's own limit on threads is not theirs."""
    hands = 45
    meeting = threading.Barrier(hands)

    def handle(_run: Run) -> None:
        meeting.wait(60)

    queue.put(*map(str, range(hands)))
    async with running(Worker(client, "q", handle, concurrency=hands)):
        await until(lambda: len(queue.completed()) == hands)


def _until_told(run: Run) -> None:
    while True:
        trio.from_thread.check_cancelled()
        threading.Event().wait(0.01)


async def test_a_thread_is_told_that_its_lease_is_lost(queue: FakeQueue, client: AsyncClient) -> None:
    """If it asks; its hand is free again when it has ended."""
    queue.replies["heartbeat"] = STALE
    queue.put("a", "b", timeout=1)
    async with running(Worker(client, "q", _until_told, concurrency=1)):
        await until(lambda: len(queue.verbs("heartbeat")) == 2)
    assert not queue.completed()


async def test_a_thread_that_does_not_ask_is_waited_for(queue: FakeQueue, client: AsyncClient) -> None:
    """It cannot be stopped, so its hand stays taken; and what it did is for the daemon to judge."""
    gate = threading.Event()
    queue.replies |= {"heartbeat": STALE, "complete": STALE}

    def handle(_run: Run) -> None:
        gate.wait(60)

    queue.put("a", timeout=1)
    async with running(Worker(client, "q", handle, concurrency=1)):
        await until(lambda: queue.verbs("heartbeat"))
        polls = len(queue.verbs("next"))
        await trio.sleep(0.5)
        assert (len(queue.verbs("next")), len(queue.verbs("heartbeat"))) == (polls, 1)
        gate.set()
        await until(lambda: len(queue.verbs("next")) > polls)


async def test_a_handler_that_fails_as_it_is_cancelled_ends_nothing(
    queue: FakeQueue, client: AsyncClient
) -> None:
    """Its error may come in a group, with the cancellation of its own tasks."""

    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("cleaning up failed")

    async def handle(run: Run) -> None:
        if run.job.id == "a":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail_at_the_end)
                nursery.start_soon(trio.sleep_forever)

    queue.replies["heartbeat"] = STALE
    queue.put("a", timeout=1)
    async with running(Worker(client, "q", handle)):
        await until(lambda: queue.verbs("heartbeat"))
        queue.put("b")
        await until(queue.completed)
    assert queue.completed() == ["b"]


@pytest.mark.parametrize("timeout", [0, -5])
async def test_a_lease_that_is_over_at_once_leaves_no_time(
    queue: FakeQueue, client: AsyncClient, timeout: int
) -> None:
    """The handler is cancelled where it first waits, and the worker goes on."""
    handler = Gated()
    queue.put("a", timeout=timeout)
    async with running(Worker(client, "q", handler)):
        await until(lambda: handler.cancelled)
        handler.gate.set()
        queue.put("b")
        await until(queue.completed)
    assert queue.completed() == ["b"]
