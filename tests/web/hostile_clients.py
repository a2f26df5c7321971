"""What hostile clients do over HTTP/1, each on a connection of its own; every one leaves in the end.

They ask for what the daemon has, so that it can be attacked as well as servers that only echo.
"""

import socket
import struct
from typing import Protocol

import trio

from tests.web.face import read_all

HEAD = b"POST /job/x HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
ENDLESS = 200


class Server(Protocol):
    """Whom clients connect to."""

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        ...


async def connect(served: Server, *, reads: bool = True) -> trio.SocketStream:
    """Open a connection; of a client that will not read, the kernel keeps little."""
    client = trio.socket.socket()
    if not reads:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    try:
        await client.connect(("127.0.0.1", served.port))
    except BaseException:
        client.close()
        raise
    return trio.SocketStream(client)


def reset(stream: trio.SocketStream) -> None:
    """Close so that the server sees a reset."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


async def send(stream: trio.abc.SendStream, data: bytes) -> bool:
    """Send, and return whether the server was there for it."""
    try:
        await stream.send_all(data)
    except trio.BrokenResourceError:
        return False
    return True


async def say(served: Server, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send the pieces as long as the server takes them, and return all that it says until it closes."""
    received: list[bytes] = []

    async def read() -> None:
        received.append(await read_all(stream))

    with trio.fail_after(30):
        async with await connect(served) as stream, trio.open_nursery() as reading:
            reading.start_soon(read)
            for piece in pieces:
                if received or not await send(stream, piece):
                    break
                await trio.sleep(pause_s)
    return received[0]


async def trickle_head(served: Server) -> bytes:
    """Send a head byte by byte, for much longer than it may take."""
    return await say(served, HEAD, *[b"X"] * ENDLESS, pause_s=0.05)


async def trickle_body(served: Server) -> bytes:
    """Send a body byte by byte, for much longer than it may take."""
    return await say(served, HEAD + b"Content-Length: 999\r\n\r\n", *[b"x"] * ENDLESS, pause_s=0.05)


async def trickle_chunks(served: Server) -> bytes:
    """Send a body chunk by chunk, for much longer than it may take."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    return await say(served, head, *[b"1\r\nx\r\n"] * ENDLESS, pause_s=0.05)


async def leave_in_body(served: Server) -> bytes:
    """Send half a body and close."""
    async with await connect(served) as stream:
        await stream.send_all(HEAD + b"Content-Length: 100000\r\n\r\n" + b"x" * 50_000)
    return b""


async def reset_in_body(served: Server) -> bytes:
    """Send half a body and reset."""
    stream = await connect(served)
    await stream.send_all(HEAD + b"Content-Length: 100000\r\n\r\n" + b"x" * 50_000)
    reset(stream)
    return b""


async def promise_body(served: Server) -> bytes:
    """Wait to be told to go on, and send nothing then."""
    return await say(served, HEAD + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")


async def pipeline(served: Server) -> bytes:
    """Ask hundreds of times without waiting, then read."""
    request = HEAD + b"Content-Length: 1\r\n\r\nx"
    return await say(served, request * 299 + HEAD + b"Connection: close\r\n\r\n")


async def ask_and_not_read(served: Server) -> bytes:
    """Ask on and on and read nothing, as long as the server takes it."""
    stream = await connect(served, reads=False)
    request = HEAD + b"Content-Length: 10000\r\n\r\n" + b"x" * 10_000
    with trio.fail_after(30):
        while await send(stream, request * 6):
            pass
    await trio.aclose_forcefully(stream)
    return b""


async def not_read_large(served: Server) -> bytes:
    """Ask for an answer of megabytes and read only how it begins, until the server has had enough."""
    stream = await connect(served, reads=False)
    await stream.send_all(b"GET /queue/default/grabbed HTTP/1.1\r\nHost: x\r\n\r\n")
    begun = bytes(await stream.receive_some(15))
    with trio.fail_after(30):
        # What is in flight is still to be read, but it has an end.
        while await send(stream, b"\r\n"):
            await trio.sleep(0.05)
    await trio.aclose_forcefully(stream)
    return begun


async def say_nothing(served: Server) -> bytes:
    """Connect, and wait for the server to lose patience."""
    return await say(served)


async def reset_in_answer(served: Server) -> bytes:
    """Ask for an answer of megabytes, read how it begins, and reset."""
    stream = await connect(served)
    await stream.send_all(b"GET /queue/default/grabbed HTTP/1.1\r\nHost: x\r\n\r\n")
    begun = bytes(await stream.receive_some(15))
    reset(stream)
    return begun


async def connect_and_leave(served: Server) -> bytes:
    """Connect a hundred times, and close or reset at once."""
    for index in range(100):
        stream = await connect(served)
        if index % 2:
            reset(stream)
        else:
            await stream.aclose()
    return b""


async def flood_header(served: Server) -> bytes:
    """Send a header without end."""
    return await say(served, HEAD + b"X: ", *[b"x" * 10_000] * ENDLESS)


async def flood_headers(served: Server) -> bytes:
    """Send headers without end."""
    return await say(served, HEAD, *[b"X: y\r\n" * 1000] * ENDLESS)


async def flood_target(served: Server) -> bytes:
    """Send a request line without end."""
    return await say(served, b"POST /", *[b"x" * 10_000] * ENDLESS)


async def flood_extension(served: Server) -> bytes:
    """Send a chunk extension without end."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;"
    return await say(served, head, *[b"x" * 10_000] * ENDLESS)


async def flood_extensions(served: Server) -> bytes:
    """Send chunks of one byte, each with a long extension."""
    head = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunk = b"1;" + b"x" * 10_000 + b"\r\nx\r\n"
    return await say(served, head, *[chunk] * ENDLESS, b"0\r\n\r\n")


async def flood_trailers(served: Server) -> bytes:
    """Send trailers without end."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    return await say(served, head, *[b"X: " + b"y" * 1000 + b"\r\n"] * ENDLESS)


async def upgrade_to_websocket(served: Server) -> bytes:
    """Ask to speak WebSocket, and do so."""
    ask = (
        b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    return await say(served, ask, b"\x81\x85\x00\x00\x00\x00hello" * 20 + b"\r\n\r\n")


async def upgrade_badly(served: Server) -> bytes:
    """Ask for an HTTP/2 whose settings are none; Hypercorn on its own would end with that."""
    return await say(
        served,
        b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAEC\r\n\r\n",
    )
