"""Bytes that are nearly in order: valid messages, changed in a few places."""

import random
from collections.abc import Callable, Sequence

Change = Callable[[bytes, random.Random], bytes]

# What parsers have been known to trip over.
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"\xff", b"\x80", b"%", b"%zz", b"/", b"?",
    b"\r\n\r\n", b"0\r\n\r\n", b"Content-Length: 5\r\n", b"Content-Length: 99999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n",
    b"Expect: 100-continue\r\n", b"Host: x\r\n", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"\x1f\x8b\x08",
    b"{", b"[", b'"', b"\\ud800", b"null", b"-1", b"1e999", b"18446744073709551616",
    b"\x00\x00\x00\x04\x01\x00\x00\x00\x00",
]  # fmt: skip

MAX_CHANGES = 4
MOST_REPEATED = 200


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return `data` with a few changes, or with none."""
    for _ in range(dice.randint(0, MAX_CHANGES)):
        data = dice.choice(_CHANGES)(data, dice)
    return data


def cut(data: bytes, dice: random.Random) -> list[bytes]:
    """Return `data` in a few pieces, none of them empty."""
    places = sorted({dice.randrange(len(data) + 1) for _ in range(dice.randint(0, 5))} - {0, len(data)})
    ends: Sequence[int] = [*places, len(data)]
    return [data[start:end] for start, end in zip([0, *places], ends, strict=True) if start < end]


def _place(data: bytes, dice: random.Random) -> int:
    return dice.randrange(len(data) + 1)


def _slice(data: bytes, dice: random.Random) -> tuple[int, int]:
    start = _place(data, dice)
    return start, min(len(data), start + dice.choice([1, 2, 5, 20, 100]))


def _flip(data: bytes, dice: random.Random) -> bytes:
    at = _place(data, dice)
    return data[:at] + bytes([byte ^ (1 << dice.randrange(8)) for byte in data[at : at + 1]]) + data[at + 1 :]


def _remove(data: bytes, dice: random.Random) -> bytes:
    start, end = _slice(data, dice)
    return data[:start] + data[end:]


def _repeat(data: bytes, dice: random.Random) -> bytes:
    start, end = _slice(data, dice)
    return data[:end] + data[start:end] * dice.choice([1, 2, MOST_REPEATED]) + data[end:]


def _move(data: bytes, dice: random.Random) -> bytes:
    start, end = _slice(data, dice)
    rest = data[:start] + data[end:]
    at = _place(rest, dice)
    return rest[:at] + data[start:end] + rest[at:]


def _insert_token(data: bytes, dice: random.Random) -> bytes:
    at = _place(data, dice)
    return data[:at] + dice.choice(TOKENS) + data[at:]


def _insert_noise(data: bytes, dice: random.Random) -> bytes:
    at = _place(data, dice)
    return data[:at] + dice.randbytes(dice.choice([1, 3, 30])) + data[at:]


def _truncate(data: bytes, dice: random.Random) -> bytes:
    return data[: _place(data, dice)]


_CHANGES: list[Change] = [_flip, _remove, _repeat, _move, _insert_token, _insert_noise, _truncate]
