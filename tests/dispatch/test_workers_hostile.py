"""Workers that do everything wrong: each gives the contract's verdict, harms nothing and is soon forgotten.

Every case checks the same things: one verdict and no exception, within its time; the connection closed; the
next call on the pool served; and after many such calls no task, file or memory in use that was not before,
while another host is called as if nothing were.
"""

import gzip
import socket
from collections.abc import Awaitable, Callable

import pytest
import trio
from attrs import frozen

from tests.dispatch.hostile_worker import Peer, acting, answer, hostile_worker, polite
from tests.dispatch.pools import pool, until
from tests.dispatch.push_side import open_push_side
from tests.in_use import InUse, flat
from trioworq.core.results import Result, ResultStatus
from trioworq.core.routing import Routing
from trioworq.dispatch.hops import MAX_REDIRECTS
from trioworq.dispatch.workers import Workers

GOOD = Result(ResultStatus.SUCCESS, 200, "")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LARGE = b"x" * 5_000_000

Reaction = Callable[[Peer], Awaitable[None]]


def says(*pieces: bytes, then_reset: bool = False) -> Reaction:
    """Take the request, send the pieces, then close (or reset)."""

    async def react(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.say(piece)
        if then_reset:
            peer.reset()

    return react


def trickles(start: bytes, piece: bytes, every_s: float = 0.01) -> Reaction:
    """Take the request, then send a piece now and again, for ever."""

    async def react(peer: Peer) -> None:
        await peer.request()
        await peer.say(start)
        while True:
            await peer.say(piece)
            await trio.sleep(every_s)

    return react


def floods(start: bytes, piece: bytes) -> Reaction:
    """Take the request, then send for ever, as fast as can be."""
    return trickles(start, piece, every_s=0)


async def resets_at_once(peer: Peer) -> None:
    """Reset the connection before anything is said."""
    peer.reset()


async def resets_in_the_request(peer: Peer) -> None:
    """Reset after the first bytes of the request."""
    await peer.stream.receive_some(1)
    peer.reset()


async def closes_in_the_request(peer: Peer) -> None:
    """Close after the first bytes of the request."""
    await peer.stream.receive_some(1)


async def half_closes(peer: Peer) -> None:
    """Take the request and say that there will be no answer, but keep listening."""
    await peer.request()
    peer.half_close()
    await peer.hang()


async def half_closes_in_the_body(peer: Peer) -> None:
    """Send half an answer and say that this was all, but keep listening."""
    await peer.request()
    await peer.say(HEAD + b"Content-Length: 99\r\n\r\n{")
    peer.half_close()
    await peer.hang()


async def redirects_to_itself(peer: Peer) -> None:
    """Send every caller back where it came from."""
    for _ in range(1 + MAX_REDIRECTS):
        await peer.request()
        await peer.say(answer(b"", "Location: /", status="302 Found"))


@frozen
class Verdict:
    """What a call should come to: how its message begins, and what is in it."""

    status: ResultStatus
    code: int
    beginning: str
    reason: str


def internal(reason: str) -> Verdict:
    """There was no answer."""
    return Verdict(ResultStatus.INTERNAL_FAILURE, 0, 'Request failed: Post "http://127.0.0.1:', reason)


def unread(reason: str) -> Verdict:
    """There was half an answer."""
    return Verdict(ResultStatus.FAILURE, 200, "Cannot read body: ", reason)


def senseless(reason: str) -> Verdict:
    """There was an answer, but it says nothing."""
    return Verdict(ResultStatus.FAILURE, 200, "Cannot parse body as JSON: ", reason)


# Ten answers of a megabyte, unzipped and read as text, and what the bad workers themselves take.
PEAK_BYTES = 60_000_000

BOMB = gzip.compress(b"\x00" * 30_000_000)
DEEP = b"[" * 500_000

CASES = {
    "closes at once": (says(), b"", internal("EOF")),
    "resets at once": (resets_at_once, b"", internal("connection reset by peer")),
    "resets in the request": (resets_in_the_request, LARGE, internal("")),
    "closes in the request": (closes_in_the_request, LARGE, internal("")),
    "resets after the request": (says(then_reset=True), b"", internal("connection reset by peer")),
    "resets in the head": (says(HEAD, then_reset=True), b"", internal("connection reset by peer")),
    "closes in the head": (says(HEAD), b"", internal("unexpected EOF")),
    "half-closes": (half_closes, b"", internal("EOF")),
    "half-closes in the body": (half_closes_in_the_body, b"", unread("unexpected EOF")),
    "trickles the head": (trickles(HEAD, b"A: b\r\n"), b"", internal("context deadline exceeded")),
    "trickles the body": (
        trickles(HEAD + b"Content-Length: 9999\r\n\r\n", b"x"),
        b"",
        unread("context deadline exceeded"),
    ),
    "endless head": (floods(HEAD, b"A: " + b"b" * 1000 + b"\r\n"), b"", internal("headers")),
    "endless header": (floods(HEAD + b"A: ", b"b" * 9999), b"", internal("exceeded 65536 bytes")),
    "endless body": (floods(HEAD + b"\r\n", b"x" * 9999), b"", unread("larger than 1000000 bytes")),
    "endless chunks": (
        floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"3e8\r\n" + b"x" * 1000 + b"\r\n"),
        b"",
        unread("larger than 1000000 bytes"),
    ),
    "endless trailers": (
        floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: ", b"b" * 9999),
        b"",
        unread("exceeded 65536 bytes"),
    ),
    "says too much": (says(HEAD + b"Content-Length: 1000001\r\n\r\n{"), b"", unread("larger than")),
    "length too long": (says(HEAD + b"Content-Length: 99\r\n\r\n{}"), b"", unread("unexpected EOF")),
    "resets in the body": (
        says(HEAD + b"Content-Length: 99\r\n\r\n{}", then_reset=True),
        b"",
        unread("connection reset by peer"),
    ),
    "cut in a chunk": (
        says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{"),
        b"",
        unread("unexpected EOF"),
    ),
    "bad chunk": (says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), b"", unread("malformed")),
    "bad status line": (says(b"HTTP/1.1 OK\r\n\r\n"), b"", internal("malformed HTTP response")),
    "no status line": (says(b"<html>hello</html>"), b"", internal("malformed HTTP response")),
    "bad header": (says(HEAD + b"no colon\r\n\r\n"), b"", internal("malformed HTTP response")),
    "NUL in a header": (says(HEAD + b"A: \x00\r\n\r\n"), b"", internal("malformed HTTP response")),
    "nothing but NULs": (says(b"\x00" * 1000), b"", internal("malformed HTTP response")),
    "two lengths": (
        says(HEAD + b"Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}"),
        b"",
        internal("malformed HTTP response"),
    ),
    "length and chunks": (
        says(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        b"",
        internal("malformed HTTP response"),
    ),
    "HTTP/0.9": (says(b'{"status":"success"}'), b"", internal("malformed HTTP response")),
    "HTTP/2": (
        says(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"),
        b"",
        internal("malformed HTTP response"),
    ),
    "a hundred 100s": (
        says(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, answer()),
        b"",
        internal("too many 1xx informational responses"),
    ),
    "switches protocols": (
        says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
        b"",
        internal("unexpected 101"),
    ),
    "gzip bomb": (
        says(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB),
        b"",
        unread("larger than 1000000 bytes"),
    ),
    "gzip bomb in a gzip bomb": (
        says(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(BOMB)),
        b"",
        senseless(""),
    ),
    "gzip in tiny chunks": (
        says(
            HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
            *[b"1\r\n%c\r\n" % byte for byte in BOMB[:3000]],
        ),
        b"",
        unread("larger than 1000000 bytes"),
    ),
    "deep JSON": (
        says(HEAD + b"Content-Length: %d\r\n\r\n" % len(DEEP), DEEP),
        b"",
        senseless(""),
    ),
    "endless number": (
        says(HEAD + b"\r\n" + b'{"status":"success","code":' + b"9" * 900_000 + b"}"),
        b"",
        senseless(""),
    ),
    "the same encoding twice": (
        says(HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        b"",
        senseless(""),
    ),
    "redirects to itself": (
        redirects_to_itself,
        b"",
        internal("stopped after 10 redirects"),
    ),
    "truncated gzip": (
        says(HEAD + b"Content-Encoding: gzip\r\n\r\n", BOMB[:50]),
        b"",
        unread("unexpected EOF"),
    ),
    "lying gzip": (
        says(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        b"",
        unread("gzip: "),
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_bad_worker_gets_its_verdict_and_harms_nothing(name: str) -> None:
    """Each kind of bad worker gives one verdict, loses its connection and leaves the pool in order."""
    reaction, payload, verdict = CASES[name]
    async with hostile_worker(acting(reaction), polite) as worker, pool() as workers:
        with trio.fail_after(5):
            result = await workers.post_within(0.5 if "trickles" in name else 4, worker.url, payload)
        await until(lambda: worker.open_connections == 0)
        assert (result.status, result.code) == (verdict.status, verdict.code)
        assert result.message.startswith(verdict.beginning)
        assert verdict.reason in result.message
        assert worker.connections == 1
        assert await workers.post(worker.url, b"", 5) == GOOD


@pytest.mark.parametrize("name", CASES)
async def test_many_calls_to_a_bad_worker_leave_nothing_and_slow_no_other_host(name: str) -> None:
    """After them no more tasks, files and memory are in use than before; meanwhile a good host is called."""
    reaction, payload, verdict = CASES[name]
    count = 3 if payload else 10
    async with (
        hostile_worker(acting(reaction)) as bad,
        hostile_worker(polite) as good,
        pool() as workers,
    ):

        async def call() -> None:
            result = await workers.post_within(0.5 if "trickles" in name else 8, bad.url, payload)
            assert result.status is verdict.status

        await call()
        await until(lambda: bad.open_connections == 0)
        assert await workers.post(good.url, b"", 5) == GOOD
        async with flat(
            InUse.now(), peak_bytes=PEAK_BYTES + count * 3 * len(payload), records=[good.requests]
        ):
            await together(call, count, while_calling(workers, good.url))
            await until(lambda: bad.open_connections == 0)


def while_calling(workers: Workers, url: str) -> Callable[[], Awaitable[None]]:
    """Call a good host, and want each answer soon (I8)."""

    async def call() -> None:
        while True:
            with trio.fail_after(3):
                assert await workers.post(url, b"", 5) == GOOD
            await trio.sleep(0.01)

    return call


async def together(
    act: Callable[[], Awaitable[None]], count: int, meanwhile: Callable[[], Awaitable[None]]
) -> None:
    """Act many times at once, while something else goes on."""
    async with trio.open_nursery() as others:
        others.start_soon(meanwhile)
        async with trio.open_nursery() as actors:
            for _ in range(count):
                actors.start_soon(act)
        others.cancel_scope.cancel()


@pytest.mark.parametrize(
    "name", ["half-closes", "trickles the head", "trickles the body", "endless body", "gzip bomb"]
)
async def test_a_queue_of_bad_workers_slows_no_other(name: str) -> None:
    """Jobs of another queue are done one after the other while it uses all the workers it has (I8, I13)."""
    reaction, _, _ = CASES[name]
    async with (
        hostile_worker(acting(reaction)) as bad,
        hostile_worker(polite) as good,
        pool() as workers,
        open_push_side(workers) as side,
    ):
        await side.define("bad", max_workers=5)
        await side.queues.routings.put(Routing("bad", "bad"))
        for _ in range(30):
            await side.push(bad.url, "bad", timeout_s=1, max_retries=3)
        await until(lambda: bad.connections > 0)
        for done in range(1, 11):
            await side.push(good.url)
            with trio.fail_after(3):
                while len(good.requests) < done:
                    await trio.sleep(0.002)
        assert {line["log_level"] for line in side.error_lines} <= {"debug", "info"}


async def test_a_worker_that_is_not_there_is_an_internal_failure() -> None:
    """A refused connection is named as Go names it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with pool() as workers:
            result = await workers.post(f"http://127.0.0.1:{port}/", b"", 5)
    message = (
        f'Request failed: Post "http://127.0.0.1:{port}/": '
        f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    )
    assert result == Result(ResultStatus.INTERNAL_FAILURE, 0, message)


@pytest.mark.parametrize(
    "reaction",
    [
        says(answer() + b"garbage"),
        says(answer() + answer(b'{"status":"failure"}')),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b'{"status":"success"}' + b"too long"),
        says(HEAD + b"\r\n" + b'{"status":"success"}'),
        says(*(bytes([byte]) for byte in answer())),
        says(b"HTTP/1.1 100 Continue\r\n\r\n", answer()),
        says(answer(), then_reset=True),
    ],
    ids=["garbage", "second reply", "length too short", "until close", "bytewise", "interim", "reset"],
)
async def test_an_odd_worker_that_answers_is_believed(reaction: Reaction) -> None:
    """A whole answer counts, whatever comes with it or after it; the next job has a new connection."""
    async with hostile_worker(acting(reaction), polite) as worker, pool() as workers:
        assert await workers.post(worker.url, b"", 5) == GOOD
        await until(lambda: worker.open_connections == 0)
        assert await workers.post(worker.url, b"", 5) == GOOD
    assert worker.connections == 2


async def test_an_answer_before_the_request_was_read_counts() -> None:
    """A worker that refuses a large job without reading it is heard, not timed out."""

    async def refuses(peer: Peer) -> None:
        await peer.stream.receive_some(1)
        await peer.say(answer(b'{"status":"permanent-failure","message":"too large"}'))
        await heard.wait()

    heard = trio.Event()
    async with hostile_worker(acting(refuses), polite) as worker, pool() as workers:
        result = await workers.post(worker.url, b"x" * 30_000_000, 5)
        assert result == Result(ResultStatus.PERMANENT_FAILURE, 200, "too large")
        assert await workers.post(worker.url, b"", 5) == GOOD
        assert worker.connections == 2
        heard.set()
