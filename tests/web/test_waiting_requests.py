"""Requests that wait for something to happen, as those of workers for jobs do."""

import h2.events
import pytest
import trio
from attrs import evolve

from tests.web.face import CONFIG, open_served, read_until, until
from tests.web.http2_client import events_until, open_http_2, request_headers
from trioworq.web.messages import Request, Response, Route


class Waiting:
    """An endpoint that says what becomes of its request."""

    def __init__(self) -> None:
        self.request: Request | None = None
        self.answered = trio.Event()
        self.was_cancelled = False

    async def __call__(self, request: Request) -> Response:
        self.request = request
        try:
            await self.answered.wait()
        except trio.Cancelled:
            self.was_cancelled = True
            raise
        return Response(200, b"done")

    def has_begun(self) -> bool:
        """Whether it was asked."""
        return self.request is not None

    def sees_that_client_has_left(self) -> bool:
        """Whether the request knows it."""
        return self.request is not None and self.request.has_left()

    def route(self) -> Route:
        return Route("GET", "/wait", self, is_safe=False)


@pytest.mark.usefixtures("lane")
async def test_a_request_knows_whether_its_client_is_there() -> None:
    """From the moment on that the client says that no more will come; it may wait for its answer still."""
    waiting = Waiting()
    async with open_served([waiting.route()]) as served, await served.connect() as stream:
        await stream.send_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(waiting.has_begun)
        assert not waiting.sees_that_client_has_left()
        await stream.send_eof()
        await until(waiting.sees_that_client_has_left)
        waiting.answered.set()
        assert (await read_until(stream, b"done")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("requests", [1, 2, 100])
async def test_a_request_ends_with_its_client(requests: int) -> None:
    """Soon after that has hung up, though it has sent more ahead; and this is no error."""
    waiting = Waiting()
    async with open_served([waiting.route()]) as served:
        async with await served.connect() as stream:
            await stream.send_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n" * requests)
            await until(waiting.has_begun)
        await until(lambda: waiting.was_cancelled)
    assert served.errors == []


@pytest.mark.usefixtures("lane")
async def test_requests_sent_ahead_are_answered_to_a_client_that_will_ask_no_more() -> None:
    """It may still read; what it asked for last is answered as the first, unless that takes its time."""

    async def answer(_request: Request) -> Response:
        # The server looks at its connections in between.
        await trio.sleep(0.3)
        return Response(200, b"done")

    async with open_served([Route("GET", "/soon", answer)]) as served:
        ahead = b"GET /soon HTTP/1.1\r\nHost: x\r\n\r\n" * 6
        answers = await served.exchange(ahead, half_close=True)
    assert answers.count(b"done") == 6


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_request_ends_with_its_stream_of_http_2(hangs_up: bool) -> None:
    """When the client resets it, other requests of the connection go on; and when the connection ends."""
    waiting, other = Waiting(), Waiting()
    routes = [waiting.route(), evolve(other.route(), path="/other")]
    async with open_served(routes) as served, open_http_2(served) as (stream, client):
        client.send_headers(1, request_headers("GET", "/wait"), end_stream=True)
        client.send_headers(3, request_headers("GET", "/other"), end_stream=True)
        await stream.send_all(client.data_to_send())
        await until(lambda: waiting.has_begun() and other.has_begun())
        if hangs_up:
            await stream.aclose()
        else:
            client.reset_stream(1)
            await stream.send_all(client.data_to_send())
        await until(lambda: waiting.was_cancelled)
        if hangs_up:
            await until(lambda: other.was_cancelled)
        else:
            other.answered.set()
            assert (await events_until(stream, client, h2.events.StreamEnded))[-1].stream_id == 3
    assert served.errors == []


@pytest.mark.usefixtures("lane")
async def test_a_request_may_wait_for_longer_than_its_client_may_be_slow() -> None:
    """No time that is set to clients is that of an answer."""
    waiting = Waiting()
    config = evolve(CONFIG, request_timeout_s=1, keep_alive_timeout_s=1)
    async with open_served([waiting.route()], config) as served, await served.connect() as stream:
        await stream.send_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(waiting.has_begun)
        # The server looks at all connections several times in this.
        await trio.sleep(2.5)
        assert not waiting.was_cancelled
        waiting.answered.set()
        assert (await read_until(stream, b"done")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("lane")
async def test_what_was_fetched_is_told_whatever_the_budget() -> None:
    """A GET that is not safe is never refused for its large answer: what it did is done."""

    async def fetch(_request: Request) -> Response:
        return Response(200, b"x" * 200_000)

    route = Route("GET", "/fetch", fetch, is_safe=False)
    async with open_served([route], evolve(CONFIG, max_bodies_bytes=1)) as served:
        assert (await served.client.get("/fetch")).status_code == 200


@pytest.mark.usefixtures("lane")
async def test_what_is_not_safe_has_no_head() -> None:
    """A HEAD would fetch what nobody gets; it is told the methods that there are."""
    asked: list[Request] = []

    async def fetch(request: Request) -> Response:
        asked.append(request)
        return Response(200)

    async with open_served([Route("GET", "/fetch", fetch, is_safe=False)]) as served:
        answer = await served.client.head("/fetch")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
        assert asked == []
        assert (await served.client.get("/fetch")).status_code == 200
    assert len(asked) == 1
