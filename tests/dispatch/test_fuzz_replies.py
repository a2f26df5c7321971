"""Replies that are nearly in order: any bytes give exactly one verdict, in bounded memory (I13)."""

import gzip
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable

import orjson
from attrs import frozen

from tests.mutations import cut, mutated
from tests.seeds import seeded_dice
from trioworq.core.results import Result, ResultStatus, interpret, unreachable, unreadable
from trioworq.dispatch.replies import Reply

MAX_BYTES = 50_000
LASTS_S = 4.0
# Replies themselves have up to a megabyte, which is there several times while they are changed.
PEAK_BYTES = 12_000_000

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "gzip, gzip": lambda body: gzip.compress(gzip.compress(body)),
}


@frozen
class Valid:
    """A reply in order, and the body that is to be read from it."""

    data: bytes
    body: bytes


def some_body(dice: random.Random) -> bytes:
    """Return what a worker might say, sense or not, at any length up to beyond the limit."""
    status = dice.choice(["success", "failure", "permanent-failure", "x", "", 5, None])
    said = orjson.dumps({"status": status, "message": "m" * dice.choice([0, 5, 3000])})
    return dice.choice([said, said, b"", b"\0" * dice.choice([10, MAX_BYTES, 20 * MAX_BYTES]), b"[" * 20_000])


def chunked(body: bytes, dice: random.Random) -> bytes:
    """Return a body in chunks, with extensions and trailers now and then."""
    pieces = []
    for piece in cut(body, dice) if body else []:
        extension = dice.choice([b"", b"", b";a=b", b';c="d e"'])
        pieces.append(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece))
    trailer = dice.choice([b"", b"", b"X-T: v\r\n", b"Location: /x\r\n"])
    return b"".join(pieces) + b"0\r\n" + trailer + b"\r\n"


def some_reply(dice: random.Random) -> Valid:
    """Return a reply in order."""
    text = some_body(dice)
    coding = dice.choice([*CODINGS])
    body = CODINGS[coding](text)
    lines = [dice.choice([b"HTTP/1.1 200 OK", b"HTTP/1.1 500 No", b"HTTP/1.0 200", b"HTTP/1.1 302 Found"])]
    lines += [b"Content-Encoding: " + coding.encode()] if coding else []
    lines += dice.sample(
        [b"Location: /x", b"Connection: close", b"Date: now", b"X-A: \xe9"], dice.randint(0, 3)
    )
    framing = dice.choice(["length", "chunks", "end"])
    if framing == "length":
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == "chunks":
        lines.append(b"Transfer-Encoding: chunked")
    head = b"\r\n".join([*lines, b"", b""])
    interim = dice.choice(
        [b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 3]
    )
    sent = chunked(body, dice) if framing == "chunks" else body
    return Valid(interim + head + sent, text if coding.lower() in ("", "gzip") else body)


def read(data: bytes, dice: random.Random) -> Reply:
    """Feed a reply piece by piece, and end it in one way or another."""
    reply = Reply(MAX_BYTES)
    for piece in cut(data, dice) if data else []:
        reply.feed(piece)
    if dice.random() < 0.8:
        reply.feed_eof()
    else:
        reply.break_off("read: connection reset by peer")
    return reply


def verdict(reply: Reply) -> Result:
    """Judge as the pool does."""
    if reply.error is not None:
        return unreadable(reply.error, reply.code) if reply.code else unreachable("http://w/", reply.error)
    return interpret(reply.body, reply.code)


def test_any_reply_gives_exactly_one_verdict() -> None:
    """Whatever became of a reply on its way, it is had whole or is an error, and nothing raises."""
    dice = seeded_dice()
    ends_at = time.monotonic() + LASTS_S
    tracemalloc.start()
    try:
        while time.monotonic() < ends_at:
            judge_one(mutated(some_reply(dice).data, dice), dice)
        assert tracemalloc.get_traced_memory()[1] < PEAK_BYTES
    finally:
        tracemalloc.stop()


def judge_one(data: bytes, dice: random.Random) -> None:
    """Read what is left of a reply, and check what is made of it."""
    reply = read(data, dice)
    assert reply.is_finished, data
    assert reply.is_complete is (reply.error is None), data
    assert len(reply.body) <= MAX_BYTES
    result = verdict(reply)
    assert result.status in ResultStatus
    assert result.code == reply.code
    result.message.encode()


def test_a_reply_in_order_is_read_for_what_it_is() -> None:
    """However it is framed, coded and cut up; only what is too large is an error."""
    dice = seeded_dice()
    for _ in range(2000):
        valid = some_reply(dice)
        reply = Reply(MAX_BYTES)
        for piece in cut(valid.data, dice):
            reply.feed(piece)
        reply.feed_eof()
        if len(valid.body) > MAX_BYTES:
            assert reply.error == f"larger than {MAX_BYTES} bytes"
        else:
            assert (reply.error, reply.body) == (None, valid.body), valid.data
