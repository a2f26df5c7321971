"""All request bodies and answers together take a bounded amount of memory (I13)."""

import h2.events
import orjson
import pytest
import trio
import trio.testing
from attrs import evolve
from hypercorn.typing import ASGIReceiveEvent
from hypothesis import given
from hypothesis import strategies as st

from tests.web.endpoints import answer_ok, big
from tests.web.face import CONFIG, Face, open_face, open_served, read_until
from tests.web.http2_client import events_until, open_http_2, request_headers
from trioworq.web.bodies import FREE_BYTES, BodyBudget, BodyShare, MeteredBody
from trioworq.web.messages import Route

LARGE_BYTES = 6_000_000


def metered(sizes: list[int], budget: BodyBudget) -> MeteredBody:
    """Return a body that comes in parts of these sizes."""
    left = list(sizes)

    async def receive() -> ASGIReceiveEvent:
        await trio.lowlevel.checkpoint()
        size = left.pop(0)
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(left)}

    return MeteredBody(receive, BodyShare(budget))


async def kept(body: MeteredBody, parts: int) -> int:
    """Receive parts and count the bytes that are let through."""
    count = 0
    for _ in range(parts):
        event = await body.receive()
        assert event["type"] == "http.request"
        count += len(event["body"])
    return count


async def test_a_body_takes_its_bytes_until_it_is_released() -> None:
    """But for the first 64 KiB, which are free."""
    budget = BodyBudget(100_000)
    body = metered([FREE_BYTES, 60_000, 40_000], budget)
    assert await kept(body, 3) == FREE_BYTES + 100_000
    assert budget.left_bytes == 0
    body.share.release()
    assert budget.left_bytes == 100_000


async def test_a_body_that_finds_no_room_ends_where_it_is() -> None:
    """What is left of it is not kept, and small bodies still come in."""
    budget = BodyBudget(50_000)
    body = metered([FREE_BYTES + 40_000, 20_000, 5], budget)
    first = await body.receive()
    second = await body.receive()
    assert (first["type"], len(first["body"])) == ("http.request", FREE_BYTES + 40_000)  # type: ignore[typeddict-item]
    assert second == {"type": "http.request", "body": b"", "more_body": False}
    assert body.share.is_over_budget
    assert await kept(body, 1) == 0
    assert await kept(metered([FREE_BYTES], budget), 1) == FREE_BYTES


@given(st.lists(st.lists(st.integers(0, 200_000), min_size=1, max_size=5), max_size=5))
def test_bodies_never_hold_more_than_the_budget_and_leave_it_whole(bodies: list[list[int]]) -> None:
    """Whatever their sizes, and whether they find room or not."""

    async def run() -> None:
        budget = BodyBudget(150_000)
        under_way = [metered(sizes, budget) for sizes in bodies]
        let_through = [await kept(body, len(sizes)) for body, sizes in zip(under_way, bodies, strict=True)]
        assert sum(max(0, count - FREE_BYTES) for count in let_through) <= 150_000
        assert budget.left_bytes >= 0
        for body in under_way:
            body.share.release()
        assert budget.left_bytes == 150_000

    trio.run(run)


async def test_large_bodies_beyond_the_budget_are_a_503_and_small_ones_go_on() -> None:
    """A client that holds back half a body takes its share only; others are told to come again."""
    large = orjson.dumps({"url": "http://w/", "payload": "x" * 300_000})
    head = b"POST /job/any HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(large)
    async with open_face(max_bodies_bytes=250_000) as face:
        async with await face.connect() as slow:
            await slow.send_all(head + large[:-1])
            await trio.testing.wait_all_tasks_blocked(0.1)
            refused = await face.ask("POST", "/job/any", large)
            assert (refused.status, refused.headers["retry-after"]) == (503, "1")
            assert refused.body == (
                b"503 Service Unavailable\n\nToo many large bodies are on their way; nothing was stored\n"
            )
            assert await face.jobs() == []
            assert (await face.ask("POST", "/job/any", b'{"url": "http://w/"}')).status == 200
            await slow.send_all(large[-1:])
            assert (await read_until(slow, b'"max_retries":0}')).startswith(b"HTTP/1.1 200")
        assert (await face.ask("POST", "/job/any", large)).status == 200


@pytest.mark.usefixtures("lane")
async def test_a_body_counts_until_its_answer_is_out() -> None:
    """An answer repeats a body, so a client that does not read it holds its share of the budget still."""
    size = FREE_BYTES + 100_000
    request = b"POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    config = evolve(CONFIG, max_bodies_bytes=150_000)
    routes = [Route("POST", "/big", big, is_hot=True), Route("POST", "/ok", answer_ok, is_hot=True)]
    async with open_served(routes, config) as served:
        async with await served.connect() as unread:
            await unread.send_all(request)
            await unread.receive_some(1)
            assert (await served.ask("POST", "/ok", b"x" * size)).status == 503
        with trio.fail_after(10):
            while (await served.ask("POST", "/ok", b"x" * size)).status == 503:
                await trio.lowlevel.checkpoint()


async def push_large(face: Face) -> None:
    """Push a job that takes megabytes to show."""
    body = orjson.dumps({"url": "http://w/", "payload": "x" * LARGE_BYTES})
    assert (await face.ask("POST", "/job/any", body)).status == 200


async def begin_reading(face: Face, target: str, method: str = "GET") -> trio.abc.Stream:
    """Ask for an answer, and read no more than how it begins."""
    stream = await face.connect()
    await stream.send_all(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert (await stream.receive_some(12)) == b"HTTP/1.1 200"
    return stream


@pytest.mark.parametrize("target", ["/queue/default/grabbed", "/queue/default/job/1"])
async def test_large_answers_beyond_the_budget_are_a_503(target: str) -> None:
    """Clients that do not read their lists take no more than the budget; others are told to come again."""
    async with open_face(max_bodies_bytes=LARGE_BYTES * 3 // 2) as face:
        await push_large(face)
        async with await begin_reading(face, target):
            refused = await face.ask("GET", target)
            assert (refused.status, refused.headers["retry-after"]) == (503, "1")
            assert refused.body == (
                b"503 Service Unavailable\n\nToo many large bodies and answers are on their way\n"
            )
            assert (await face.ask("GET", "/queues")).status == 200
        with trio.fail_after(10):
            while (await face.ask("GET", target)).status == 503:
                await trio.sleep(0.01)
    assert face.errors == []


async def test_what_has_been_done_is_told_whatever_the_budget() -> None:
    """The answer to a change cannot be asked for again, so it counts for others only."""
    async with open_face(max_bodies_bytes=LARGE_BYTES * 3 // 2) as face:
        for _ in range(3):
            await push_large(face)
        async with await begin_reading(face, "/queue/default/job/1"):
            deleted = await face.ask("DELETE", "/queue/default/job/1")
            assert (deleted.status, orjson.loads(deleted.body)["id"]) == (200, 1)
        async with await begin_reading(face, "/queue/default/job/2", "DELETE"):
            assert (await face.ask("GET", "/queue/default/job/3")).status == 503


async def test_the_requests_of_an_http_2_connection_share_what_is_free_for_one() -> None:
    """A part of a body that is free over HTTP/1 counts, and so does a head; the smallest always come in."""
    async with open_face(max_bodies_bytes=20_000) as face, open_http_2(face) as (stream, client):
        for stream_id in (1, 3, 5):
            client.send_headers(stream_id, request_headers("POST", "/job/any"))
            client.send_data(stream_id, b"x" * 12_000)
        refused = (await events_until(stream, client, h2.events.StreamEnded))[-1]
        assert refused.stream_id in (3, 5)
        client.send_headers(
            7, [*request_headers("GET", "/version"), (b"x-long", b"x" * 15_000)], end_stream=True
        )
        client.send_headers(9, request_headers("GET", "/version"), end_stream=True)
        statuses: dict[int, bytes] = {}
        while not {7, 9} <= statuses.keys():
            for event in await events_until(stream, client, h2.events.StreamEnded):
                if isinstance(event, h2.events.ResponseReceived):
                    statuses[event.stream_id] = dict(event.headers)[b":status"]
        assert (statuses[7], statuses[9]) == (b"503", b"200")
