"""Replies without I/O: framing, limits, gzip, and that no bytes raise."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trioworq.dispatch.replies import MAX_FRAMING_BYTES, MAX_HEADERS, MAX_INTERIM_REPLIES, Reply

MAX_BYTES = 1000


def fed(*pieces: bytes, then_eof: bool = False, max_bytes: int = MAX_BYTES) -> Reply:
    """Return a reply that was fed the pieces."""
    reply = Reply(max_bytes)
    for piece in pieces:
        reply.feed(piece)
    if then_eof:
        reply.feed_eof()
    return reply


def head(*headers: str, status: str = "200 OK") -> bytes:
    """Return the head of a reply."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


def zipped(data: bytes) -> bytes:
    """Return a whole reply with a gzipped body."""
    body = gzip.compress(data)
    return head("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body


def test_a_body_of_a_stated_length_ends_there() -> None:
    """The reply is finished when Content-Length bytes have come, and the connection can be used again."""
    reply = fed(head("Content-Length: 5") + b"hel")
    assert not reply.is_finished
    reply.feed(b"lo")
    assert (reply.is_complete, reply.code, reply.body, reply.is_reusable) == (True, 200, b"hello", True)


def test_a_chunked_body_ends_with_its_last_chunk() -> None:
    """Chunks are joined; extensions and trailers are passed over."""
    reply = fed(
        head("Transfer-Encoding: Chunked"), b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n", b"Location: /x\r\n\r\n"
    )
    assert (reply.is_complete, reply.body, reply.is_reusable) == (True, b"hello", True)


def test_a_body_without_framing_ends_with_the_connection() -> None:
    """Without length or chunks the body goes on until the worker closes."""
    reply = fed(head(), b"hel", b"lo")
    assert not reply.is_finished
    reply.feed_eof()
    assert (reply.is_complete, reply.body, reply.is_reusable) == (True, b"hello", False)


def test_lines_may_end_without_carriage_return() -> None:
    """A head whose lines end with a bare LF is read like any other."""
    reply = fed(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello")
    assert (reply.is_complete, reply.code, reply.body) == (True, 200, b"hello")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_some_replies_have_no_body_whatever_they_say(status: str) -> None:
    """204 and 304 end with their head, even when they announce a body (larger than allowed, at that)."""
    reply = fed(head(f"Content-Length: {MAX_BYTES + 1}", status=status))
    assert (reply.is_complete, reply.body) == (True, b"")


def test_interim_replies_are_skipped() -> None:
    """A 100 and a 103 before the answer are not the answer, nor are their headers its headers."""
    reply = fed(
        head(status="100 Continue") + head("Content-Encoding: gzip", status="103 Early Hints"),
        head("Content-Length: 2") + b"ok",
    )
    assert (reply.is_complete, reply.code, reply.body) == (True, 200, b"ok")


def test_interim_replies_are_skipped_in_a_bounded_number() -> None:
    """As many 1xx replies as allowed are skipped, one more is refused."""
    interim = head(status="100 Continue")
    assert not fed(interim * MAX_INTERIM_REPLIES).is_finished
    reply = fed(interim * (MAX_INTERIM_REPLIES + 1))
    assert (reply.code, reply.error) == (0, "too many 1xx informational responses")


@pytest.mark.parametrize(
    "header",
    [["Connection: close", "Content-Length: 2"], ["connection: Close", "Content-Length: 2"]],
)
def test_a_worker_that_will_close_is_not_asked_again(header: list[str]) -> None:
    """`Connection: close` keeps the connection from being used again."""
    reply = fed(head(*header) + b"ok")
    assert (reply.is_complete, reply.is_reusable) == (True, False)


def test_an_http_1_0_connection_is_kept_only_on_request() -> None:
    """HTTP/1.0 closes unless the worker says keep-alive."""
    plain = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n%s\r\nok"
    assert not fed(plain % b"").is_reusable
    assert fed(plain % b"Connection: keep-alive\r\n").is_reusable


@pytest.mark.parametrize(
    "garbage", [b"x", b"HTTP/1.1", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother", b"\x00" * 200]
)
@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_what_follows_a_reply_changes_nothing_but_ends_the_connection(
    garbage: bytes, connection: str
) -> None:
    """Garbage or a second reply after the first: the first counts, and the connection is not used again."""
    reply = fed(head("Content-Length: 2", f"Connection: {connection}") + b"ok" + garbage)
    assert (reply.is_complete, reply.error, reply.body, reply.is_reusable) == (True, None, b"ok", False)


@pytest.mark.parametrize(
    "data",
    [
        b"<html>",
        b"\x00\x00\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\nx",
        b"HTTP/2.0 200 OK\r\n\r\nx",
        b"HTTP/9.9 200 OK\r\n\r\nx",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        head("A b: c"),
        head("A: b\x00c"),
        head("no colon"),
        head("Content-Length: -1"),
        head("Content-Length: 1x"),
        head("Content-Length: "),
        head("Content-Length: 99999999999999999999999"),
        head("Content-Length: 2", "Content-Length: 2"),
        head("Content-Length: 2", "Content-Length: 3"),
        head("Content-Length: 2", "Transfer-Encoding: chunked"),
        head("Transfer-Encoding: chunked", "Content-Length: 2"),
        head("Transfer-Encoding: gzip, chunked"),
        head("Transfer-Encoding: identity"),
    ],
)
def test_a_malformed_head_is_no_answer(data: bytes) -> None:
    """What is not HTTP/1.x, or could be framed in two ways, is refused with no code."""
    reply = fed(data)
    assert reply.code == 0
    assert reply.error
    assert not reply.is_reusable


@pytest.mark.parametrize(
    ("pieces", "code", "error"),
    [
        ([], 0, "EOF"),
        ([b"HTTP/1.1 2"], 0, "unexpected EOF"),
        ([b"HTTP/1.1 200 OK\r\nA: b\r\n"], 0, "unexpected EOF"),
        ([head(status="100 Continue")], 0, "unexpected EOF"),
        ([head("Content-Length: 5"), b"hell"], 200, "unexpected EOF"),
        ([head("Transfer-Encoding: chunked"), b"5\r\nhel"], 200, "unexpected EOF"),
        ([head("Transfer-Encoding: chunked"), b"3\r\nhel\r\n"], 200, "unexpected EOF"),
        ([head("Content-Encoding: gzip"), gzip.compress(b"hello", mtime=0)[:-3]], 200, "unexpected EOF"),
    ],
)
def test_a_worker_that_closes_too_early_is_noticed(pieces: list[bytes], code: int, error: str) -> None:
    """An end of the connection before the end of the reply is an error, with the code if there is one."""
    reply = fed(*pieces, then_eof=True)
    assert (reply.is_complete, reply.code, reply.error) == (False, code, error)


def test_a_bad_chunk_is_an_unreadable_body() -> None:
    """Broken chunking after a good head keeps the code."""
    reply = fed(head("Transfer-Encoding: chunked"), b"zz\r\n")
    assert reply.code == 200
    assert reply.error == "malformed HTTP response: Invalid character in chunk size"


def test_a_lost_connection_is_an_error() -> None:
    """What the connection reports is what the reply reports, unless the reply was finished."""
    reply = fed(head("Content-Length: 5"), b"he")
    reply.break_off("read: connection reset by peer")
    assert (reply.code, reply.error) == (200, "read: connection reset by peer")


def _endless(start: bytes, piece: bytes) -> Iterable[bytes]:
    yield start
    for _ in range(10 * MAX_FRAMING_BYTES // len(piece)):
        yield piece


@pytest.mark.parametrize(
    ("start", "piece", "code"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"A: " + b"b" * 500 + b"\r\n", 0),
        (b"HTTP/1.1 200 OK\r\nA: ", b"b" * 1000, 0),
        (b"HTTP/1.1 200 " + b"O" * 1000, b"O" * 1000, 0),
        (b"\r\n", b"\r\n" * 500, 0),
        (head("Transfer-Encoding: chunked") + b"1;", b"x" * 1000, 200),
        (head("Transfer-Encoding: chunked") + b"0\r\nA: ", b"x" * 1000, 200),
    ],
)
def test_endless_framing_is_cut_off(start: bytes, piece: bytes, code: int) -> None:
    """Heads, blank lines, chunk extensions and trailers without end do not fill the memory."""
    reply = Reply(MAX_BYTES)
    taken = 0
    for data in _endless(start, piece):
        taken += len(data)
        reply.feed(data)
        if reply.is_finished:
            break
    assert reply.code == code
    assert reply.error
    assert taken <= MAX_FRAMING_BYTES + 2 * len(piece) + len(start)


def test_headers_are_bounded_in_number() -> None:
    """As many headers as allowed are taken, one more is refused."""
    headers = ["A: b"] * (MAX_HEADERS - 1)
    assert fed(head(*headers, "Content-Length: 0")).is_complete
    assert fed(head(*headers, "A: b", "Content-Length: 0")).error == "too many headers"


@pytest.mark.parametrize(
    "pieces",
    [
        [head(f"Content-Length: {MAX_BYTES + 1}")],
        [head(), b"x" * (MAX_BYTES + 1)],
        [head(), b"x" * MAX_BYTES, b"x"],
        [head("Transfer-Encoding: chunked"), b"3e9\r\n" + b"x" * 1001],
        [zipped(b"x" * (MAX_BYTES + 1))],
    ],
)
def test_a_body_over_the_limit_is_refused(pieces: list[bytes]) -> None:
    """One byte too many, announced or not, zipped or not, is an unreadable body."""
    reply = fed(*pieces)
    assert (reply.code, reply.error) == (200, f"larger than {MAX_BYTES} bytes")
    assert reply.body == b""


@pytest.mark.parametrize(
    "pieces",
    [
        [head(f"Content-Length: {MAX_BYTES}"), b"x" * MAX_BYTES],
        [zipped(b"x" * MAX_BYTES)],
    ],
)
def test_a_body_at_the_limit_is_taken(pieces: list[bytes]) -> None:
    """Exactly as many bytes as allowed are allowed."""
    assert fed(*pieces).body == b"x" * MAX_BYTES


def test_a_gzipped_body_is_unzipped() -> None:
    """A reply with `Content-Encoding: gzip` gives its unzipped body."""
    reply = fed(zipped(b"hello"))
    assert (reply.is_complete, reply.body, reply.is_reusable) == (True, b"hello", True)


def test_an_empty_gzipped_body_is_empty() -> None:
    """No bytes need no unzipping."""
    reply = fed(head("Content-Encoding: gzip", "Content-Length: 0"))
    assert (reply.is_complete, reply.body) == (True, b"")


@pytest.mark.parametrize("coding", ["deflate", "br", "gzip, gzip", "identity"])
def test_other_codings_are_left_alone(coding: str) -> None:
    """Only gzip was asked for, so only gzip is undone."""
    reply = fed(head(f"Content-Encoding: {coding}", "Content-Length: 2") + b"ok")
    assert (reply.is_complete, reply.body) == (True, b"ok")


def test_a_gzip_bomb_is_defused() -> None:
    """Unzipping stops at the limit, not at the end of the bomb."""
    body = gzip.compress(b"\x00" * 50_000_000)
    data = head("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body
    tracemalloc.start()
    reply = fed(data, max_bytes=len(body))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reply.error == f"larger than {len(body)} bytes"
    assert peak < 10 * len(body)


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_body_in_tiny_pieces_takes_no_more_than_its_bytes(coding: str) -> None:
    """However a worker cuts it up, what is kept is the body, and little else meanwhile."""
    size = 100_000
    text = bytes(range(256)) * (size // 256)
    body = gzip.compress(text, 0) if coding == "gzip" else text
    chunks = [b"2\r\n" + body[at : at + 2] + b"\r\n" for at in range(0, len(body) - 1, 2)]
    reply = fed(head("Transfer-Encoding: chunked", f"Content-Encoding: {coding}"), max_bytes=size)
    tracemalloc.start()
    for data in chunks:
        reply.feed(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * size
    assert reply.body == text[: len(reply.body)]
    assert len(reply.body) >= size - 300


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"not gzip at all", "gzip: "),
        (zlib.compress(b"hello"), "gzip: "),
        (gzip.compress(b"hello", mtime=0) + b"trailing", "gzip: data after the end"),
        (gzip.compress(b"hello", mtime=0)[:-8] + b"\x00" * 8, "gzip: "),
        (gzip.compress(b"hello", mtime=0)[:-1], "unexpected EOF"),
    ],
)
def test_gzip_that_lies_is_an_unreadable_body(body: bytes, error: str) -> None:
    """Broken, cut or continued gzip is an error with the code."""
    reply = fed(head("Content-Encoding: gzip", f"Content-Length: {len(body)}") + body)
    assert (reply.code, reply.is_complete) == (200, False)
    assert reply.error is not None
    assert reply.error.startswith(error)


def test_trailing_gzip_in_a_piece_of_its_own_is_noticed() -> None:
    """What follows the end of the zipped stream is noticed also when it comes later."""
    body = gzip.compress(b"hello")
    reply = fed(head("Content-Encoding: gzip", f"Content-Length: {len(body) + 1}"), body, b"x")
    assert reply.error == "gzip: data after the end"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_names_its_location(code: int) -> None:
    """Five codes redirect, when they say where to; the first Location counts."""
    redirect = head("Location: /x", "Location: /y", "Content-Length: 0", status=f"{code} Moved")
    assert fed(redirect).location == b"/x"


@pytest.mark.parametrize(
    "reply",
    [
        head("Content-Length: 0", status="302 Found"),
        head("Location: ", "Content-Length: 0", status="302 Found"),
        head("Location: /x", "Content-Length: 0", status="300 Multiple Choices"),
        head("Location: /x", status="304 Not Modified"),
        head("Location: /x", "Content-Length: 0", status="201 Created"),
    ],
)
def test_other_answers_do_not_redirect(reply: bytes) -> None:
    """A 3xx without a Location, or another code with one, is an ordinary answer."""
    assert fed(reply).location is None


@given(st.binary(max_size=300), st.booleans())
@example(b"HTTP/1.1 200 OK\r\n\r\n", True)
def test_any_bytes_give_a_reply_or_an_error(data: bytes, then_eof: bool) -> None:
    """No bytes raise."""
    reply = Reply(MAX_BYTES)
    if data:
        reply.feed(data)
    if then_eof:
        reply.feed_eof()
        assert reply.is_finished


_FRAGMENTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n",
        b"HTTP/1.0 302 Found\r\n",
        b"\r\n",
        b"\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Connection: close\r\n",
        b"Location: /x\r\n",
        b"hello",
        b"5\r\nhello\r\n",
        b"0\r\n",
        gzip.compress(b"hello", mtime=0),
        b"\x00",
        b":",
    ]
)


@given(st.lists(_FRAGMENTS, max_size=12), st.sets(st.integers(1, 300)))
def test_how_the_bytes_were_cut_does_not_matter(fragments: list[bytes], cuts: set[int]) -> None:
    """The same bytes in other pieces give the same code, body and error."""
    data = b"".join(fragments)
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places) if start < end]
    whole, cut = fed(*([data] if data else []), then_eof=True), fed(*pieces, then_eof=True)
    assert (cut.code, cut.error, cut.is_complete) == (whole.code, whole.error, whole.is_complete)
    assert not whole.is_complete or cut.body == whole.body
