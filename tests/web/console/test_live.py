"""What pages are sent while they are open: without end, but for the client's and the daemon's."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count
from typing import cast

import h2.events
import pytest
import trio
from attrs import define, field

from tests.web.console.site import Site, open_site
from tests.web.face import read_all, read_until, until
from tests.web.http2_client import events_until, open_http_2, request_headers
from tests.web.witness import WitnessedStream
from trioworq.manage.feed import Feed, Snapshot
from trioworq.web.console import live
from trioworq.web.console.live import BEAT_INTERVAL_S, MAX_VIEWERS, Events, Viewers

LIVE = "/console/live?view=overview"
ASKING = f"GET {LIVE} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
MESSAGE_END = b"}\n\n\r\n"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The console, with connections for more pages than are kept up to date."""
    async with open_site(max_connections=MAX_VIEWERS + 10) as site:
        yield site


async def watch(site: Site, stack: AsyncExitStack) -> WitnessedStream:
    """Open a page's stream, and read it up to its first message."""
    stream = await stack.enter_async_context(await site.connect())
    await stream.send_all(ASKING)
    begun = await read_until(stream, MESSAGE_END)
    assert begun.startswith(b"HTTP/1.1 200 "), begun
    return stream


async def stop(site: Site) -> None:
    """Stop as the daemon does."""
    site.management.feed.leave()
    site.stop.set()
    with trio.fail_after(10):
        await site.stopped.wait()


async def test_a_page_is_sent_events(site: Site) -> None:
    """As they come, with numbers, and kept by nobody on the way."""
    async with await site.connect() as stream:
        await stream.send_all(ASKING)
        received = await read_until(stream, MESSAGE_END)
        head, _, body = received.partition(b"\r\n\r\n")
        assert b"content-type: text/event-stream\r\n" in head
        assert b"cache-control: no-store\r\n" in head
        assert b"x-accel-buffering: no\r\n" in head
        assert b"content-length" not in head
        assert b"retry: 1000\n\n" in body
        assert b"id: 1\ndata: {" in body
        assert b"id: 2\ndata: {" in await read_until(stream, MESSAGE_END)
    assert [line["url"] for line in site.access_lines] == [LIVE]


async def test_events_have_all_the_time_there_is() -> None:
    """More than an answer may take that has an end."""
    async with open_site(request_timeout_s=1) as site, await site.connect() as stream:
        await stream.send_all(ASKING)
        began_s = trio.current_time()
        while trio.current_time() < began_s + 2.5:
            await read_until(stream, MESSAGE_END)


async def test_an_unknown_view_is_refused(site: Site) -> None:
    """With those that there are."""
    answer = await site.browser.get("/console/live?view=x")
    assert answer.status_code == 400
    assert "overview" in answer.text


async def test_events_have_no_head(site: Site) -> None:
    """Nothing could be said of their length."""
    assert (await site.ask("HEAD", LIVE)).status == 405


async def test_an_open_stream_does_not_hold_up_a_stop(site: Site) -> None:
    """It ends, in order, and the connection with it."""
    async with AsyncExitStack() as stack:
        stream = await watch(site, stack)
        await stop(site)
        with trio.fail_after(10):
            assert (await read_all(stream)).endswith(b"0\r\n\r\n")


async def test_an_open_stream_of_http_2_does_not_hold_up_a_stop(site: Site) -> None:
    """It ends, in order."""
    async with open_http_2(site) as (stream, connection):
        connection.send_headers(1, request_headers("GET", LIVE), end_stream=True)
        events = await events_until(stream, connection, h2.events.DataReceived)
        (answer,) = [event for event in events if isinstance(event, h2.events.ResponseReceived)]
        assert dict(answer.headers)[b"content-type"] == b"text/event-stream"
        async with trio.open_nursery() as stopping:
            stopping.start_soon(stop, site)
            await events_until(stream, connection, h2.events.StreamEnded)


async def test_there_is_room_for_so_many_and_no_more(site: Site) -> None:
    """Who comes then is told to come back; when a page is closed there is room again."""
    async with AsyncExitStack() as stack:
        streams = [await watch(site, stack) for _ in range(MAX_VIEWERS)]
        answer = await site.ask("GET", LIVE)
        assert (answer.status, answer.headers["retry-after"]) == (503, "10")
        await streams[0].aclose()
        with trio.fail_after(10):
            while not await has_room(site):
                await trio.sleep(0.05)


async def has_room(site: Site) -> bool:
    """Whether one more page would be kept up to date."""
    async with await site.connect() as stream:
        await stream.send_all(ASKING)
        return (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_resets_its_stream_leaves_room(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP/2, where the connection stays."""
    monkeypatch.setattr(live, "MAX_VIEWERS", 1)
    async with open_http_2(site) as (stream, connection):

        async def status(number: int, until: type[h2.events.Event] = h2.events.ResponseReceived) -> bytes:
            connection.send_headers(number, request_headers("GET", LIVE), end_stream=True)
            events = await events_until(stream, connection, until)
            (answer,) = [event for event in events if isinstance(event, h2.events.ResponseReceived)]
            assert answer.stream_id == number
            return dict(answer.headers)[b":status"]

        assert await status(1, h2.events.DataReceived) == b"200"
        assert await status(3) == b"503"
        connection.reset_stream(1)
        with trio.fail_after(10):
            numbers = count(5, 2)
            while await status(next(numbers)) != b"200":
                await trio.sleep(0.05)


@define(eq=False)
class Slow:
    """A feed that has a snapshot when it is told to."""

    number: int = field(default=0, init=False)
    is_over: bool = field(default=False, init=False)
    changed: trio.Event = field(factory=trio.Event, init=False)

    async def next(self, after: int) -> Snapshot | None:
        """Wait for one."""
        while not self.is_over and self.number <= after:
            await self.changed.wait()
        await trio.lowlevel.checkpoint()
        return None if self.is_over else Snapshot(number=self.number, time_ms=0)

    def tell(self) -> None:
        """Have those look who wait."""
        self.changed.set()
        self.changed = trio.Event()

    def have(self, number: int) -> None:
        """Have a snapshot."""
        self.number = number
        self.tell()


def told(seen: list[tuple[int, int | None]]) -> Callable[[Snapshot, Snapshot | None], bytes]:
    """Write nothing of odd snapshots, and note of which one was told."""

    def write(snapshot: Snapshot, before: Snapshot | None) -> bytes:
        seen.append((snapshot.number, before.number if before else None))
        return b"" if snapshot.number % 2 else b"{}"

    return write


async def test_without_news_there_is_a_beat(autojump_clock: trio.testing.MockClock) -> None:
    """So that a page knows of a connection that was lost unheard."""
    slow, seen = Slow(), list[tuple[int, int | None]]()
    events = Events(cast("Feed", slow), told(seen), Viewers())
    assert await anext(events) == b"retry: 1000\n\n"
    for _ in range(2):
        began_s = trio.current_time()
        assert await anext(events) == b"event: beat\ndata: .\n\n"
        assert trio.current_time() - began_s == pytest.approx(BEAT_INTERVAL_S)
    slow.have(2)
    assert await anext(events) == b"id: 2\ndata: {}\n\n"
    slow.have(3)
    assert (await anext(events)).startswith(b"event: beat")
    slow.have(4)
    assert await anext(events) == b"id: 4\ndata: {}\n\n"
    assert seen == [(2, None), (3, 2), (4, 3)]
    slow.is_over = True
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_room_is_taken_by_who_has_begun_and_given_back_once() -> None:
    """What is never begun takes none, and who finds none leaves at once."""
    viewers = Viewers(MAX_VIEWERS - 1)
    first, second = (Events(cast("Feed", Slow()), told([]), viewers) for _ in range(2))
    assert not viewers.is_full
    await anext(first)
    assert viewers.is_full
    with pytest.raises(StopAsyncIteration):
        await anext(second)
    await second.aclose()
    assert viewers.is_full
    await first.aclose()
    await first.aclose()
    assert viewers.number == MAX_VIEWERS - 1
    await until(lambda: not viewers.is_full)
