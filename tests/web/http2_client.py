"""A client of HTTP/2 for tests, over a connection in the clear."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import h2.config
import h2.connection
import h2.events
import trio

from tests.web.face import Served


def request_headers(method: str, path: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request."""
    return [
        (b":method", method.encode()),
        (b":path", path.encode()),
        (b":scheme", b"http"),
        (b":authority", b"x"),
    ]


@asynccontextmanager
async def open_http_2(
    served: Served,
) -> AsyncIterator[tuple[trio.abc.Stream, h2.connection.H2Connection]]:
    """Connect, and return what to send by and what says what."""
    connection = ask_http_2([])
    async with await served.connect() as stream:
        yield stream, connection


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


async def events_until(
    stream: trio.abc.Stream, connection: h2.connection.H2Connection, kind: type[h2.events.Event]
) -> list[Any]:
    """Send what there is to send, and return the server's events up to the first of a kind."""
    events: list[Any] = []
    with trio.fail_after(10):
        while not any(isinstance(event, kind) for event in events):
            await stream.send_all(connection.data_to_send())
            data = await stream.receive_some()
            assert data, "the server has closed the connection"
            events += connection.receive_data(data)
    return events
