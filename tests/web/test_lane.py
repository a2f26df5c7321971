"""The intake lane on its own: what it serves, what it hands over, what clients may do to it (design §6)."""

import gc
import os
import socket
from collections.abc import Callable

import pytest
import trio
import trio.testing
from attrs import define, evolve, field
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from tests.web.endpoints import Gate, answer_ok, big
from tests.web.exchanges import Seen, bytewise, converse, echo, echo_routes, whole
from tests.web.face import CONFIG, open_served, parse, read_all, read_until, until
from trioworq.streams import RECEIVE_BYTES
from trioworq.web.bodies import FREE_BYTES
from trioworq.web.intake import Intake
from trioworq.web.messages import Request, Response, Route

Cut = Callable[[bytes], list[bytes]]

HOT = [evolve(route, is_hot=True) for route in echo_routes()]
ECHO = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
OTHER = b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
CLOSING = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@define
class OtherLane:
    """An app in place of ours, which keeps what it is asked."""

    asked: list[tuple[str, bytes, bytes]] = field(factory=list)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        body = b""
        has_more = True
        while has_more:
            event = await receive()
            assert event["type"] == "http.request"
            body += event["body"]
            has_more = event["more_body"]
        self.asked.append((scope["method"], scope["raw_path"], body))
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"other", "more_body": False})


def bodies(answers: list[Seen]) -> list[bytes]:
    """Shorten answers to who gave them."""
    return [b"other" if answer.body == b"other" else b"lane" for answer in answers]


# What it serves.


@pytest.mark.parametrize("cut", [whole, bytewise])
@pytest.mark.parametrize(
    "requests",
    [
        ECHO * 20,
        CHUNKED * 5,
        CHUNKED + ECHO + CHUNKED,
        ECHO.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n") * 3,
    ],
    ids=["pipelined", "chunks", "mixed", "expecting"],
)
async def test_hot_requests_stay_in_the_lane(requests: bytes, cut: Cut) -> None:
    """Pipelined, chunked or expecting, in one piece or in many, none of them gets to the app."""
    other = OtherLane()
    async with open_served(HOT, app=other) as served:
        answers = await converse(served, cut(requests + CLOSING))
    assert {answer.status for answer in answers} == {200}
    assert len(answers) == requests.count(b"POST") + 1
    assert other.asked == []


@pytest.mark.parametrize("cut", [whole, bytewise])
async def test_from_the_first_other_request_on_the_other_lane_has_the_connection(cut: Cut) -> None:
    """It gets every byte from there on, requests that wait behind the other one included."""
    other = OtherLane()
    async with open_served(HOT, app=other) as served:
        answers = await converse(served, cut(ECHO + CHUNKED + OTHER + ECHO + CHUNKED + CLOSING))
    assert bodies(answers) == [b"lane"] * 2 + [b"other"] * 4
    assert other.asked == [
        ("GET", b"/other", b""),
        ("POST", b"/echo", b"x"),
        ("POST", b"/echo", b"x"),
        ("POST", b"/echo", b""),
    ]


async def test_a_client_is_told_to_continue_only_when_it_waits() -> None:
    """A body that has come whole needs no word, half a body does not wait either but may have one."""
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    async with open_served(HOT) as served, await served.connect() as stream:
        await stream.send_all(head + b"body")
        assert (await read_until(stream, b'"body":"body"}')).startswith(b"HTTP/1.1 200 ")
        await stream.send_all(head)
        assert await read_until(stream, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send_all(b"body")
        assert (await read_until(stream, b'"body":"body"}')).startswith(b"HTTP/1.1 200 ")


async def test_an_answer_is_dated_and_complete() -> None:
    """Head and body are what HTTP wants, and what the endpoint gave."""

    async def endpoint(_request: Request) -> Response:
        return Response(202, b"body", "text/plain", {"X-More": "a, b"})

    async with open_served([Route("POST", "/x", endpoint, is_hot=True)]) as served:
        raw = await served.exchange(b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 202 Accepted\r\n")
    answer = parse(raw)
    assert answer.body == b"body"
    assert answer.headers.pop("date").endswith(" GMT")
    assert answer.headers == {
        "content-type": "text/plain",
        "content-length": "4",
        "x-more": "a, b",
        "connection": "close",
    }


async def test_requests_of_the_lane_are_logged_unless_their_route_says_no() -> None:
    """The line is the same as that of the other lane, refusals included."""
    quiet = Route("POST", "/quiet", answer_ok, is_logged=False, is_hot=True)
    async with open_served([*HOT, quiet], evolve(CONFIG, max_body_bytes=10)) as served:
        await served.ask("POST", "/quiet")
        await served.ask("POST", "/all/%C3%A9?a=1&b=%41", b"x", "User-Agent: t\xe9ster/1")
        await served.ask("POST", "/echo?", b"x" * 11)
    first, second = served.access_lines
    assert (first["method"], first["url"], first["status"]) == ("POST", "/all/%C3%A9?a=1&b=%41", 200)
    assert first["user_agent"] == "t\xe9ster/1"
    assert first["remote_addr"].startswith("127.0.0.1:")
    assert (second["url"], second["status"]) == ("/echo", 413)
    assert "user_agent" not in second


async def test_large_bodies_of_both_lanes_share_one_budget() -> None:
    """Half a body in the lane leaves no room for one in the other, and gives its room back at its end."""
    size = FREE_BYTES + 100_000
    request = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    async with (
        open_served(HOT, evolve(CONFIG, max_bodies_bytes=150_000)) as served,
        await served.connect() as slow,
    ):
        await slow.send_all(request[:-1])
        await trio.testing.wait_all_tasks_blocked(0.1)
        for beginning in (b"", OTHER):
            raw = await served.exchange(beginning + request)
            assert b"HTTP/1.1 503 " in raw
        await slow.send_all(request[-1:])
        assert (await read_until(slow, b'x"}')).startswith(b"HTTP/1.1 200 ")
        for beginning in (b"", OTHER):
            closing = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
            assert b"HTTP/1.1 200 " in await served.exchange(beginning + closing)


async def test_a_client_that_writes_in_two_pieces_is_not_slowed_down() -> None:
    """The second piece, which its kernel holds back (RFC 896), is let go at once, be it of head or body."""
    for at in (10, len(ECHO) - 1):
        async with open_served(HOT) as served, await served.connect() as stream:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, False)
            with trio.fail_after(2):
                for _ in range(100):
                    await stream.send_all(ECHO[:at])
                    await stream.send_all(ECHO[at:])
                    await read_until(stream, b"}")


# What clients may not do to it.


async def test_a_client_that_asks_on_and_never_reads_is_served_no_further() -> None:
    """While an answer is not out nothing more is read; after request_timeout_s the connection is cut off."""
    asked = 0

    async def wide(_request: Request) -> Response:
        nonlocal asked
        asked += 1
        return Response(200, b"x" * 10_000_000)

    async with open_served(
        [Route("POST", "/wide", wide, is_hot=True)], evolve(CONFIG, request_timeout_s=1)
    ) as served:
        stream = await served.connect()
        flood = b"POST /wide HTTP/1.1\r\nHost: x\r\n\r\n" * 2000

        async def send() -> None:
            while True:
                await stream.send_all(flood)

        with trio.fail_after(10), pytest.raises(trio.BrokenResourceError):
            await send()
        assert asked == 1
        await stream.aclose()
    assert served.errors == []


async def test_an_answer_that_is_not_read_is_not_followed_by_another() -> None:
    """A client cut off in the middle of an answer is told nothing more, also if its body came late."""
    config = evolve(CONFIG, request_timeout_s=1)
    async with open_served([Route("POST", "/big", big, is_hot=True)], config) as served:
        tasks = trio.lowlevel.current_statistics().tasks_living
        stream = await served.connect()
        await stream.send_all(b"POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked(0.05)
        await stream.send_all(b"x")
        await stream.receive_some(1)
        await until(lambda: trio.lowlevel.current_statistics().tasks_living == tasks)
        await stream.aclose()
    assert [line["status"] for line in served.access_lines] == [200]


async def test_a_client_that_hangs_up_before_its_answer_is_not_said_to_be_late() -> None:
    """Its body had come; that it does not wait for what became of it is no line in the log."""
    gate = Gate()
    async with open_served(gated(gate)) as served:
        tasks = trio.lowlevel.current_statistics().tasks_living
        async with await served.connect() as stream:
            await stream.send_all(b"POST /gate HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
            await trio.testing.wait_all_tasks_blocked(0.05)
            await stream.send_all(b"x")
            await until(lambda: gate.waiting == 1)
        await until(lambda: trio.lowlevel.current_statistics().tasks_living == tasks)
    assert served.access_lines == []


async def test_requests_that_wait_their_turn_do_not_hold_up_other_clients() -> None:
    """A client with many requests in one segment is served one at a time, like everybody."""
    order: list[bytes] = []

    async def note(request: Request) -> Response:
        order.append(request.body)
        return Response(200)

    request = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
    async with open_served([Route("POST", "/x", note, is_hot=True)]) as served:
        greedy, modest = await served.connect(), await served.connect()
        await greedy.send_all((request + b"g") * (RECEIVE_BYTES // len(request + b"g")))
        await modest.send_all(request + b"m")
        await until(lambda: b"m" in order)
        assert order.index(b"m") < 20
        for stream in (greedy, modest):
            await stream.aclose()


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST /ec",
        ECHO[:-1],
        CHUNKED[:-6],
        ECHO * 3 + b"P",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\nExpect: 100-continue\r\n\r\n",
        b"POST /echo HTTP/1.1\nHost",
        b"\x16\x03\x01",
    ],
)
async def test_clients_that_leave_at_any_point_leave_nothing(beginning: bytes) -> None:
    """However they go, no task, no descriptor and no object stays behind, and nothing is an error."""
    async with open_served(HOT) as served:
        tasks, files = trio.lowlevel.current_statistics().tasks_living, len(os.listdir("/proc/self/fd"))
        gc.collect()
        gc.disable()
        try:
            for resets in (False, True) * 10:
                stream = await served.connect()
                await stream.send_all(beginning)
                await trio.lowlevel.checkpoint()
                if resets:
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01" + b"\x00" * 7)
                await stream.aclose()
            # Connections are accepted in turn, so this one shows that all have been.
            assert (await served.ask("POST", "/echo")).status == 200
            await until(lambda: trio.lowlevel.current_statistics().tasks_living == tasks)
            await until(lambda: len(os.listdir("/proc/self/fd")) == files)
            assert not any(isinstance(each, Intake) for each in gc.get_objects())
        finally:
            gc.enable()
    assert served.errors == []


async def test_a_trailer_without_end_is_refused() -> None:
    """What is not body has the limit of a head, wherever it comes."""
    async with open_served(HOT, evolve(CONFIG, max_header_bytes=2000)) as served:
        [answer] = await converse(served, [CHUNKED[:-2], *[b"X-Long: " + b"x" * 500] * 10])
    assert answer.status == 431


async def test_a_crash_of_the_lane_costs_one_connection() -> None:
    """It is logged, the client is cut off, and others are served."""

    async def misbehave(_request: Request) -> Response:
        return Response(200, body="no bytes")  # type: ignore[arg-type]

    routes = [*HOT, Route("POST", "/bad", misbehave, is_hot=True)]
    async with open_served(routes) as served:
        assert await served.exchange(b"POST /bad HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        assert (await served.ask("POST", "/echo")).status == 200
    assert [entry["event"] for entry in served.errors] == ["connection failed"]


# Stopping.


def gated(gate: Gate) -> list[Route]:
    """Return a hot route that waits, and one that echoes."""
    return [Route("POST", "/gate", gate, is_hot=True), Route("POST", "/echo", echo, is_hot=True)]


async def test_stopping_answers_the_request_at_hand_and_no_other() -> None:
    """The client is told that the connection ends; what it had sent behind is not begun."""
    gate = Gate()
    async with open_served(gated(gate)) as served, await served.connect() as stream:
        await stream.send_all(b"POST /gate HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        await until(lambda: gate.waiting == 1)
        served.stop.set()
        await trio.testing.wait_all_tasks_blocked()
        gate.opened.set()
        with trio.fail_after(5):
            answer = parse(await read_all(stream))
        assert (answer.body, answer.headers["connection"]) == (b"done", "close")
        assert gate.waiting == 1


async def test_a_request_that_comes_with_the_end_is_served_or_not_begun() -> None:
    """Whatever the order of things, no endpoint is cut off half-way."""
    begun = done = 0

    async def endpoint(_request: Request) -> Response:
        nonlocal begun, done
        begun += 1
        await trio.lowlevel.checkpoint()
        done += 1
        return Response(200)

    for steps in [0, 1, 2, 3, 4] * 3:
        async with open_served([Route("POST", "/x", endpoint, is_hot=True)]) as served:
            client = socket.create_connection(("127.0.0.1", served.port))
            await trio.testing.wait_all_tasks_blocked()
            served.stop.set()
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            client.send(b"POST /x HTTP/1.1\r\nHost: x\r\n\r\n")
            await read_all(trio.SocketStream(trio.socket.from_stdlib_socket(client)))
            client.close()
        assert begun == done
    assert begun > 0


async def test_stopping_lets_half_a_body_come() -> None:
    """A request whose head has come counts as being served."""
    async with open_served(HOT) as served, await served.connect() as stream:
        await stream.send_all(ECHO[:-1])
        await trio.testing.wait_all_tasks_blocked(0.05)
        served.stop.set()
        await trio.testing.wait_all_tasks_blocked(0.05)
        await stream.send_all(ECHO[-1:])
        with trio.fail_after(5):
            answer = parse(await read_all(stream))
        assert (answer.status, answer.headers["connection"]) == (200, "close")


async def test_stopping_while_an_answer_is_not_read_ends_after_it() -> None:
    """The client may read the answer to its end; the connection is not used again."""
    config = evolve(CONFIG, keep_alive_timeout_s=60, request_timeout_s=60)
    async with (
        open_served([Route("POST", "/big", big, is_hot=True)], config) as served,
        await served.connect() as stream,
    ):
        await stream.send_all(b"POST /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await stream.receive_some(1)
        served.stop.set()
        with trio.fail_after(10):
            assert (await read_all(stream)).endswith(b"x" * 1000)


@pytest.mark.parametrize("steps", range(6))
async def test_stopping_reaches_connections_that_just_came(steps: int) -> None:
    """However far their acceptance has come, they are closed at once."""
    async with open_served(HOT, evolve(CONFIG, keep_alive_timeout_s=60)) as served:
        clients = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(3)]
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        served.stop.set()
        with trio.fail_after(5):
            for client in clients:
                assert await read_all(trio.SocketStream(trio.socket.from_stdlib_socket(client))) == b""
        for client in clients:
            client.close()


async def test_stopping_reaches_connections_that_were_handed_over() -> None:
    """Idle in the other lane is idle too."""
    async with open_served(HOT) as served, await served.connect() as stream:
        await stream.send_all(OTHER)
        await read_until(stream, b"not found\n")
        served.stop.set()
        with trio.fail_after(5):
            assert await read_all(stream) == b""
