"""What hostile clients do over HTTP/2, frame by frame, each on a connection of its own."""

from collections.abc import Iterable, Mapping

import trio
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.web.hostile_clients import Server, connect, say, send
from trioworq.web.bodies import MAX_STREAMS
from trioworq.web.frames import PREFACE

HELLO = PREFACE + SettingsFrame(0).serialize()
GOOD: Mapping[bytes, bytes] = {
    b":method": b"GET",
    b":path": b"/version",
    b":scheme": b"http",
    b":authority": b"x",
}
POST: Mapping[bytes, bytes] = {**GOOD, b":method": b"POST", b":path": b"/job/x"}


def headers(stream_id: int, fields: Mapping[bytes, bytes] = GOOD, *, ends: bool = True) -> bytes:
    """Return a request, or the beginning of one; each without regard to what was sent before."""
    frame = HeadersFrame(stream_id, Encoder().encode([*fields.items()]))
    frame.flags.add("END_HEADERS")
    if ends:
        frame.flags.add("END_STREAM")
    return frame.serialize()


def data(stream_id: int, body: bytes, *, ends: bool = True) -> bytes:
    """Return a part of a body."""
    frame = DataFrame(stream_id, body)
    frame.flags |= {"END_STREAM"} if ends else set()
    return frame.serialize()


def joined(frames: Iterable[Frame]) -> bytes:
    """Return the bytes of frames."""
    return b"".join(frame.serialize() for frame in frames)


def stream_ids(count: int) -> range:
    """Return the ids of a client's first streams."""
    return range(1, 2 * count, 2)


async def reset_rapidly(served: Server) -> bytes:
    """Ask hundreds of times, and take each question back at once (CVE-2023-44487)."""
    pairs = [headers(number) + RstStreamFrame(number, 8).serialize() for number in stream_ids(200)]
    return await say(served, HELLO, b"".join(pairs))


async def flood_settings(served: Server) -> bytes:
    """Send settings that are each to be acknowledged."""
    return await say(served, HELLO, joined([SettingsFrame(0, settings={4: 1000})]) * 3000)


async def flood_pings(served: Server) -> bytes:
    """Send pings that are each to be answered."""
    return await say(served, HELLO, PingFrame(0, b"pingpong").serialize() * 3000)


async def flood_unread(served: Server) -> bytes:
    """Send pings and read no answer, as long as the server takes it."""
    stream = await connect(served, reads=False)
    await stream.send_all(HELLO)
    with trio.fail_after(30):
        while await send(stream, PingFrame(0, b"pingpong").serialize() * 1000):
            pass
    await trio.aclose_forcefully(stream)
    return b""


async def flood_priorities(served: Server) -> bytes:
    """Have streams depend on streams that never come."""
    frames = [PriorityFrame(number, depends_on=number + 2) for number in stream_ids(3000)]
    return await say(served, HELLO, joined(frames))


async def flood_continuations(served: Server) -> bytes:
    """Continue a head without end (CVE-2024-27316)."""
    pieces = [ContinuationFrame(1, b"\x00" * 1000).serialize()] * 500
    return await say(served, HELLO, HeadersFrame(1, b"").serialize(), *pieces)


async def flood_empty_data(served: Server) -> bytes:
    """Send a body of empty frames without end."""
    begun = headers(1, POST, ends=False)
    return await say(served, HELLO, begun, *[DataFrame(1).serialize() * 100] * 50, pause_s=0.02)


async def compress_wildly(served: Server) -> bytes:
    """Send a small head that unfolds to megabytes."""
    encoder = Encoder()
    first = encoder.encode([*GOOD.items(), (b"x-long", b"x" * 3000)])
    again = encoder.encode([(b"x-long", b"x" * 3000)])
    frame = HeadersFrame(1, first + again * 10_000)
    frame.flags |= {"END_HEADERS", "END_STREAM"}
    return await say(served, HELLO + frame.serialize())


async def announce_a_long_frame(served: Server) -> bytes:
    """Announce sixteen megabytes, and send them."""
    head = (2**24 - 1).to_bytes(3) + b"\0\0" + (1).to_bytes(4)
    return await say(served, HELLO + headers(1, POST, ends=False) + head, *[b"x" * 60_000] * 100)


async def take_nothing(served: Server) -> bytes:
    """Ask as often as is allowed, and leave no room for the answers."""
    closed = SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}).serialize()
    return await say(served, PREFACE + closed + b"".join(map(headers, stream_ids(MAX_STREAMS))))


async def take_little(served: Server) -> bytes:
    """Ask for megabytes, and make room for one byte now and again."""
    closed = SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}).serialize()
    more = WindowUpdateFrame(1, window_increment=1).serialize()
    asking = headers(1, {**GOOD, b":path": b"/queue/default/grabbed"})
    return await say(served, PREFACE + closed + asking, *[more] * 100, pause_s=0.05)


async def begin_bodies(served: Server) -> bytes:
    """Begin as many requests as are allowed, each with a part of its body, and end none."""
    begun = [headers(number, POST, ends=False) for number in stream_ids(MAX_STREAMS)]
    bodies = [DataFrame(number, b"x" * 600).serialize() for number in stream_ids(MAX_STREAMS)]
    return await say(served, HELLO + b"".join(begun) + b"".join(bodies))


async def overflow_the_window(served: Server) -> bytes:
    """Make more room than there can be."""
    update = WindowUpdateFrame(0, window_increment=2**31 - 1).serialize()
    return await say(served, HELLO, update * 3)


async def ask_for_what_is_no_path(served: Server) -> bytes:
    """Ask for a path that is not ASCII; Hypercorn on its own would end with that."""
    return await say(served, HELLO + headers(1, {**GOOD, b":path": "/queue/あ".encode()}))


async def tunnel(served: Server) -> bytes:
    """Ask for a WebSocket over HTTP/2, without a path even."""
    return await say(served, HELLO + headers(1, {b":method": b"CONNECT", b":authority": b"x:1"}))


async def leave_after_asking(served: Server) -> bytes:
    """Ask as often as is allowed, and go."""
    async with await connect(served) as stream:
        await stream.send_all(HELLO + b"".join(map(headers, stream_ids(MAX_STREAMS))))
    return b""
