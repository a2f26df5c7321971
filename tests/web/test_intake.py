"""Hot requests parsed without I/O: however the bytes come, the body is the same and nothing is lost."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.endpoints import answer_ok
from trioworq.web.hot import HotRoutes
from trioworq.web.intake import BadFraming, Head, Intake
from trioworq.web.messages import Route
from trioworq.web.replies import BodyTooLarge

ROUTES = HotRoutes.of([Route("POST", "/x/{rest...}", answer_ok, is_hot=True), Route("GET", "/x", answer_ok)])


def intake(max_body_bytes: int = 10_000) -> Intake:
    """Return what reads one connection."""
    return Intake(ROUTES, max_body_bytes=max_body_bytes, max_framing_bytes=1000)


def head(*lines: str, target: str = "/x/y") -> bytes:
    """Write the head of a hot request."""
    return "\r\n".join([f"POST {target} HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1")


def read(reader: Intake, request: bytes) -> Head:
    """Read a head that is taken."""
    taken = reader.read_head(request)
    assert taken is not None
    return taken


def read_pieces(reader: Intake, pieces: Sequence[bytes]) -> bytes:
    """Read a body that comes in pieces; return what is behind it."""
    for index, piece in enumerate(pieces):
        rest = reader.read_body(piece)
        if reader.is_complete:
            return rest + b"".join(pieces[index + 1 :])
        assert rest == b""
    return b""


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut data at some places."""
    inner = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *inner], [*inner, len(data)], strict=True)]


def in_chunks(parts: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Write a body in chunks."""
    return (
        b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\n" + trailer + b"\r\n"
    )


# Bodies that look like the framing round them.
TRICKY = st.text(alphabet="\r\n0;x", max_size=30).map(str.encode)


@given(st.lists(TRICKY, max_size=6), st.lists(st.integers(0, 400), max_size=12), st.booleans(), TRICKY)
def test_chunks_are_put_together_however_they_are_cut(
    parts: list[bytes], places: list[int], has_trailer: bool, behind: bytes
) -> None:
    """The body is the sum of its chunks, and what is behind the request is given back to the byte."""
    reader = intake()
    read(reader, head("Transfer-Encoding: chunked"))
    data = in_chunks(parts, b"X-Trailer: y\r\n" if has_trailer else b"")
    assert read_pieces(reader, cut(data + behind, places)) == behind
    assert reader.is_complete
    assert reader.take_body() == b"".join(parts)


@given(TRICKY, st.lists(st.integers(0, 100), max_size=6), TRICKY)
def test_a_body_of_known_length_is_put_together(body: bytes, places: list[int], behind: bytes) -> None:
    """So many bytes and not one more."""
    reader = intake()
    read(reader, head(f"Content-Length: {len(body)}"))
    assert read_pieces(reader, cut(body + behind, places)) == behind
    assert reader.take_body() == body


def test_one_parser_serves_a_connection() -> None:
    """Requests of every kind follow each other, and nothing of one is left in the next."""
    reader = intake()
    for _ in range(3):
        taken = read(reader, head("Content-Length: 3", "User-Agent: a", "Expect: 100-continue"))
        assert (taken.expects_continue, taken.user_agent) == (True, "a")
        assert (reader.read_body(b"abcd"), reader.take_body()) == (b"d", b"abc")
        taken = read(reader, head("Transfer-Encoding: chunked"))
        assert (taken.expects_continue, taken.user_agent) == (False, None)
        reader.read_body(b"0\r\nUser-Agent: trailer\r\n\r\n")
        taken = read(reader, head())
        assert (reader.is_complete, taken.user_agent) == (True, None)
        assert reader.take_body() == b""


@pytest.mark.parametrize(
    "request_head",
    [
        head(target="/y"),
        head(target="/x/"),
        head().replace(b"POST", b"PUT"),
        b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
        head().replace(b"HTTP/1.1", b"HTTP/1.0"),
        head(target="http://x/x/y"),
        head(target="*"),
        head(target="/x/%zz"),
        head("Host: y"),
        head().replace(b"Host", b"Hose"),
        head("Connection: upgrade", "Upgrade: h2c"),
        head("Upgrade: websocket"),
        head("Expect: 200-ok"),
        head("Transfer-Encoding: gzip"),
        head("Transfer-Encoding: chunked, chunked"),
        head("Transfer-Encoding: chunked", "Content-Length: 0"),
        head("Content-Length: 1,1"),
        head("Content-Length: 1", "Content-Length: 1"),
        head("Content-Length: " + "1" * 19),
        head("User-Agent: a", "User-Agent: b"),
        b"PRI * HTTP/2.0\r\n\r\n",
    ],
)
def test_what_is_odd_is_not_for_the_lane(request_head: bytes) -> None:
    """The other lane judges it, from its first byte."""
    assert intake().read_head(request_head) is None


@pytest.mark.parametrize(
    ("connection", "closes"),
    [
        ("close", True),
        ("Close", True),
        ("x, close", True),
        ("keep-alive", False),
        ("", False),
        ("closed", False),
    ],
)
def test_a_client_may_ask_for_the_end(connection: str, closes: bool) -> None:
    """The option counts wherever it stands."""
    assert read(intake(), head(f"Connection: {connection}")).closes is closes


def test_a_body_too_large_is_not_kept() -> None:
    """Announced or counted, it is refused before it fills the memory."""
    reader = intake(max_body_bytes=10)
    read(reader, head("Content-Length: 11"))
    with pytest.raises(BodyTooLarge, match="at most 10 bytes"):
        reader.read_body(b"")
    reader = intake(max_body_bytes=10)
    read(reader, head("Transfer-Encoding: chunked"))
    assert reader.read_body(b"a\r\n" + b"x" * 10 + b"\r\n") == b""
    with pytest.raises(BodyTooLarge):
        reader.read_body(b"1\r\nx\r\n")


def test_framing_without_end_is_refused() -> None:
    """Extensions and trailers have a limit together, until the next byte of body."""
    reader = intake()
    read(reader, head("Transfer-Encoding: chunked"))
    for _ in range(10):
        reader.read_body(b"1;" + b"x" * 500)
        reader.read_body(b"\r\nx\r\n")
    reader.read_body(b"0\r\nX: " + b"x" * 500)
    with pytest.raises(BadFraming) as caught:
        reader.read_body(b"x" * 600)
    assert caught.value.status == 431


def test_framing_is_counted_for_each_request() -> None:
    """What the one before took is no matter."""
    reader = intake()
    for _ in range(5):
        read(reader, head("Transfer-Encoding: chunked"))
        assert reader.read_body(b"0;" + b"x" * 300 + b"\r\nX: " + b"x" * 300 + b"\r\n\r\n") == b""
        assert reader.is_complete


def test_a_body_in_tiny_pieces_takes_no_more_than_its_size() -> None:
    """A hundred thousand chunks of two bytes are kept as one piece of memory (I13)."""
    reader = intake(max_body_bytes=1_000_000)
    read(reader, head("Transfer-Encoding: chunked"))
    reader.read_body(b"2\r\nxy\r\n" * 100_000)
    assert reader.size == 200_000
    reader.read_body(b"0\r\n\r\n")
    assert reader.take_body() == b"xy" * 100_000
    assert reader.size == 0


@given(
    st.binary(max_size=200), st.lists(st.binary(max_size=50), max_size=5), st.sampled_from(["chunked", None])
)
def test_any_bytes_are_read_or_refused(begin: bytes, pieces: list[bytes], encoding: str | None) -> None:
    """Whatever comes, there are two ways to refuse it and no third."""
    reader = intake(max_body_bytes=50)
    assert reader.read_head(begin) is None
    reader = intake(max_body_bytes=50)
    read(reader, head("Content-Length: 60" if encoding is None else "Transfer-Encoding: chunked"))
    try:
        read_pieces(reader, pieces)
    except (BodyTooLarge, BadFraming):
        return
    assert reader.size <= 50
