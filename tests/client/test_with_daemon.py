"""Both clients, and a worker, with a real daemon."""

import signal
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio
import trustme

from tests.client.asking import Asker
from tests.client.fake_queue import until
from tests.client.handlers import Gated, running
from tests.client.program import program
from tests.ports import free_port
from tests.process.running_daemon import (
    RunningDaemon,
    recording_worker,
    running_daemon,
    wait_until,
)
from trioworq.client import (
    AsyncClient,
    Client,
    Job,
    JobExists,
    LeaseLost,
    NewJob,
    NewPush,
    NotFound,
    Refused,
    Run,
    Unauthorized,
    Worker,
)
from trioworq.web.tokens import new_token


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon for all tests; each has a queue of its own."""
    with running_daemon(tmp_path_factory.mktemp("daemon")) as started:
        yield started


@pytest.fixture
def url(daemon: RunningDaemon) -> str:
    """Where the daemon is."""
    return daemon.url


@pytest.fixture
def queue() -> str:
    """A queue that no other test has."""
    return f"q {uuid4()}"


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncClient]:
    """A client of the daemon."""
    async with AsyncClient(url) as opened:
        yield opened


async def fetch_one(ask: Asker, url: str, queue: str, wait_s: int = 20) -> Job:
    """Fetch a job that is there, or will be."""
    [job] = await ask(url, "next", queue, 1, wait_s)
    assert isinstance(job, Job)
    return job


async def test_a_pushed_job_reaches_its_worker(ask: Asker, url: str) -> None:
    """With its payload to the digit."""
    with recording_worker() as worker:
        first = await ask(url, "push", "a/b c", worker.url, {"n": 2**70, "ö": 1.0})
        second, refused = await ask(
            url,
            "push_many",
            [
                NewPush(category="any", url=worker.url, payload=b'{ "as": "sent" }'),
                NewPush(category="any", url=""),
            ],
        )
        assert second > first
        assert isinstance(refused, Refused)
        await until(lambda: len(worker.answered) == 2)
    assert set(worker.answered) == {b'{"n":%d,"\xc3\xb6":1.0}' % 2**70, b'{ "as": "sent" }'}


async def test_a_push_that_is_mistaken_is_refused(ask: Asker, url: str) -> None:
    """With the daemon's words."""
    with pytest.raises(Refused, match="Missing field: url"):
        await ask(url, "push", "any", "")


async def test_a_job_goes_through_its_life(ask: Asker, url: str, queue: str) -> None:
    """Enqueued, fetched, kept with a state, completed, gone."""
    enqueued = await ask(url, "enqueue", queue, {"n": 2**70}, timeout_s=60, max_retries=2, priority=7)
    assert await ask(url, "exists", queue, enqueued.id)
    waiting = await ask(url, "job", queue, enqueued.id)
    assert (waiting.run_id, waiting.job_id, waiting.state) == (None, enqueued.job_id, None)

    job = await fetch_one(ask, url, queue)
    assert (job.id, job.queue, job.job_id, job.attempt) == (enqueued.id, queue, enqueued.job_id, 1)
    assert (job.payload, job.timeout_s, job.max_retries, job.priority) == ({"n": 2**70}, 60, 2, 7)
    assert job.run_id is not None
    assert abs(job.run_at - datetime.now(UTC)) < timedelta(minutes=5)  # noqa: TID251  # the daemon's clock is this one

    await ask(url, "heartbeat", job, {"done": 1})
    await ask(url, "heartbeat", job)
    kept = await ask(url, "job", queue, job.id)
    assert (kept.state, kept.run_id) == ({"done": 1}, job.run_id)
    await ask(url, "heartbeat", job, None)
    assert (await ask(url, "job", queue, job.id)).state is None

    await ask(url, "complete", job)
    assert not await ask(url, "exists", queue, job.id)
    for method in ("complete", "heartbeat", "reschedule"):
        with pytest.raises(NotFound, match="not found"):
            await ask(url, method, job)
    with pytest.raises(NotFound):
        await ask(url, "job", queue, job.id)


async def test_an_id_is_there_once(ask: Asker, url: str, queue: str) -> None:
    """One job is refused, of many those are left out."""
    await ask(url, "enqueue", queue, 1, id="a")
    with pytest.raises(JobExists):
        await ask(url, "enqueue", queue, 2, id="a")
    await ask(url, "enqueue_many", [NewJob(queue=queue, id=key, payload=3) for key in ("a", "b", "b")])
    jobs = await ask(url, "next", queue, 10)
    assert [(job.id, job.payload) for job in jobs] == [("a", 1), ("b", 3)]


async def test_a_run_whose_lease_has_ended_changes_nothing(ask: Asker, url: str, queue: str) -> None:
    """Whatever it says of the job, which is in other hands."""
    await ask(url, "enqueue", queue, timeout_s=1, max_retries=1)
    late = await fetch_one(ask, url, queue)
    prompt = await fetch_one(ask, url, queue)
    assert (prompt.id, prompt.attempt, prompt.job_id) == (late.id, 2, late.job_id)
    for method in ("complete", "heartbeat", "reschedule"):
        with pytest.raises(LeaseLost):
            await ask(url, method, late)
    await ask(url, "complete", prompt)


async def test_a_rescheduled_job_waits_until_then(ask: Asker, url: str, queue: str) -> None:
    """As if enqueued anew, and keeps what was not given."""
    await ask(url, "enqueue", queue, {"n": 1}, id="a", timeout_s=60, max_retries=3, priority=8)
    job = await fetch_one(ask, url, queue)
    run_at = datetime(2126, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    await ask(url, "reschedule", job, state=[1], run_at=run_at)
    assert await ask(url, "next", queue) == []
    waiting = await ask(url, "job", queue, "a")
    assert (waiting.run_at, waiting.state, waiting.run_id) == (run_at, [1], None)
    assert (waiting.payload, waiting.timeout_s, waiting.max_retries, waiting.priority) == ({"n": 1}, 60, 3, 8)


async def test_jobs_come_by_priority_and_time(ask: Asker, url: str, queue: str) -> None:
    """As many as are asked for."""
    past = datetime(2020, 1, 1, tzinfo=UTC)
    new = [
        NewJob(queue=queue, id="later", run_at=past + timedelta(hours=1)),
        NewJob(queue=queue, id="sooner", run_at=past),
        NewJob(queue=queue, id="first", priority=-1),
        NewJob(queue=queue, id="never", run_at=datetime(2126, 1, 1, tzinfo=UTC)),
    ]
    await ask(url, "enqueue_many", new)
    assert [job.id for job in await ask(url, "next", queue, 2)] == ["first", "sooner"]
    assert [job.id for job in await ask(url, "next", queue, 9)] == ["later"]


@pytest.mark.parametrize("key", ["a/b", "..", ".", "ö ?#%&+=", "a//b/", "%2F", '"\\', "\x01"])
async def test_an_id_may_be_anything(ask: Asker, url: str, queue: str, key: str) -> None:
    """It is found again by that name and by no other, in every verb."""
    await ask(url, "enqueue", queue, id=key)
    assert await ask(url, "exists", queue, key)
    assert (await ask(url, "job", queue, key)).id == key
    job = await fetch_one(ask, url, queue)
    await ask(url, "heartbeat", job)
    await ask(url, "complete", job)
    assert not await ask(url, "exists", queue, key)


async def test_a_poll_is_answered_when_a_job_comes(ask: Asker, url: str, queue: str) -> None:
    """Not at the end of its time."""
    fetched: list[Job] = []

    async def fetch() -> None:
        fetched.append(await fetch_one(ask, url, queue, 60))

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fetch)
            await trio.sleep(0.2)
            await ask(url, "enqueue", queue, id="a")
    assert fetched[0].id == "a"


async def test_a_poll_ends_without_a_job(ask: Asker, url: str, queue: str) -> None:
    """After the time that it was given."""
    began_at = trio.current_time()
    assert await ask(url, "next", queue, 1, 1) == []
    assert trio.current_time() - began_at > 0.9


async def test_the_daemon_is_well(ask: Asker, url: str) -> None:
    """It says so."""
    await ask(url, "health")


def test_tokens_and_tls_are_shown_what_they_need(tmp_path: Path) -> None:
    """A client with both is let in, and one with another token is not."""
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    token, line = new_token("all", "push,work")
    other, _ = new_token("other", "push")
    (tmp_path / "tokens").write_text(line)
    options = [f"--tls-certificate={tmp_path / 'both.pem'}", f"--tls-key={tmp_path / 'both.pem'}"]
    options += ["--driver=in-memory", f"--api-tokens-file={tmp_path / 'tokens'}"]
    with running_daemon(tmp_path / "a", *options, waits_for_answers=False) as daemon:
        url = daemon.url.replace("http://127.0.0.1", "https://localhost")
        with Client(url, token=token, tls=context) as client:
            client.health()
            client.enqueue("q")
            assert len(client.next("q")) == 1
        with Client(url, token=other, tls=context) as client, pytest.raises(Unauthorized):
            client.enqueue("q")


async def test_a_worker_does_every_job_once(client: AsyncClient, queue: str) -> None:
    """Those that are there and those that come, and leaves nothing."""
    done: list[Any] = []

    async def handle(run: Run) -> None:
        await trio.lowlevel.checkpoint()
        done.append(run.job.payload)

    await client.enqueue_many(NewJob(queue=queue, payload=number) for number in range(50))
    async with running(Worker(client, queue, handle, concurrency=7)):
        await until(lambda: len(done) == 50)
        await client.enqueue(queue, "late")
        await until(lambda: len(done) == 51)
    assert sorted(done[:50]) == list(range(50))
    assert done[50] == "late"
    assert await client.next(queue) == []


async def test_a_job_whose_handler_fails_is_tried_as_often_as_it_may(client: AsyncClient, queue: str) -> None:
    """The daemon counts, by the leases that end; each try finds what the one before has saved."""
    tries: list[tuple[int, Any]] = []

    async def handle(run: Run) -> None:
        tries.append((run.job.attempt, run.job.state))
        await run.save(len(tries))
        raise ValueError("again")

    await client.enqueue(queue, id="a", timeout_s=1, max_retries=1)
    async with running(Worker(client, queue, handle)):
        await until(lambda: len(tries) == 2)
        with trio.fail_after(20):
            while await client.exists(queue, "a"):
                await trio.sleep(0.05)
    assert tries == [(1, None), (2, 1)]


async def test_a_job_that_takes_longer_than_its_timeout_is_done_once(client: AsyncClient, queue: str) -> None:
    """Its lease is kept as long as it takes."""
    handler = Gated()
    await client.enqueue(queue, id="a", timeout_s=1, max_retries=5)
    async with running(Worker(client, queue, handler)):
        await until(lambda: handler.started)
        await trio.sleep(3)
        handler.gate.set()
        await until(lambda: handler.ended)
    assert (handler.started, handler.cancelled) == (["a"], [])
    assert not await client.exists(queue, "a")


async def test_a_job_that_somebody_else_ends_is_cut_off(client: AsyncClient, queue: str) -> None:
    """Its handler is cancelled with the next heartbeat."""
    handler = Gated()
    await client.enqueue(queue, id="a", timeout_s=2)
    async with running(Worker(client, queue, handler)):
        await until(lambda: handler.started)
        await client.complete(await client.job(queue, "a"))
        await until(lambda: handler.cancelled)


async def test_a_stopped_worker_leaves_jobs_to_others(client: AsyncClient, queue: str) -> None:
    """What comes after its stop is handed to the next who asks, as its first try."""
    worker = Worker(client, queue, Gated(), wait_s=60)
    async with running(worker):
        await trio.sleep(0.3)
    await client.enqueue(queue, id="a")
    [job] = await client.next(queue, 1, 20)
    assert job.attempt == 1


def test_a_worker_program_does_its_jobs_until_it_is_told_to_end(url: str, queue: str, tmp_path: Path) -> None:
    """In a process of its own, with SIGTERM."""
    gate = tmp_path / "gate"
    with Client(url) as client, program(url, gate, "task", queue) as process:
        client.enqueue(queue, id="a", timeout_s=1)
        wait_until(lambda: client.job(queue, "a").run_id)
        process.send_signal(signal.SIGTERM)
        gate.touch()
        assert process.wait(30) == 0
        assert not client.exists(queue, "a")


async def test_a_worker_goes_on_when_its_daemon_was_restarted(tmp_path: Path) -> None:
    """The job that it has in hand is completed with the new one, and the next ones come from there."""
    port = free_port()
    handler = Gated()
    url = f"http://127.0.0.1:{port}"
    async with AsyncClient(url) as client:
        with running_daemon(tmp_path, port=port) as first:
            await client.enqueue("q", id="a", timeout_s=60)
            async with trio.open_nursery() as nursery:
                worker = Worker(client, "q", handler)
                nursery.start_soon(worker.run)
                await until(lambda: handler.started)
                await trio.to_thread.run_sync(first.stop)
                handler.gate.set()
                with running_daemon(tmp_path, port=port):
                    await client.enqueue("q", id="b")
                    await until(lambda: len(handler.ended) == 2)
                    worker.stop()
                    with trio.fail_after(30):
                        while await client.exists("q", "a") or await client.exists("q", "b"):
                            await trio.sleep(0.05)
