"""What a worker does with the jobs of a queue."""

import logging
from typing import Any

import pytest
import trio

from tests.client.asking import ONCE
from tests.client.fake_queue import AWAY, FakeQueue, until
from tests.client.handlers import Gated, running
from tests.client.scripted_server import Reply
from tests.client.values import handed_out, shown
from tests.ports import free_port
from trioworq.client import AsyncClient, Run, Unauthorized, Worker


async def test_a_job_is_handled_and_completed(queue: FakeQueue, client: AsyncClient) -> None:
    """With its payload, and by its run."""
    payloads: list[Any] = []

    async def handle(run: Run) -> None:
        payloads.append(run.job.payload)

    queue.put("a", "b")
    async with running(Worker(client, "q", handle)):
        await until(lambda: len(queue.completed()) == 2)
    assert payloads == [{"n": 1}, {"n": 1}]
    assert {asked.query["run_id"] for asked in queue.verbs("complete")} == {"a-1", "b-1"}


async def test_a_job_that_comes_later_is_waited_for(queue: FakeQueue, client: AsyncClient) -> None:
    """In one long poll, without asking again and again."""
    handler = Gated()
    async with running(Worker(client, "q", handler, wait_s=60)):
        await until(lambda: queue.verbs("next"))
        queue.put("a")
        await until(lambda: handler.started)
        assert queue.verbs("next")[0].query["wait"] == "60"
        assert len(queue.verbs("next")) <= 2
        handler.gate.set()
    assert queue.completed() == ["a"]


async def test_a_queue_that_answers_nothing_at_once_is_not_hammered(
    queue: FakeQueue, client: AsyncClient
) -> None:
    """Where polls are not held, they get rarer: a stopping daemon, a server that cannot wait."""
    queue.replies["next"] = Reply(204)
    async with running(Worker(client, "q", Gated())):
        await trio.sleep(1.5)
    assert 2 <= len(queue.verbs("next")) <= 12


async def test_no_more_jobs_run_than_there_are_hands(queue: FakeQueue, client: AsyncClient) -> None:
    """Nor are any fetched: each poll asks for as many as could start."""
    at_work = most = 0

    async def handle(_run: Run) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await trio.sleep(0.01)
        at_work -= 1

    queue.put(*map(str, range(30)))
    async with running(Worker(client, "q", handle, concurrency=3)):
        await until(lambda: len(queue.completed()) == 30)
    assert (most, queue.most_out) == (3, 3)


async def test_a_server_that_gives_more_than_was_asked_for_ends_nothing(
    queue: FakeQueue, client: AsyncClient
) -> None:
    """What no hand is free for is left to its lease."""
    at_work = most = 0

    async def handle(_run: Run) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await trio.sleep(0.01)
        at_work -= 1

    queue.replies["next"] = handed_out(*map(shown, "abcde"))
    async with running(Worker(client, "q", handle, concurrency=2)):
        await until(lambda: len(queue.completed()) >= 6)
    assert most == 2
    assert set(queue.completed()) == {"a", "b"}


async def test_num_jobs_bounds_what_one_poll_takes(queue: FakeQueue, client: AsyncClient) -> None:
    """So that other workers get some."""
    handler = Gated()
    queue.put(*map(str, range(6)))
    async with running(Worker(client, "q", handler, concurrency=6, num_jobs=2)):
        await until(lambda: len(handler.started) == 6)
        handler.gate.set()
    assert {poll.query["num_jobs"] for poll in queue.verbs("next")[:3]} == {"2"}


async def test_a_handler_that_fails_leaves_its_job_to_the_lease(
    queue: FakeQueue, client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """No word of it to the daemon, a log line with the traceback but not the payload, and the next job."""

    async def handle(run: Run) -> None:
        await trio.lowlevel.checkpoint()
        if run.job.id == "bad":
            raise ValueError("no such address")

    queue.put("bad", payload="s3cret")
    queue.put("good")
    async with running(Worker(client, "q", handle, num_jobs=1)):
        await until(queue.completed)
    assert queue.completed() == ["good"]
    assert not queue.verbs("heartbeat")
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "job 'bad' of queue 'q' failed" in record.message
    assert "no such address" in caplog.text
    assert "s3cret" not in caplog.text


async def test_on_error_decides_what_becomes_of_a_failed_job(queue: FakeQueue, client: AsyncClient) -> None:
    """For one it may be rescheduled; then nothing else is said of it."""

    def handle(_run: Run) -> None:
        raise ValueError("later")

    async def on_error(run: Run, error: Exception) -> None:
        await run.reschedule(state={"why": str(error)})

    queue.put("a", timeout=7)
    async with running(Worker(client, "q", handle, on_error=on_error)):
        await until(lambda: queue.verbs("reschedule"))
    [asked] = queue.verbs("reschedule")
    assert (asked.query, asked.value["state"], asked.value["timeout"]) == (
        {"run_id": "a-1"},
        {"why": "later"},
        7,
    )
    assert not queue.completed()


async def test_a_failure_of_on_error_ends_nothing(
    queue: FakeQueue, client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the job is left to its lease."""

    async def handle(run: Run) -> None:
        if run.job.id == "bad":
            raise ValueError("first")

    async def on_error(_run: Run, _error: Exception) -> None:
        raise KeyError("second")

    queue.put("bad", "good")
    async with running(Worker(client, "q", handle, on_error=on_error)):
        await until(queue.completed)
    assert queue.completed() == ["good"]
    assert "first" in caplog.text
    assert "second" in caplog.text


async def test_a_rescheduled_job_is_not_completed(queue: FakeQueue, client: AsyncClient) -> None:
    """Its handler has said what becomes of it."""

    async def handle(run: Run) -> None:
        if run.job.id == "again":
            await run.reschedule(payload=[2])

    queue.put("again", "done")
    async with running(Worker(client, "q", handle)):
        await until(lambda: queue.completed() and queue.verbs("reschedule"))
    assert queue.completed() == ["done"]
    assert queue.verbs("reschedule")[0].value["payload"] == [2]


@pytest.mark.parametrize("reply", [Reply(409, b"stale"), Reply(404, b"gone"), Reply(500, b"fault")])
async def test_a_completion_that_is_refused_ends_nothing(
    queue: FakeQueue, client: AsyncClient, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    """It is logged: the job runs again, or has run elsewhere."""
    handler = Gated()
    handler.gate.set()
    queue.replies["complete"] = reply
    queue.put("a")
    async with running(Worker(client, "q", handler)):
        await until(queue.completed)
        queue.put("b")
        await until(lambda: len(queue.completed()) == 2)
    assert "job 'a' of queue 'q' is done, but not completed" in caplog.text


@pytest.mark.parametrize("reply", [AWAY, Reply(503), Reply(500, b"fault"), Reply(200, b"<html>")])
async def test_a_daemon_that_is_away_is_waited_for(queue: FakeQueue, reply: Reply) -> None:
    """However it shows that it is."""
    handler = Gated()
    handler.gate.set()
    queue.replies["next"] = reply
    async with AsyncClient(queue.url, retry=ONCE) as client, running(Worker(client, "q", handler)):
        await until(lambda: len(queue.verbs("next")) >= 3)
        del queue.replies["next"]
        queue.put("a")
        await until(queue.completed)


async def test_a_daemon_that_is_not_there_yet_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """A worker may be started first."""
    async with (
        AsyncClient(f"http://127.0.0.1:{free_port()}", retry=ONCE) as client,
        running(Worker(client, "q", Gated())),
    ):
        await until(lambda: caplog.text.count("no jobs from queue 'q': ConnectError") >= 2)


async def test_a_worker_that_may_not_fetch_ends_with_the_reason(
    queue: FakeQueue, client: AsyncClient
) -> None:
    """The error comes bare, once the jobs at hand are done."""
    handler = Gated()
    queue.put("a")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_refuse_later, queue, handler)
        with pytest.raises(Unauthorized):
            await Worker(client, "q", handler, wait_s=0).run()
    assert queue.completed() == ["a"]


async def _refuse_later(queue: FakeQueue, handler: Gated) -> None:
    await until(lambda: handler.started)
    queue.replies["next"] = Reply(401, b"no bearer token")
    polls = len(queue.verbs("next"))
    await until(lambda: len(queue.verbs("next")) > polls)
    handler.gate.set()
