"""Both lanes read every request alike, however its bytes are cut up on their way."""

import random
from collections.abc import AsyncIterator

import orjson
import pytest
import trio
from attrs import define, evolve

from tests.web.exchanges import Seen, bytewise, converse, cut_at_random, echo_routes, whole
from tests.web.face import CONFIG, Served, open_served

CHUNKED = b"Transfer-Encoding: chunked"
END = b"Connection: close\r\n\r\n"
LAST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n" + END + b"last"


def post(*lines: bytes, target: bytes = b"/echo", body: bytes = b"") -> bytes:
    """Write a POST that names its host."""
    return b"\r\n".join([b"POST " + target + b" HTTP/1.1", b"Host: x", *lines, b"", body])


TAKEN = {
    "plain": post(b"Content-Length: 5", body=b"hello"),
    "no body": post(),
    "empty body": post(b"Content-Length: 0"),
    "leading zeros": post(b"Content-Length: 0005", body=b"hello"),
    "blanks around values": post(b"Content-Length: \t 5 \t", b"X-Empty:", b"X-Blank:  ", body=b"hello"),
    "any case": post(b"cONTENT-lENGTH: 5", b"CONNECTION: Keep-Alive", body=b"hello"),
    "obscure bytes in values": post(b"X-Name: \x80\xff\tx", b"Content-Length: 1", body=b"\xff"),
    "odd names": post(b"!#$%&'*+-.^_`|~9a: x", b"Content-Length: 1", body=b"x"),
    "query": post(b"Content-Length: 1", target=b"/echo?a=1&a=2&b=%20&c", body=b"x"),
    "odd query": post(target=b'/echo?=&&a&%ff=+%2B;b=&a=%zz&"<>'),
    "empty query": post(b"Content-Length: 1", target=b"/echo?", body=b"x"),
    "escapes": post(target=b"/all/%E3%81%82%20/%2F/x"),
    "rest": post(target=b"/all/a/b//c/../d/"),
    "segment": b"PUT /one/a%20b/end HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
    "get": b"GET /echo?x=1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "get with a body": b"GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
    "body like a request": post(b"Content-Length: 34", body=b"POST /echo HTTP/1.1\r\nHost: x\r\n\r\n\r\n"),
    "body of line ends": post(b"Content-Length: 9", body=b"\r\n\r\n\r\n\r\n\n"),
    "chunks": post(CHUNKED, body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    "chunk forms": post(
        b"transfer-encoding: Chunked",
        body=b'0003;a=b;c="d"\r\nabc\r\n1;x\r\n\r\r\nA\r\n\r\n\r\n0\r\n\r\n\r\r\n0\r\n\r\n',
    ),
    "no chunks": post(CHUNKED, body=b"0\r\n\r\n"),
    "trailers": post(CHUNKED, body=b"1\r\nx\r\n0\r\nHost: y\r\nExpect: z\r\n\r\n"),
    "chunks of line ends": post(CHUNKED, body=b"4\r\n\r\n\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
    "expecting": post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
    "expecting in chunks": post(
        b"Expect: 100-Continue", CHUNKED, body=b"1\r\nx\r\n0\r\n\r\n"
    ),
    "pipelined": post(b"Content-Length: 1", body=b"1") + post() + post(b"Content-Length: 1", body=b"2"),
    "pipelined chunks": post(CHUNKED, body=b"1\r\nx\r\n0\r\n\r\n") * 3,
    "unknown path": b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
    "wrong method": b"DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n",
    "strange method": b"BREW /echo HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute form": post(b"Content-Length: 1", target=b"http://y/echo?q=1", body=b"x"),
    "upgrade": post(b"Connection: upgrade", b"Upgrade: websocket", b"Content-Length: 1", body=b"x"),
    "connection options": post(b"Connection: te, x-y", b"TE: trailers", b"Content-Length: 1", body=b"x"),
    "hot, other, hot": post() + b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n" + post(),
}  # fmt: skip

ENDING = {
    "close": post(b"Connection: close", b"Content-Length: 1", body=b"x"),
    "close among others": post(b"Connection: x, Close", b"Content-Length: 1", body=b"x") + post(),
    "HTTP/1.0": b"POST /echo HTTP/1.0\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
}

REFUSED = {
    "two lengths": post(b"Content-Length: 1", b"Content-Length: 2", body=b"xy"),
    "the same length twice": post(b"Content-Length: 1", b"Content-Length: 1", body=b"x"),
    "a list of lengths": post(b"Content-Length: 1, 1", body=b"x"),
    "a negative length": post(b"Content-Length: -1"),
    "a signed length": post(b"Content-Length: +1", body=b"x"),
    "a length in hex": post(b"Content-Length: 0x1", body=b"x"),
    "an empty length": post(b"Content-Length:", body=b"x"),
    "a length of many digits": post(b"Content-Length: " + b"9" * 30, body=b"x"),
    "length and chunks": post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
    "chunks and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    "chunks in HTTP/1.0": b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/0.9": b"POST /echo HTTP/0.9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown encoding": post(b"Transfer-Encoding: gzip", body=b"x"),
    "two encodings": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "the same encoding twice": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "a disguised encoding": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "a blank before the colon": post(b"Content-Length : 1", body=b"x"),
    "a folded line": post(b"X-A: b\r\n c", b"Content-Length: 1", body=b"x"),
    "a folded first line": b"POST /echo HTTP/1.1\r\n Host: x\r\n\r\n",
    "bare LF": b"POST /echo HTTP/1.1\nHost: x\nContent-Length: 1\n\nx",
    "bare LF in the middle": b"POST /echo HTTP/1.1\r\nHost: x\nContent-Length: 1\r\n\r\nx",
    "bare LF at the end": b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\n\r\nx",
    "bare CR in a value": post(b"X-A: b\rContent-Length: 5", b"Content-Length: 1", body=b"x"),
    "bare CR at an end": b"POST /echo HTTP/1.1\rHost: x\r\n\r\n",
    "a NUL in a value": post(b"X-A: \x00", b"Content-Length: 1", body=b"x"),
    "a control in a value": post(b"X-A: a\x01b", b"Content-Length: 1", body=b"x"),
    "a control in a name": post(b"X\x01A: b", b"Content-Length: 1", body=b"x"),
    "no name": post(b": b", b"Content-Length: 1", body=b"x"),
    "no colon": post(b"nonsense", b"Content-Length: 1", body=b"x"),
    "no host": b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
    "two hosts": post(b"Host: y", b"Content-Length: 1", body=b"x"),
    "no version": b"POST /echo\r\nHost: x\r\n\r\n",
    "two blanks": b"POST  /echo HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab": b"POST\t/echo HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank in the target": b"POST /echo x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank after the version": b"POST /echo HTTP/1.1 \r\nHost: x\r\n\r\n",
    "a target not of ASCII": post(target=b"/all/\xe3\x81\x82"),
    "an empty line first": b"\r\n" + post(b"Content-Length: 1", body=b"x"),
    "a method in small letters": b"post /echo HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method with a small letter": b"POSt /echo HTTP/1.1\r\nHost: x\r\n\r\n",
    "a broken escape": post(b"Connection: close", target=b"/all/%zz"),
}  # fmt: skip

BROKEN_CHUNKS = {
    "no number": b"x\r\nabc\r\n0\r\n\r\n",
    "no end": b"3\r\nabcd\r\n0\r\n\r\n",
    "LF after the size": b"3\nabc\r\n0\r\n\r\n",
    "LF after the data": b"3\r\nabc\n0\r\n\r\n",
    "a blank before the size": b" 3\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a size in full hex": b"0x3\r\nabc\r\n0\r\n\r\n",
    "an underscore": b"1_0\r\nabc\r\n0\r\n\r\n",
    "a size of many digits": b"f" * 17 + b"\r\nabc\r\n0\r\n\r\n",
    "a bare CR in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "a bare LF in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "an empty size": b"\r\nabc\r\n0\r\n\r\n",
    "a bad trailer": b"0\r\nno colon\r\n\r\n",
    "a length in a trailer": b"0\r\nContent-Length: 7\r\n\r\n",
    "an encoding in a trailer": b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a trailer that ends with LF": b"0\r\nX: y\n\r\n\r\n",
}


@define
class Lanes:
    """The same server twice, once with every route hot and once with none."""

    intake: Served
    hypercorn: Served

    async def agree(self, pieces: list[bytes]) -> list[Seen]:
        """Return what both lanes answer."""
        answers = await converse(self.hypercorn, pieces)
        assert await converse(self.intake, pieces) == answers
        return answers


@pytest.fixture
async def lanes() -> AsyncIterator[Lanes]:
    """Both."""
    routes = echo_routes()
    hot = [evolve(route, is_hot=True) for route in routes]
    config = evolve(CONFIG, max_body_bytes=1000, max_header_bytes=2000)
    async with open_served(hot, config) as intake, open_served(routes, config) as hypercorn:
        yield Lanes(intake, hypercorn)


named = pytest.mark.parametrize


@named("name", TAKEN)
async def test_what_is_taken_is_answered_alike(lanes: Lanes, name: str) -> None:
    """Answers and their order are the same in one piece and byte by byte, and the connection goes on."""
    for cut in (whole, bytewise):
        answers = await lanes.agree(cut(TAKEN[name] + LAST))
        assert answers[-1].body.endswith(b'"body":"last"}')
        assert len(answers) == TAKEN[name].count(b"Host: x\r\n") + 1 - (name == "body like a request")


@named("host", [b" y", b" y:80", b" [::1]:80", b"", b" ", b'\t "<y>@[x/?\xff\tz, y \t'])
async def test_a_host_is_taken_as_it_is(lanes: Lanes, host: bytes) -> None:
    """Whatever it is, endpoints of both lanes get it without the blanks around it."""
    [answer] = await lanes.agree([b"GET /echo HTTP/1.1\r\nHost:" + host + b"\r\n" + END])
    seen = orjson.loads(answer.body)
    assert (seen["host"], seen["is_secure"]) == (host.strip(b" \t").decode("latin-1"), False)


@named("name", ENDING)
async def test_what_ends_a_connection_ends_it_in_both(lanes: Lanes, name: str) -> None:
    """One answer comes, which says so, and nothing behind it."""
    for cut in (whole, bytewise):
        [answer] = await lanes.agree(cut(ENDING[name]))
        assert answer.status == 200
        assert dict(answer.headers)["connection"] == "close"


@named("name", REFUSED)
async def test_what_could_be_read_in_two_ways_is_refused(lanes: Lanes, name: str) -> None:
    """It is a 400 (501 for encodings) that ends the connection, first on it or behind another request."""
    for cut in (whole, bytewise):
        [refusal] = await lanes.agree(cut(REFUSED[name] + LAST))
        assert refusal.status in (400, 501)
        assert dict(refusal.headers)["connection"] == "close"
        taken, refusal_behind = await lanes.agree(cut(TAKEN["plain"] + REFUSED[name] + LAST))
        assert taken.status == 200
        assert refusal_behind == refusal


@named("name", BROKEN_CHUNKS)
async def test_broken_chunks_are_refused(lanes: Lanes, name: str) -> None:
    """They are a 400 that ends the connection; what is behind them is no request."""
    for cut in (whole, bytewise):
        [refusal] = await lanes.agree(cut(post(CHUNKED, body=BROKEN_CHUNKS[name]) + LAST))
        assert refusal.status == 400
        assert dict(refusal.headers)["connection"] == "close"


@named(
    "beginning",
    [
        b"POST /echo HTTP/1.1\nHost: x\n\n",
        b"POST /echo HTTP/1.1\r\nHost: x\n\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\n\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"\x00",
        b"\r\n",
    ],
)
async def test_what_can_be_no_request_is_refused_at_once(lanes: Lanes, beginning: bytes) -> None:
    """The refusal does not wait for an end that may never come."""
    started_at = trio.current_time()
    for cut in (whole, bytewise):
        [refusal] = await lanes.agree(cut(beginning))
        assert refusal.status == 400
    assert trio.current_time() - started_at < CONFIG.keep_alive_timeout_s


async def test_a_head_without_end_is_refused(lanes: Lanes) -> None:
    """It is a 431 as soon as it is too long."""
    started_at = trio.current_time()
    [refusal] = await lanes.agree([b"POST /echo HTTP/1.1\r\nHost: x\r\nX: ", *[b"x" * 100] * 30])
    assert refusal.status == 431
    assert trio.current_time() - started_at < CONFIG.request_timeout_s


@named("body", [b"Content-Length: 1001\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001])
async def test_a_body_that_is_too_large_is_refused_alike(lanes: Lanes, body: bytes) -> None:
    """Announced or counted, it is a 413 that ends the connection."""
    [refusal] = await lanes.agree([b"POST /echo HTTP/1.1\r\nHost: x\r\n" + body])
    assert refusal.status == 413
    assert dict(refusal.headers)["connection"] == "close"


@named("size", [1900, 2100, 70_000])
async def test_a_head_near_the_limit_is_judged_alike(lanes: Lanes, size: int) -> None:
    """Heads within the limit are taken, those beyond it are a 431."""
    answers = await lanes.agree([post(b"X-Long: " + b"x" * size) + LAST])
    assert [answer.status for answer in answers] == ([200, 200] if size < 2000 else [431])


async def test_any_mixture_cut_anywhere_is_answered_alike(lanes: Lanes) -> None:
    """Random runs of requests, good and bad, cut at random."""
    seed = random.randrange(2**32)
    print("seed", seed)  # noqa: T201  # shown when the test fails
    dice = random.Random(seed)
    everything = [*TAKEN.values(), *REFUSED.values()]
    for _ in range(150):
        run = b"".join(dice.choices([*TAKEN.values()], k=dice.randint(0, 3)) + dice.choices(everything))
        await lanes.agree(cut_at_random(run + LAST, dice))
