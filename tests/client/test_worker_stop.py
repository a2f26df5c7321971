"""How a worker ends."""

import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.client.fake_queue import FakeQueue, until
from tests.client.handlers import Gated, running
from tests.client.program import program
from tests.client.scripted_server import Reply
from tests.client.values import handed_out, shown
from tests.process.running_daemon import wait_until
from trioworq.client import AsyncClient, Run, Worker
from trioworq.client import worker as worker_module

pytestmark = pytest.mark.usefixtures("measured_processes")


async def test_a_stopped_worker_finishes_what_it_has_and_fetches_no_more(
    queue: FakeQueue, client: AsyncClient
) -> None:
    """A poll that is under way ends at once; jobs at hand are kept, handled and completed."""
    handler = Gated()
    queue.put("a", timeout=1)
    worker = Worker(client, "q", handler, concurrency=2, wait_s=60)
    async with trio.open_nursery() as nursery:
        await nursery.start(worker.run)
        await until(lambda: handler.started and len(queue.verbs("next")) == 2)
        worker.stop()
        beats = len(queue.verbs("heartbeat"))
        await until(lambda: len(queue.verbs("heartbeat")) >= beats + 4)
        handler.gate.set()
    assert queue.completed() == ["a"]
    assert len(queue.verbs("next")) == 2


async def test_jobs_that_are_on_their_way_at_a_stop_are_done(
    queue: FakeQueue, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in this worker's hands already, and nobody else gets them before their leases end."""
    monkeypatch.setattr(worker_module, "LAST_POLL_S", 20)
    gate = threading.Event()
    handler = Gated()
    handler.gate.set()
    queue.replies["next"] = Reply(200, handed_out(shown("a"), shown("b")).body, gate=gate)
    async with running(Worker(client, "q", handler)) as worker:
        await until(lambda: queue.verbs("next"))
        worker.stop()
        await trio.sleep(0.1)
        gate.set()
    assert sorted(queue.completed()) == ["a", "b"]
    assert len(queue.verbs("next")) == 1


async def test_a_hand_that_is_free_again_after_the_stop_fetches_nothing(
    queue: FakeQueue, client: AsyncClient
) -> None:
    """Although the worker was waiting for it."""
    handler = Gated()
    queue.put("a", "b")
    async with running(Worker(client, "q", handler, concurrency=1)) as worker:
        await until(lambda: handler.started)
        worker.stop()
        handler.gate.set()
    assert queue.completed() == ["a"]
    assert len(queue.verbs("next")) == 1


async def test_a_worker_that_is_idle_ends_at_once(queue: FakeQueue, client: AsyncClient) -> None:
    """Whatever it would have waited for."""
    with trio.fail_after(10):
        async with running(Worker(client, "q", Gated(), wait_s=60, drain_s=60)):
            await until(lambda: queue.verbs("next"))


async def test_a_worker_that_is_stopped_before_it_runs_fetches_nothing(
    queue: FakeQueue, client: AsyncClient
) -> None:
    """It returns."""
    worker = Worker(client, "q", Gated())
    worker.stop()
    await worker.run()
    assert not queue.asked


class Pair:
    """A handler of two jobs: `slow` goes on until it is cut off, and the other ends then."""

    def __init__(self) -> None:
        self.is_cut_off = threading.Event()

    def __call__(self, run: Run) -> None:
        if run.job.id != "slow":
            self.is_cut_off.wait(60)
            return
        try:
            while True:
                trio.from_thread.check_cancelled()
                threading.Event().wait(0.01)
        finally:
            self.is_cut_off.set()


async def test_handlers_are_cancelled_when_the_time_to_drain_is_over(
    queue: FakeQueue, client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Their jobs are left to their leases; one that comes to its end then all the same is completed."""
    queue.put("slow", "wise")
    async with running(Worker(client, "q", Pair(), drain_s=0.2)):
        await until(lambda: queue.handed_out == 2)
    assert queue.completed() == ["wise"]
    assert "job 'slow' of queue 'q' was cut off: the worker stops" in caplog.text


async def test_a_completion_without_an_answer_does_not_hold_a_worker_that_stops(
    queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows the drain has an end too."""
    monkeypatch.setattr(worker_module, "LAST_WORDS_S", 0.2)
    gate = threading.Event()
    queue.replies["complete"] = Reply(200, gate=gate)
    queue.put("slow", "wise")
    with trio.fail_after(20):
        async with AsyncClient(queue.url, timeout_s=60) as client:
            async with running(Worker(client, "q", Pair(), drain_s=0)):
                await until(lambda: queue.handed_out == 2)
            await until(queue.completed)
    gate.set()


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"num_jobs": 0}])
async def test_a_worker_without_hands_is_a_mistake(client: AsyncClient, options: Any) -> None:
    """It would wait for ever."""
    with pytest.raises(ValueError, match="at least one"):
        Worker(client, "q", Gated(), **options)


async def test_a_handler_that_yields_is_a_mistake(client: AsyncClient) -> None:
    """Calling it runs nothing of it, and its jobs would be lost."""

    def handle(_run: Run) -> Iterator[None]:
        yield

    async def handle_async(_run: Run) -> AsyncIterator[None]:
        yield

    for handler in (handle, handle_async):
        with pytest.raises(TypeError, match="yields"):
            Worker(client, "q", handler)


async def test_a_cancelled_worker_takes_its_handlers_along(queue: FakeQueue, client: AsyncClient) -> None:
    """At once, and without a word to the daemon."""
    handler = Gated()
    queue.put("a")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Worker(client, "q", handler).run)
        await until(lambda: handler.started)
        nursery.cancel_scope.cancel()
    assert (handler.cancelled, queue.completed()) == (["a"], [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["task", "thread"])
def test_a_signal_drains_a_program_that_is_a_worker(
    queue: FakeQueue, tmp_path: Path, number: signal.Signals, kind: str
) -> None:
    """Its job is finished and completed, no other is fetched, and it ends as it should."""
    queue.put("a")
    with program(queue.url, tmp_path / "gate", kind) as process:
        wait_until(lambda: len(queue.verbs("next")) == 2)
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        assert not queue.completed()
        (tmp_path / "gate").touch()
        printed, errors = process.communicate(timeout=30)
    assert (printed, errors, process.returncode) == ("ended\n", "", 0)
    assert (queue.completed(), len(queue.verbs("next"))) == (["a"], 2)


@pytest.mark.parametrize("kind", ["task", "thread"])
def test_a_second_signal_ends_a_program_at_once(queue: FakeQueue, tmp_path: Path, kind: str) -> None:
    """Even one with a thread that does not end."""
    queue.put("a")
    with program(queue.url, tmp_path / "gate", kind) as process:
        wait_until(lambda: len(queue.verbs("next")) == 2)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: _signals_again(process))
        assert process.returncode == -signal.SIGTERM
    assert not queue.completed()


def _signals_again(process: subprocess.Popen[str]) -> bool:
    """Send another, as the first may not have been heard yet; tell whether that was the end."""
    process.send_signal(signal.SIGTERM)
    return process.poll() is not None


def test_a_program_that_may_not_fetch_ends_with_the_reason(queue: FakeQueue, tmp_path: Path) -> None:
    """A traceback whose last line says it, and a status that shows it."""
    queue.replies["next"] = Reply(401, b"no bearer token")
    with program(queue.url, tmp_path / "gate", "task") as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.splitlines()[-1] == "trioworq.client.errors.Unauthorized: no bearer token (HTTP 401)"
