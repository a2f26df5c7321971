"""Connections over HTTP/1 and hostile clients: a bad peer costs its own connection and no more (I13)."""

import errno
import resource
import socket
import time
import tracemalloc

import pytest
import trio
import trio.testing
from attrs import evolve
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from tests.web.endpoints import Gate, answer_ok, big, wide
from tests.web.face import (
    CONFIG,
    Face,
    is_alive,
    open_face,
    open_served,
    open_unread,
    parse,
    read_all,
    read_until,
    until,
)
from trioworq import __version__
from trioworq.web.edge import LAST_CALL_S, LAST_WORD_S, PATIENCE_S
from trioworq.web.messages import Route
from trioworq.web.server import LOOK_INTERVAL_S

pytestmark = pytest.mark.usefixtures("lane")

GET = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
VERSION_END = f"{__version__}\n".encode()


GATE = b"GET /gate HTTP/1.1\r\nHost: x\r\n\r\n"


# What clients may do.


async def test_pipelined_requests_are_answered_in_order(face: Face) -> None:
    """Several requests in one packet get as many answers."""
    requests = GET * 3 + b"GET /queues HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    raw = await face.exchange(requests)
    assert raw.count(b"HTTP/1.1 200 ") == 4
    assert raw.endswith(b"]")


async def test_a_connection_serves_many_requests(face: Face) -> None:
    """Keep-alive has no end of its own."""
    async with await face.connect() as stream:
        for _ in range(30):
            await stream.send_all(GET)
            assert (await read_until(stream, VERSION_END)).startswith(b"HTTP/1.1 200")


async def test_http_1_0_is_answered_and_closed(face: Face) -> None:
    """An old client needs no Host and gets its connection closed."""
    raw = await face.exchange(b"GET /version HTTP/1.0\r\n\r\n")
    assert parse(raw).status == 200
    assert parse(raw).body.startswith(b"Fireworq ")


async def test_a_body_may_come_in_chunks(face: Face) -> None:
    """A chunked push is a push."""
    raw = await face.exchange(
        b"POST /job/c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b'7\r\n{"url":\r\n4;x=y\r\n"u"}\r\n0\r\n\r\n'
    )
    assert parse(raw).status == 200
    assert [job.url for job in await face.jobs()] == ["u"]


async def test_a_client_may_wait_to_be_told_to_continue(face: Face) -> None:
    """`Expect: 100-continue` is answered before the body is sent."""
    async with await face.connect() as stream:
        await stream.send_all(
            b"POST /job/c HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(b'{"url":"u"}')
        assert (await read_until(stream, b"}")).startswith(b"HTTP/1.1 200 ")


async def test_a_client_may_end_its_side_once_it_has_asked(face: Face) -> None:
    """It is answered all the same, and so are its requests that wait behind others."""
    raw = await face.exchange(GET * 3, half_close=True)
    assert raw.count(b"HTTP/1.1 200 ") == 3
    assert raw.endswith(VERSION_END)


async def test_a_client_that_has_ended_its_side_may_take_its_time_to_read() -> None:
    """Only the beginning of the answer has to come soon."""
    async with open_served([Route("GET", "/big", big)]) as served, await served.connect() as stream:
        await stream.send_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await stream.send_eof()
        begun = await stream.receive_some(100)
        await trio.sleep(PATIENCE_S + 0.5)
        with trio.fail_after(20):
            assert len(begun + await read_all(stream)) > 50_000_000


async def test_a_client_that_has_ended_its_side_is_soon_given_up() -> None:
    """It may have gone for good, so an endpoint that takes long is not waited for."""
    gate = Gate()
    async with open_served(gate.routes()) as served:
        tasks = trio.lowlevel.current_statistics().tasks_living
        started_at = trio.current_time()
        assert await served.exchange(GATE, half_close=True) == b""
        assert PATIENCE_S / 2 < trio.current_time() - started_at < PATIENCE_S + 4
        await until(lambda: trio.lowlevel.current_statistics().tasks_living == tasks)
    assert gate.waiting == 1
    assert served.errors == []


async def test_a_refused_body_is_not_asked_for() -> None:
    """A client that waits for 100 gets its 413 whether or not it was told to go on."""
    async with open_face(max_body_bytes=100) as face:
        raw = await face.exchange(
            b"POST /job/c HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n"
        )
        assert b"HTTP/1.1 413 " in raw


# What clients may not do.


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 1000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 200 + b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
        b"POST /job/c HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /job/c HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /job/c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused_in_shape(face: Face, garbage: bytes) -> None:
    """The answer is a 4xx or 501 in text, and nothing is logged as a failure."""
    answer = parse(await face.exchange(garbage))
    assert answer.status in (400, 501)
    assert answer.body.startswith(b"%d " % answer.status)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert face.errors == []
    assert await is_alive(face)


async def test_a_broken_chunk_ends_its_request(face: Face) -> None:
    """A push whose framing breaks half-way is not stored."""
    raw = await face.exchange(
        b'POST /job/c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"url":\r\nzz\r\n'
    )
    assert raw == b"" or parse(raw).status == 400
    assert await face.jobs() == []
    assert face.errors == []
    assert await is_alive(face)


async def test_a_body_that_breaks_while_its_answer_begins_has_one_answer_at_most(face: Face) -> None:
    """The refusal of the body comes whole, that of the path may be cut off; neither follows the other."""
    head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answers: list[bytes] = []
    for steps in range(40):
        async with await face.connect() as stream:
            await stream.send_all(head + b"1\r\nx\r\n")
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            await stream.send_all(b"zz\r\n")
            with trio.fail_after(10):
                raw = await read_all(stream)
        answers.append(raw)
    assert all(raw.count(b"HTTP/1.1 ") <= 1 for raw in answers)
    refusals = [raw for raw in answers if raw.startswith(b"HTTP/1.1 400 ")]
    assert all(raw.endswith(b"\r\n\r\n400 Bad Request\n") for raw in refusals)
    assert face.errors == []


@pytest.mark.parametrize(
    "cut",
    [
        b"GE",
        b"GET /version HTTP/1.1\r\nHo",
        b"POST /job/c HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    ],
)
async def test_a_client_that_leaves_in_the_middle_leaves_nothing(face: Face, cut: bytes) -> None:
    """Half a request is no request, however the client goes."""
    await face.exchange(cut, half_close=True)
    stream = await face.connect()
    await stream.send_all(cut)
    # Closing with a linger of nothing sends a reset.
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    await stream.aclose()
    assert await is_alive(face)
    assert await face.jobs() == []
    assert face.errors == []


@pytest.mark.parametrize("pieces", [1, 40])
async def test_a_head_over_the_limit_is_refused(pieces: int) -> None:
    """A head of too many bytes is a 431, in one packet or in many; one within the limit is taken."""
    async with open_face(max_header_bytes=2000) as face:
        fits = GET[:-2] + b"X-Long: " + b"x" * 1500 + b"\r\nConnection: close\r\n\r\n"
        assert parse(await face.exchange(fits)).status == 200
        head = GET[:-2] + b"X-Long: " + b"x" * 4000 + b"\r\n\r\n"
        async with await face.connect() as stream:
            size = len(head) // pieces
            for start in range(0, len(head), size):
                try:
                    await stream.send_all(head[start : start + size])
                except trio.BrokenResourceError:
                    break
                await trio.lowlevel.checkpoint()
            with trio.fail_after(10):
                answer = parse(await read_all(stream))
        assert (answer.status, answer.body) == (431, b"431 Request Header Fields Too Large\n")


async def test_a_head_that_trickles_is_cut_off() -> None:
    """However steadily its bytes come, a head has one deadline."""
    async with open_face(request_timeout_s=1, keep_alive_timeout_s=30) as face:
        started_at = trio.current_time()
        async with await face.connect() as stream, trio.open_nursery() as senders:
            senders.start_soon(trickle, stream)
            with trio.fail_after(10):
                assert await read_all(stream) == b""
            senders.cancel_scope.cancel()
        assert 0.5 < trio.current_time() - started_at < 3


async def trickle(stream: trio.abc.Stream) -> None:
    """Send a request byte by byte, for much longer than it may take."""
    try:
        for byte in GET * 20:
            await stream.send_all(bytes([byte]))
            await trio.sleep(0.1)
    except trio.BrokenResourceError:
        pass


async def test_an_idle_connection_is_closed() -> None:
    """A client that says nothing, at first or after an answer, is closed after keep_alive_timeout."""
    async with open_face(request_timeout_s=30, keep_alive_timeout_s=1) as face:
        for greeting in (b"", GET):
            started_at = trio.current_time()
            raw = await face.exchange(greeting)
            assert raw.count(b"HTTP/1.1 200") == greeting.count(b"GET")
            assert 0.5 < trio.current_time() - started_at < 3


async def test_an_endpoint_may_take_its_time() -> None:
    """No time that a client has for something runs out while it waits for its answer."""
    gate = Gate()
    config = evolve(CONFIG, request_timeout_s=1, keep_alive_timeout_s=1)
    async with open_served(gate.routes(), config) as served, await served.connect() as stream:
        await stream.send_all(GATE)
        await trio.sleep(1.6)
        gate.opened.set()
        assert (await read_until(stream, b"done")).startswith(b"HTTP/1.1 200")


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    """It keeps its connection for request_timeout_s, not for ever: then the only slot is free again."""
    config = evolve(CONFIG, request_timeout_s=1, max_connections=1)
    async with open_served([Route("GET", "/big", big), Route("GET", "/gate", answer_ok)], config) as served:
        unread = await open_unread(served)
        with trio.fail_after(5):
            assert (await served.client.get("/gate")).status_code == 200
        await unread.aclose()
    assert served.errors == []


async def test_what_comes_behind_the_last_request_is_not_kept() -> None:
    """A client that has asked for the end and sends on while it waits takes no memory for that."""
    gate = Gate()
    more = b"x" * 1_000_000

    async def send_on() -> None:
        for _ in range(30):
            await stream.send_all(more)

    async with open_served(gate.routes()) as served, await served.connect() as stream:
        await stream.send_all(GATE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await until(lambda: gate.waiting == 1)
        async with trio.open_nursery() as sending:
            tracemalloc.start()
            try:
                sending.start_soon(send_on)
                await trio.testing.wait_all_tasks_blocked(0.1)
                assert tracemalloc.get_traced_memory()[0] < 5 * len(more)
            finally:
                tracemalloc.stop()
            gate.opened.set()
            assert (await read_until(stream, b"done")).startswith(b"HTTP/1.1 200 ")
            sending.cancel_scope.cancel()


async def test_a_client_that_is_cut_off_in_the_middle_of_a_head_is_no_fault() -> None:
    """That its answer cannot be completed is no news for the error log."""
    config = evolve(CONFIG, request_timeout_s=1, max_connections=1)
    async with open_served([Route("GET", "/wide", wide), Route("GET", "/gate", answer_ok)], config) as served:
        unread = await served.connect()
        await unread.send_all(b"GET /wide HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        with trio.fail_after(8):
            assert (await served.client.get("/gate")).status_code == 200
        await unread.aclose()
    assert served.errors == []


async def test_every_write_has_a_deadline() -> None:
    """Even an app that sets no limit to its answer cannot be held by a client that does not read."""
    ended = trio.Event()

    async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * 50_000_000, "more_body": False})
        finally:
            ended.set()

    async with open_served([], evolve(CONFIG, request_timeout_s=1), app=app) as served:
        unread = await open_unread(served)
        with trio.fail_after(5):
            await ended.wait()
        await unread.aclose()
    assert served.errors == []


async def test_a_closed_idle_connection_is_given_up_at_once(face: Face) -> None:
    """No task or socket waits for the idle time of a client that has gone."""
    before = trio.lowlevel.current_statistics().tasks_living
    for _ in range(20):
        async with await face.connect() as stream:
            await stream.send_all(GET)
            await read_until(stream, VERSION_END)
    with trio.fail_after(3):
        while trio.lowlevel.current_statistics().tasks_living > before:
            await trio.sleep(0.01)


async def test_connections_over_the_limit_wait() -> None:
    """The next connection is served when one of the others ends, and no sooner."""
    gate = Gate()
    async with open_served(gate.routes(), evolve(CONFIG, max_connections=2)) as served:
        streams = [await served.connect() for _ in range(3)]
        for stream in streams:
            await stream.send_all(GATE)
        await until(lambda: gate.waiting == 2)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert gate.waiting == 2
        await streams[0].aclose()
        await until(lambda: gate.waiting == 3)
        gate.opened.set()
        for stream in streams[1:]:
            await read_until(stream, b"done")
            await stream.aclose()


async def test_many_connections_at_once_are_all_served(face: Face) -> None:
    """A burst of clients beyond the limit is answered to the last."""
    answered: list[bytes] = []

    async def ask() -> None:
        raw = await face.exchange(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answered.append(raw[:12])

    async with trio.open_nursery() as clients:
        for _ in range(200):
            clients.start_soon(ask)
    assert answered == [b"HTTP/1.1 200"] * 200


async def test_running_out_of_files_is_survived(face: Face) -> None:
    """While no file can be opened clients wait; when one can, they are served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as client:
        spare = client.fileno()
        client.setblocking(False)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, hard))
            assert client.connect_ex(("127.0.0.1", face.port)) == errno.EINPROGRESS
            await until(lambda: any("cannot accept" in entry["event"] for entry in face.errors))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert await is_alive(face)


# Stopping.


async def test_stopping_lets_requests_finish_and_closes_the_rest() -> None:
    """Idle and half-heard clients are closed soon, new ones refused, the one being served is answered."""
    gate = Gate()
    async with open_served(gate.routes()) as served:
        idle, half, busy = [await served.connect() for _ in range(3)]
        await half.send_all(GATE[:9])
        await busy.send_all(GATE)
        await until(lambda: gate.waiting == 1)
        served.stop.set()
        with trio.fail_after(5):
            assert await read_all(idle) == await read_all(half) == b""
        with pytest.raises(OSError, match="all attempts to connect"):
            await served.connect()
        gate.opened.set()
        with trio.fail_after(5):
            assert (await read_all(busy)).endswith(b"\r\n\r\ndone")
        for stream in (idle, half, busy):
            await stream.aclose()


async def test_a_client_that_asks_once_more_while_the_server_stops_is_answered() -> None:
    """A request that was on its way to an idle connection is served, and its answer announces the end."""
    gate = Gate()
    gate.opened.set()
    async with open_served(gate.routes()) as served:
        used, fresh = await served.connect(), await served.connect()
        await used.send_all(GATE)
        assert b"connection" not in (await read_until(used, b"done")).lower()
        await trio.testing.wait_all_tasks_blocked(0.05)
        served.stop.set()
        await trio.testing.wait_all_tasks_blocked(0.05)
        for stream in (used, fresh):
            await stream.send_all(GATE)
            with trio.fail_after(5):
                raw = await read_all(stream)
            assert raw.lower().count(b"connection: close\r\n") == 1
            assert raw.endswith(b"done")
            await stream.aclose()


async def test_stopping_does_not_wait_long_for_clients_in_the_middle() -> None:
    """Half a body is refused and an unread answer cut off: jobs go on, and lose of their time, meanwhile."""
    config = evolve(CONFIG, request_timeout_s=600, keep_alive_timeout_s=600)
    routes = [Route("POST", "/ok", answer_ok), Route("GET", "/big", big)]
    half_a_body = b"POST /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234"
    async with open_served(routes, config) as served:
        early, late = await served.connect(), await served.connect()
        await early.send_all(half_a_body)
        unread = await open_unread(served)
        await trio.testing.wait_all_tasks_blocked(0.05)
        served.stop.set()
        await trio.testing.wait_all_tasks_blocked(0.05)
        await late.send_all(half_a_body)
        with trio.fail_after(LAST_WORD_S + 10):
            for stream in (early, late):
                answer = parse(await read_all(stream))
                assert (answer.status, answer.headers["connection"]) == (408, "close")
                assert answer.body.endswith(b"The body did not come in time\n")
            await served.stopped.wait()
        for stream in (early, late, unread):
            await stream.aclose()
    assert served.errors == []


async def test_a_server_without_clients_stops_at_once() -> None:
    """Nobody is waited for who is not there."""
    gate = Gate()
    async with open_served(gate.routes()) as served:
        async with await served.connect() as stream:
            await stream.send_all(GATE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            gate.opened.set()
            await read_all(stream)
        await trio.testing.wait_all_tasks_blocked(0.05)
        served.stop.set()
        with trio.fail_after(LAST_CALL_S / 2):
            await served.stopped.wait()


async def test_a_request_that_comes_as_idle_clients_are_closed_is_served() -> None:
    """However long the server was held up: what has arrived by then is read, and none is closed unheard."""
    gate = Gate()
    gate.opened.set()
    async with open_served(gate.routes()) as served:
        own = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(20)]
        clients = [trio.SocketStream(trio.socket.from_stdlib_socket(each)) for each in own]
        for stream in clients:
            await stream.send_all(GATE)
            await read_until(stream, b"done")
        served.stop.set()
        await trio.sleep(LAST_CALL_S - 0.2)
        for each in own:
            each.send(GATE)
        time.sleep(0.2 + 2 * LOOK_INTERVAL_S)  # noqa: ASYNC251  # holds up the server too
        for stream in clients:
            with trio.fail_after(5):
                raw = await read_all(stream)
            assert raw.endswith(b"done"), raw
            await stream.aclose()


async def test_an_answer_that_did_not_announce_the_end_is_not_the_last() -> None:
    """Its client may ask again, and learns it then."""
    gate = Gate()
    gate.opened.set()
    async with open_served([*gate.routes(), Route("GET", "/big", big)]) as served:
        async with await open_unread(served) as stream:
            served.stop.set()
            await trio.testing.wait_all_tasks_blocked(0.05)
            with trio.fail_after(20):
                await read_until(stream, b"x" * 1000, at_least=50_000_000)
                await stream.send_all(GATE)
                answer = parse(await read_all(stream))
        assert (answer.body, answer.headers["connection"]) == (b"done", "close")


async def test_cancelling_the_server_cuts_everything_off() -> None:
    """A deadline ends requests that do not end, and clients that do not read, at once."""
    gate = Gate()
    async with open_served([*gate.routes(), Route("GET", "/big", big)]) as served:
        waiting, unread = await served.connect(), await open_unread(served)
        await waiting.send_all(GATE)
        await until(lambda: gate.waiting == 1)
        cut_off_at = trio.current_time()
    assert trio.current_time() - cut_off_at < 2
    with trio.fail_after(5):
        assert await read_all(waiting) == b""
        assert len(await read_all(unread)) < 50_000_000
    for stream in (waiting, unread):
        await stream.aclose()
    assert served.errors == []


async def test_an_app_that_fails_is_logged() -> None:
    """What an app raises goes to the error log, its client gets a 500, and the server lives."""
    error = ValueError("broken app")

    async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        raise error

    async with open_served([], app=app) as served:
        for _ in range(2):
            assert (await served.client.get("/")).status_code == 500
    assert [entry["exc_info"] for entry in served.errors] == [error, error]
