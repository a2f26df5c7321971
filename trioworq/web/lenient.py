"""JSON objects read as Fireworq reads them (contract §1.4): leniently, and without losing their source text.

Only the first JSON value of a body is read and whatever follows it is ignored; keys match in any case; of
equal keys the later wins; null stands for absent. A payload has to reach its worker with the very
bytes it was sent with, so each member keeps its place in the source.
"""

import re
from json import JSONDecodeError, JSONDecoder
from typing import Any, NamedTuple, NoReturn

from attrs import frozen

from trioworq.core.errors import InvalidRequest

# The APIs know a dozen; millions would hold everybody else up for seconds, and cost the node its leases.
MAX_MEMBERS = 1000

_BLANK = re.compile(r"[ \t\n\r]*")
_UNSIGNED = re.compile(r"(?:0|[1-9][0-9]{0,19})")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A payload's blanks outside strings: what is matched is what stays.
_DENSE = re.compile(rb'(?:[^" \t\n\r]++|"(?:[^"\\]++|\\.)*+")++', re.DOTALL)

# Bytes that are not UTF-8 become lone surrogates on the way in and the same bytes on the way out.
_ERRORS = "surrogateescape"


def _refuse(word: str) -> NoReturn:
    raise InvalidRequest(f"invalid JSON: {word} is not a value")


# Numbers stay text: a digit string of any length costs nothing to read and is not rounded.
_DECODER = JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)


# A tuple, as this is made for every member of every push, and a frozen class costs three times as much.
class Member(NamedTuple):
    """One value of an object, decoded, and where it stands in the source."""

    value: Any
    start: int
    end: int


@frozen
class Fields:
    """The members of an object, by their keys in lower case."""

    _source: str
    _members: dict[str, Member]

    def text(self, name: str) -> str:
        """Return a string, empty when it is absent; what cannot be written as UTF-8 is replaced by U+FFFD."""
        member = self._members.get(name)
        if member is None or member.value is None:
            return ""
        if self._kind(member) != "string":
            raise self._mismatch(name, member, "a string")
        return replaced(member.value)

    def is_text(self, name: str) -> bool:
        """Whether the member is there and a string."""
        member = self._members.get(name)
        return member is not None and self._kind(member) == "string"

    def unsigned(self, name: str, maximum: int) -> int:
        """Return a number written in plain digits, 0 when it is absent."""
        member = self._members.get(name)
        if member is None or member.value is None:
            return 0
        if self._kind(member) != "number" or not _UNSIGNED.fullmatch(member.value):
            raise self._mismatch(name, member, "an unsigned integer")
        number = int(member.value)
        if number > maximum:
            raise InvalidRequest(f"{name} should be at most {maximum}")
        return number

    def number(self, name: str) -> float:
        """Return any finite number, 0 when it is absent."""
        member = self._members.get(name)
        if member is None or member.value is None:
            return 0.0
        if self._kind(member) != "number":
            raise self._mismatch(name, member, "a number")
        number = float(member.value)
        if number in (float("inf"), float("-inf")):
            raise InvalidRequest(f"{name} is out of range")
        return number

    def source(self, name: str) -> bytes | None:
        """Return a value's bytes exactly as they were sent; None when it is absent."""
        member = self._members.get(name)
        if member is None or member.value is None:
            return None
        return self._source[member.start : member.end].encode("utf-8", _ERRORS)

    def _kind(self, member: Member) -> str:
        return _kind(self._source[member.start])

    def _mismatch(self, name: str, member: Member, wanted: str) -> InvalidRequest:
        kind = self._kind(member)
        shown = f" {self._source[member.start : member.end][:32]}" if kind == "number" else ""
        return InvalidRequest(f"{name} should be {wanted}, not {kind}{shown}")


def read_object(body: bytes) -> Fields:
    """Read the object that a body begins with; null counts as an empty one.

    Raises InvalidRequest for an empty body, broken or too deeply nested JSON, and any other value.
    """
    source = body.decode("utf-8", _ERRORS)
    start = _skip(source, 0)
    if start == len(source):
        raise InvalidRequest("EOF")
    if source[start] == "{":
        return Fields(source, _read_members(source, start + 1))
    value, _ = _read_value(source, start)
    if value is not None:
        raise InvalidRequest(f"the body should be a JSON object, not {_kind(source[start])}")
    return Fields(source, {})


def compact(text: bytes) -> bytes:
    """Return JSON text without the blanks outside its strings; nothing else changes."""
    dense = bytearray()
    # One by one: a list of a hostile payload's millions of pieces would take fifty times its size.
    for piece in _DENSE.finditer(text):
        dense += piece[0]
    return bytes(dense)


def replaced(text: str) -> str:
    """Return text with U+FFFD for each lone surrogate, so that it can be written as UTF-8."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _read_members(source: str, at: int) -> dict[str, Member]:
    """Read from behind the opening brace to the closing one."""
    members: dict[str, Member] = {}
    at = _skip(source, at)
    if source[at : at + 1] == "}":
        return members
    for _ in range(MAX_MEMBERS):
        key, at = _read_key(source, at)
        value, end = _read_value(source, at)
        _keep(members, key.lower(), Member(value, at, end))
        at = _skip(source, end)
        mark = source[at : at + 1]
        if mark == "}":
            return members
        if mark != ",":
            raise _broken(source, at, "',' or '}' after a member")
        at = _skip(source, at + 1)
    raise InvalidRequest(f"the object has more than {MAX_MEMBERS} members")


def _keep(members: dict[str, Member], key: str, member: Member) -> None:
    # A null does not undo an earlier string or number, but a payload of null replaces an earlier payload.
    if member.value is not None or key == "payload":
        members[key] = member


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


def _kind(first: str) -> str:
    """Name the JSON type of a value by its first character."""
    match first:
        case '"':
            return "string"
        case "{":
            return "object"
        case "[":
            return "array"
        case "t" | "f":
            return "bool"
        case _:
            return "number"
