"""HTTP/2 without TLS, and what its clients may not do (I13)."""

import base64
import traceback

import h2.config
import h2.connection
import h2.events
import pytest
import trio
import trio.testing
from attrs import evolve
from h2.errors import ErrorCodes

from tests.web.endpoints import Gate, answer_ok, big
from tests.web.face import CONFIG, Face, is_alive, open_face, open_served, until
from trioworq.web.messages import Route


def ask_http_2(paths: list[bytes]) -> h2.connection.H2Connection:
    """Return a client's side of HTTP/2 that has paths to ask for."""
    # Its own checks are off: what is sent may be meant to be wrong.
    config = h2.config.H2Configuration(
        validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None
    )
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    for path in paths:
        headers = [(b":method", b"GET"), (b":path", path), (b":scheme", b"http"), (b":authority", b"x")]
        connection.send_headers(connection.get_next_available_stream_id(), headers, end_stream=True)
    return connection


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


async def test_a_path_of_http_2_that_is_not_ascii_ends_its_connection_only(face: Face) -> None:
    """Hypercorn fails on it; the failure is logged once and the daemon lives."""
    await exchange_http_2(face, ["/queue/あ".encode()])
    await until(lambda: len(face.errors) == 1)
    assert face.errors[0]["event"] == "connection failed"
    assert await is_alive(face)


async def test_the_log_of_a_failure_does_not_show_what_the_client_sent(face: Face) -> None:
    """It may be a secret, or as long as the client likes (I14)."""
    await exchange_http_2(face, ["/queue/あ".encode()])
    await until(lambda: len(face.errors) == 1)
    assert "PRI * HTTP/2.0" not in "".join(traceback.format_exception(face.errors[0]["exc_info"]))


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
    with trio.fail_after(10):
        while True:
            await stream.send_all(connection.data_to_send())
            data = await stream.receive_some()
            assert data, "the server has closed the connection"
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    return event.stream_id


async def test_an_upgrade_to_http_2_with_bad_settings_ends_its_connection_only(face: Face) -> None:
    """Hypercorn fails on it; the failure is logged once and the daemon lives."""
    settings = base64.urlsafe_b64encode(b"\x00\x01\x02").decode()
    raw = (
        "GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        f"HTTP2-Settings: {settings}\r\n\r\n"
    )
    await face.exchange(raw.encode())
    await until(lambda: len(face.errors) == 1)
    assert await is_alive(face)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def websocket_over_http_2() -> bytes:
    """Return a handshake that Hypercorn refuses, and whose stream the client leaves open."""
    connection = ask_http_2([])
    names = [b":method", b":protocol", b":path", b":scheme", b":authority", b"sec-websocket-version"]
    values = [b"CONNECT", b"websocket", b"/version", b"http", b"x", b"12"]
    connection.send_headers(1, list(zip(names, values, strict=True)))
    return connection.data_to_send()


@pytest.mark.parametrize(
    "beginning",
    [PREFACE, PREFACE + bytes.fromhex("000000040000000000 000020 01 05"), websocket_over_http_2()],
    ids=["preface", "half a frame", "refused websocket"],
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
