"""What the head of an HTTP/1 request may look like, to the byte.

Both lanes take heads of this form and no others: what two programs could read differently (RFC 9112, §11.2)
is refused before either lane's parser has an opinion on it.
"""

import re
from collections.abc import Mapping

HEAD_END = b"\r\n\r\n"

_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Methods are of one case (RFC 9110, §9.1): Hypercorn takes `delete` for DELETE, a proxy that sorts by methods
# need not.
_METHOD = rb"[!#$%&'*+.^_`|~0-9A-Z-]+"
_TARGET = rb"[\x21-\x7e]+"

HEAD = re.compile(
    rb"(?P<method>" + _METHOD + rb") (?P<target>" + _TARGET + rb") HTTP/(?P<version>[0-9]\.[0-9])\r\n"
    rb"(?:" + _NAME + rb":[\t\x20-\x7e\x80-\xff]*\r\n)*"
    rb"\r\n"
)
"""A whole head: lines end with CRLF and nothing else does, no line is folded, no blank precedes a colon,
no letter of the method is small."""

_REQUEST = re.compile(_METHOD + b" " + _TARGET)

# Where a lenient parser sees the end of a head.
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([^\r]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]+")


def first_head(received: bytes) -> bytes | None:
    """Return the head that `received` begins with, whatever its line ends; None if it has not come whole."""
    end = _BLANK_LINE.search(received)
    return None if end is None else received[: end.end()]


def has_bare_line_end(received: bytes | bytearray, start: int) -> bool:
    """Whether there is a CR or LF alone from `start` on; a CR at the end may be half of a pair."""
    return _BARE_LINE_END.search(received, start) is not None


def fault_of(head: bytes) -> str | None:
    """Say what is wrong with a head: its form, or that it does not say clearly where its body ends."""
    match = HEAD.fullmatch(head)
    if match is None:
        return "malformed request head"
    lengths = [found[1] for found in _LENGTH.finditer(head)]
    if len(lengths) > 1:
        return "more than one Content-Length"
    if lengths and not _DIGITS.fullmatch(lengths[0]):
        return "Content-Length is not a number"
    if _ENCODING.search(head) and (lengths or match["version"] < b"1.1"):
        return "Transfer-Encoding where it may not be"
    return None


def is_chunked(head: bytes) -> bool:
    """Whether the body of a faultless head comes in chunks; encodings that nobody here knows do so too."""
    return _ENCODING.search(head) is not None


def is_request(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the headers of HTTP/2 make a request that HTTP/1 could carry, and that is no tunnel."""
    method, path = headers.get(b":method", b""), headers.get(b":path", b"")
    return method != b"CONNECT" and _REQUEST.fullmatch(method + b" " + path) is not None
