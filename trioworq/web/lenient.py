"""JSON read as Fireworq reads it (contract §1.4): leniently, and without losing its source text.

Only the first JSON value of a body is read and whatever follows it is ignored; keys match in any case; of
equal keys the later wins; null stands for absent. A payload has to reach its worker with the very
bytes it was sent with, so each member is kept as its source. `quick` reads what most clients send
several times as fast.
"""

import re
from json import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn

from trioworq.core.errors import InvalidRequest
from trioworq.web.fields import ERRORS, Fields, kind_of
from trioworq.web.spans import Spans

# The APIs know a dozen; millions would hold everybody else up for seconds, and cost the node its leases.
MAX_MEMBERS = 1000
# Of arrays and objects in longer texts nothing is made, as they might take fifty times as much.
LARGE = 64 * 1024

_BLANK = re.compile(r"[ \t\n\r]*")


def _refuse(word: str) -> NoReturn:
    raise InvalidRequest(f"invalid JSON: {word} is not a value")


# Numbers stay text: a digit string of any length costs nothing to read and is not rounded.
_DECODER = JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)


def read_object(body: bytes, what: str = "the body") -> Fields:
    """Read the object that a body begins with; null counts as an empty one.

    Raises InvalidRequest for an empty body, broken or too deeply nested JSON, and any other value; `what` is
    how its message calls that.
    """
    text, start = _open(body)
    if text.source[start] == "{":
        return Fields(_read_members(text, start + 1))
    if text.value(start)[0] != b"null":
        raise InvalidRequest(f"{what} should be a JSON object, not {kind_of(text.source[start])}")
    return Fields({})


def read_items(body: bytes, most: int) -> list[bytes]:
    """Return the source of each item of the array that a body begins with, one more than `most` at most.

    Raises InvalidRequest for an empty body, any other value, and JSON that is broken or too deeply nested
    before that.
    """
    text, start = _open(body)
    source = text.source
    if source[start] != "[":
        text.value(start)
        raise InvalidRequest(f"the body should be a JSON array, not {kind_of(source[start])}")
    items: list[bytes] = []
    at = _skip(source, start + 1)
    if source[at : at + 1] == "]":
        return items
    while len(items) <= most:
        item, end = text.value(at)
        items.append(item)
        at = _skip(source, end)
        mark = source[at : at + 1]
        if mark == "]":
            break
        if mark != ",":
            raise _broken(source, at, "',' or ']' after an item")
        at = _skip(source, at + 1)
    return items


class _Text:
    """What a body says, and the sources of the values in it."""

    def __init__(self, body: bytes) -> None:
        self.source = body.decode("utf-8", ERRORS)
        self._spans = Spans(self.source) if len(self.source) > LARGE else None

    def value(self, at: int) -> tuple[bytes, int]:
        """Return (the source of the value that begins here, where it ends)."""
        if self._spans is not None and self.source.startswith(("[", "{"), at):
            end = self._spans.end(at)
        else:
            _, end = _read_value(self.source, at)
        return self.source[at:end].encode("utf-8", ERRORS), end


def _open(body: bytes) -> tuple[_Text, int]:
    """Return (text, where its first value begins)."""
    text = _Text(body)
    start = _skip(text.source, 0)
    if start == len(text.source):
        raise InvalidRequest("EOF")
    return text, start


def _read_members(text: _Text, at: int) -> dict[str, bytes]:
    """Read from behind the opening brace to the closing one."""
    source = text.source
    members: dict[str, bytes] = {}
    at = _skip(source, at)
    if source[at : at + 1] == "}":
        return members
    for _ in range(MAX_MEMBERS):
        key, at = _read_key(source, at)
        value, end = text.value(at)
        _keep(members, key.lower(), value)
        at = _skip(source, end)
        mark = source[at : at + 1]
        if mark == "}":
            return members
        if mark != ",":
            raise _broken(source, at, "',' or '}' after a member")
        at = _skip(source, at + 1)
    raise InvalidRequest(f"the object has more than {MAX_MEMBERS} members")


def _keep(members: dict[str, bytes], key: str, source: bytes) -> None:
    # A null does not undo an earlier string or number, but a payload of null replaces an earlier payload.
    if source != b"null":
        members[key] = source
    elif key == "payload":
        members.pop(key, None)


def _read_key(source: str, at: int) -> tuple[str, int]:
    """Return (key, where its value begins)."""
    if source[at : at + 1] != '"':
        raise _broken(source, at, "a key in double quotes")
    key, end = _read_value(source, at)
    end = _skip(source, end)
    if source[end : end + 1] != ":":
        raise _broken(source, end, "':' after a key")
    return key, _skip(source, end + 1)


def _read_value(source: str, at: int) -> tuple[Any, int]:
    """Return (value, where it ends)."""
    try:
        return _DECODER.raw_decode(source, at)
    except JSONDecodeError as error:
        if error.pos >= len(source) or error.msg.startswith("Unterminated string"):
            raise InvalidRequest("unexpected EOF") from None
        raise InvalidRequest(f"invalid JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise InvalidRequest("invalid JSON: nested too deeply") from None


def _skip(source: str, at: int) -> int:
    # Most tokens follow each other without a blank; a look is cheaper than a match.
    if source[at : at + 1] > " ":
        return at
    match = _BLANK.match(source, at)
    return match.end() if match else at


def _broken(source: str, at: int, wanted: str) -> InvalidRequest:
    if at >= len(source):
        return InvalidRequest("unexpected EOF")
    return InvalidRequest(f"invalid JSON: expected {wanted} at character {at}")
