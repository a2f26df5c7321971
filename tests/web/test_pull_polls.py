"""`next` with `wait`: jobs that come while a worker waits for them (contract pull, README 14)."""

import h2.events
import orjson
import pytest
import trio

from tests.web.face import Answer, Face, parse, read_until, until
from tests.web.http2_client import events_until, open_http_2, request_headers
from trioworq.web.pull.queries import wait_of

QUEUE = "my-queue"
# None of the waits below ends before the job has come, unless something is wrong.
WAIT_S = 30


def ask(target: str) -> bytes:
    """Write a request for jobs."""
    return f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def enqueue(face: Face, *keys: str) -> None:
    """Enqueue jobs."""
    jobs = [{"id": key, "queue": QUEUE, "timeout": 30} for key in keys]
    assert (await face.client.post("/enqueue/batch", content=orjson.dumps(jobs))).status_code == 202


async def until_waiting(face: Face, workers: int) -> None:
    """Wait until so many workers wait."""
    await until(lambda: face.pull_side.pull.waiting_workers == workers)


def keys_of(answer: Answer) -> list[str]:
    """Return the ids of the jobs in an answer."""
    return [job["id"] for job in orjson.loads(answer.body)]


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize(
    "target", [f"/next?queue={QUEUE}&", f"/v1/next?queue={QUEUE}&", f"/v1/queues/{QUEUE}/jobs?"]
)
async def test_a_job_that_comes_is_handed_to_the_worker_that_waits(face: Face, target: str) -> None:
    """At once, and long before its wait is over; its connection goes on."""
    async with await face.connect() as stream:
        await stream.send_all(ask(f"{target}wait={WAIT_S}"))
        await until_waiting(face, 1)
        await enqueue(face, "1")
        assert keys_of(parse(await read_until(stream, b"]"))) == ["1"]
        await stream.send_all(ask("/version"))
        await read_until(stream, b"\n")


@pytest.mark.usefixtures("lane")
async def test_a_wait_ends_without_a_job(face: Face) -> None:
    """With a 204 when its time is over, and not before."""
    started_at = trio.current_time()
    answer = await face.client.get(f"/next?queue={QUEUE}&wait=1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert trio.current_time() - started_at >= 1


@pytest.mark.parametrize(
    ("query", "wait_s"),
    [
        ({}, 0),
        ({"wait": "0"}, 0),
        ({"wait": "007"}, 7),
        ({"wait": "60"}, 60),
        ({"wait": "61"}, 60),
        ({"wait": "9" * 5000}, 60),
        ({"wait": "0" * 5000}, 0),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wait_is_a_minute_at_most(query: dict[str, str], wait_s: int) -> None:
    """More counts as that (README 14)."""
    assert wait_of(query) == wait_s


@pytest.mark.usefixtures("lane")
async def test_a_worker_that_waits_is_given_what_there_is(face: Face) -> None:
    """It does not wait for as many jobs as it asked for, nor when it asks for none."""
    await enqueue(face, "1", "2")
    with trio.fail_after(10):
        answer = await face.client.get(f"/next?queue={QUEUE}&num_jobs=9&wait={WAIT_S}")
        assert [job["id"] for job in answer.json()] == ["1", "2"]
        answer = await face.client.get(f"/next?queue={QUEUE}&num_jobs=0&wait={WAIT_S}")
        assert answer.status_code == 204


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("says_only_that_it_is_done", [True, False])
async def test_a_client_that_has_hung_up_is_given_no_job(face: Face, says_only_that_it_is_done: bool) -> None:
    """It goes to the next that asks, as never handed out (I4)."""
    async with await face.connect() as stream:
        await stream.send_all(ask(f"/next?queue={QUEUE}&wait={WAIT_S}"))
        await until_waiting(face, 1)
        if says_only_that_it_is_done:
            await stream.send_eof()
        else:
            await stream.aclose()
        await enqueue(face, "1")
        with trio.fail_after(10):
            answer = await face.client.get(f"/next?queue={QUEUE}&wait={WAIT_S}")
        assert [(job["id"], job["attempt"]) for job in answer.json()] == [("1", 1)]
    await until_waiting(face, 0)
    assert face.errors == []


@pytest.mark.usefixtures("lane")
async def test_a_wait_that_nobody_waits_for_any_more_ends(face: Face) -> None:
    """Soon after the client has hung up, though no job has come."""
    async with await face.connect() as stream:
        await stream.send_all(ask(f"/next?queue={QUEUE}&wait={WAIT_S}"))
        await until_waiting(face, 1)
    await until_waiting(face, 0)
    assert face.errors == []


async def test_a_wait_ends_with_its_stream_of_http_2(face: Face) -> None:
    """The job goes to the next that waits on the same connection, as never handed out."""
    async with open_http_2(face) as (stream, client):
        for number in (1, 3):
            headers = request_headers("GET", f"/next?queue={QUEUE}&wait={WAIT_S}")
            client.send_headers(number, headers, end_stream=True)
            await stream.send_all(client.data_to_send())
            await until_waiting(face, (number + 1) // 2)
        client.reset_stream(1)
        await stream.send_all(client.data_to_send())
        await until_waiting(face, 1)
        await enqueue(face, "1")
        events = await events_until(stream, client, h2.events.StreamEnded)
    data = [event for event in events if isinstance(event, h2.events.DataReceived)]
    assert {event.stream_id for event in data} == {3}
    jobs = orjson.loads(b"".join(event.data for event in data))
    assert [(job["id"], job["attempt"]) for job in jobs] == [("1", 1)]
    assert face.errors == []


@pytest.mark.usefixtures("lane")
async def test_a_stop_ends_every_wait(face: Face) -> None:
    """With a 204 at once: the daemon's own end does not take longer for it."""
    async with await face.connect() as stream:
        await stream.send_all(ask(f"/next?queue={QUEUE}&wait={WAIT_S}"))
        await until_waiting(face, 1)
        face.stop.set()
        face.pull_side.pull.leave()
        assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
        with trio.fail_after(10):
            await face.stopped.wait()
