"""HTTP/2 without TLS, and what its clients may not do (I13)."""

import traceback

import h2.connection
import h2.events
import pytest
import trio
import trio.testing
from attrs import evolve
from h2.errors import ErrorCodes
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Event, RawData
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hyperframe.frame import PingFrame, SettingsFrame

from tests.web.endpoints import Gate, answer_ok, big
from tests.web.face import CONFIG, Face, open_face, open_served, parse, until
from tests.web.http2_client import ask_http_2, events_until
from trioworq.web.frames import PREFACE
from trioworq.web.http2 import STEP_BYTES, Protocol
from trioworq.web.messages import Route


async def exchange_http_2(face: Face, paths: list[bytes]) -> list[h2.events.Event]:
    """Ask for paths over HTTP/2 and return what comes until the server closes or a stream ends."""
    connection = ask_http_2(paths)
    events: list[h2.events.Event] = []
    with trio.fail_after(10):
        async with await face.connect() as stream:
            await stream.send_all(connection.data_to_send())
            while not any(isinstance(event, h2.events.StreamEnded) for event in events):
                data = await stream.receive_some()
                if not data:
                    break
                events += connection.receive_data(data)
    return events


async def test_http_2_works_without_tls(face: Face) -> None:
    """A client that knows the server speaks HTTP/2 is answered in it."""
    events = await exchange_http_2(face, [b"/version"])
    assert b"".join(event.data for event in events if isinstance(event, h2.events.DataReceived)).startswith(
        b"Fireworq"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {b":path": "/queue/あ".encode()},
        {b":path": b"/a b"},
        {b":path": b"/\x7f"},
        {b":method": b"G\xc9T"},
        {b":method": b"G T"},
        {b":method": b"CONNECT", b":protocol": b"websocket"},
    ],
    ids=repr,
)
async def test_what_http_1_could_not_carry_is_refused_in_http_2_too(
    face: Face, headers: dict[bytes, bytes]
) -> None:
    """Its stream is reset, whatever Hypercorn would make of it, and the connection goes on."""
    connection = ask_http_2([])
    good = {b":method": b"GET", b":path": b"/version", b":scheme": b"http", b":authority": b"x"}
    connection.send_headers(1, [*{**good, **headers}.items()], end_stream=True)
    connection.send_headers(3, [*good.items()], end_stream=True)
    async with await face.connect() as stream:
        events = await events_until(stream, connection, h2.events.StreamEnded)
    resets = [event for event in events if isinstance(event, h2.events.StreamReset)]
    assert [(event.stream_id, event.error_code) for event in resets] == [(1, ErrorCodes.PROTOCOL_ERROR)]
    assert events[-1].stream_id == 3
    assert face.errors == []


async def test_the_log_of_a_failure_does_not_show_what_the_client_sent() -> None:
    """It may be a secret, or as long as the client likes (I14)."""

    async def fail(_event: Event) -> None:
        raise OSError("no way out")

    ends = (None, None)
    context, state = WorkerContext(None), ConnectionState({})
    protocol = Protocol(None, answer_ok, HypercornConfig(), context, None, state, False, *ends, fail)
    sent = RawData(PREFACE + b"secret")
    with pytest.raises(OSError, match="no way out") as caught:
        await protocol.handle(sent)
    shown = "".join(traceback.format_exception(caught.value))
    assert "secret" not in shown
    assert "PRI * HTTP/2.0" not in shown


async def test_many_frames_at_once_do_not_hold_up_others() -> None:
    """They are read in steps, between which everybody has a turn."""

    class NoTasks:
        def spawn(self, *_arguments: object) -> None:
            """Leave out what would send answers."""

    async def ignore(_event: Event) -> None:
        pass

    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    context, state = WorkerContext(None), ConnectionState({})
    protocol = Protocol(
        "h2", answer_ok, HypercornConfig(), context, NoTasks(), state, False, None, None, ignore
    )
    pings = PingFrame(0, b"pingpong").serialize() * 4000
    await protocol.initiate()
    async with trio.open_nursery() as others:
        others.start_soon(take_turns)
        await protocol.handle(RawData(PREFACE + SettingsFrame(0).serialize() + pings))
        others.cancel_scope.cancel()
    assert turns >= len(pings) // STEP_BYTES // 2


async def test_a_body_may_go_on_behind_its_answer(face: Face) -> None:
    """A client that has not heard of its refusal yet does not lose its other requests."""
    connection = ask_http_2([])
    names = [b":method", b":path", b":scheme", b":authority"]
    connection.send_headers(1, list(zip(names, [b"POST", b"/nothing", b"http", b"x"], strict=True)))
    async with await face.connect() as stream:
        assert await ended_stream(stream, connection) == 1
        for _ in range(8):
            connection.send_data(1, b"x" * 8000)
        connection.send_data(1, b"", end_stream=True)
        connection.send_headers(
            3, list(zip(names, [b"GET", b"/version", b"http", b"x"], strict=True)), end_stream=True
        )
        assert await ended_stream(stream, connection) == 3
        assert connection.outbound_flow_control_window > 32_000
    assert face.errors == []


async def ended_stream(stream: trio.abc.Stream, connection: h2.connection.H2Connection) -> int:
    """Send what there is to send, and return the id of the next stream that the server ends."""
    events = await events_until(stream, connection, h2.events.StreamEnded)
    return next(event.stream_id for event in events if isinstance(event, h2.events.StreamEnded))


@pytest.mark.parametrize("settings", ["AAEC", "AAMAAABk"], ids=["bad", "good"])
async def test_an_upgrade_to_http_2_is_passed_over(face: Face, settings: str) -> None:
    """The request is answered in HTTP/1.1, as it may be, whatever Hypercorn would make of the settings."""
    raw = await face.exchange(
        b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: %s\r\n\r\n" % settings.encode()
    )
    assert parse(raw).body.startswith(b"Fireworq ")
    assert face.errors == []


@pytest.mark.parametrize(
    "beginning",
    [PREFACE, PREFACE + bytes.fromhex("000000040000000000 000020 01 05")],
    ids=["preface", "half a frame"],
)
async def test_a_client_that_begins_http_2_and_stops_is_cut_off(beginning: bytes) -> None:
    """Hypercorn waits for ever for what may follow; the connection does not."""
    async with open_face(request_timeout_s=1, keep_alive_timeout_s=1) as face:
        with trio.fail_after(5):
            await face.exchange(beginning)
    assert face.errors == []


async def test_a_client_that_takes_nothing_over_http_2_is_cut_off() -> None:
    """Flow control lets a client refuse an answer without a word; it has request_timeout_s to take it."""
    config = evolve(CONFIG, request_timeout_s=1, keep_alive_timeout_s=1, max_connections=1)
    async with open_served([Route("GET", "/big", big), Route("GET", "/gate", answer_ok)], config) as served:
        connection = ask_http_2([b"/big"])
        unread = await served.connect()
        await unread.send_all(connection.data_to_send())
        await unread.receive_some(1)
        with trio.fail_after(8):
            assert (await served.client.get("/gate")).status_code == 200
        await unread.aclose()
    assert served.errors == []


# Stopping.


async def test_stopping_tells_an_idle_client_of_http_2_what_was_begun() -> None:
    """Its next request, if it is on its way, can then be sent again elsewhere without a doubt."""
    gate = Gate()
    gate.opened.set()
    async with open_served(gate.routes()) as served, await served.connect() as stream:
        connection = ask_http_2([b"/gate"])
        await stream.send_all(connection.data_to_send())
        assert await ended_stream(stream, connection) == 1
        served.stop.set()
        events = await all_events(stream, connection)
    [end] = [event for event in events if isinstance(event, h2.events.ConnectionTerminated)]
    assert (end.error_code, end.last_stream_id) == (ErrorCodes.NO_ERROR, 1)
    assert served.errors == []


async def test_stopping_finishes_the_requests_of_http_2_and_begins_none() -> None:
    """A new one is refused in the way that says it was not begun, and the others are answered."""
    gate = Gate()
    async with open_served(gate.routes()) as served, await served.connect() as stream:
        connection = ask_http_2([b"/gate", b"/gate"])
        await stream.send_all(connection.data_to_send())
        await until(lambda: gate.waiting == 2)
        served.stop.set()
        await trio.testing.wait_all_tasks_blocked(0.05)
        headers = [(b":method", b"POST"), (b":path", b"/gate"), (b":scheme", b"http"), (b":authority", b"x")]
        connection.send_headers(5, headers)
        connection.send_data(5, b"{}", end_stream=True)
        await stream.send_all(connection.data_to_send())
        await trio.testing.wait_all_tasks_blocked(0.05)
        gate.opened.set()
        events = await all_events(stream, connection)
    ended = {event.stream_id for event in events if isinstance(event, h2.events.StreamEnded)}
    refused = [event for event in events if isinstance(event, h2.events.StreamReset)]
    assert ended == {1, 3}
    assert [(event.stream_id, event.error_code) for event in refused] == [(5, ErrorCodes.REFUSED_STREAM)]
    assert isinstance(events[-1], h2.events.ConnectionTerminated)
    assert gate.waiting == 2
    assert served.errors == []


async def all_events(
    stream: trio.abc.ReceiveStream, connection: h2.connection.H2Connection
) -> list[h2.events.Event]:
    """Return what comes until the server closes the connection."""
    events: list[h2.events.Event] = []
    with trio.fail_after(10):
        async for data in stream:
            events += connection.receive_data(data)
    return events
