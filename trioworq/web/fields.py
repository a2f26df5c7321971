"""The members of a JSON object, each kept as the bytes it was sent with until somebody asks what it says."""

import re
from collections.abc import Mapping
from json import JSONDecoder

from attrs import frozen

from trioworq.core.errors import InvalidRequest

# Bytes that are not UTF-8 become lone surrogates on the way in and the same bytes on the way out.
ERRORS = "surrogateescape"

_UNSIGNED = re.compile(rb"(?:0|[1-9][0-9]{0,19})")
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]{0,19})")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = b"-0123456789"
_STRING = JSONDecoder()


@frozen
class Fields:
    """The members of an object by their keys in lower case, each valid JSON; null counts as absent."""

    _members: Mapping[str, bytes]

    def text(self, name: str) -> str:
        """Return a string, empty when it is absent; what cannot be written as UTF-8 is replaced by U+FFFD."""
        return replaced(self.exact_text(name))

    def exact_text(self, name: str) -> str:
        """Return a string, empty when it is absent; what cannot be written as UTF-8 is a lone surrogate."""
        source = self._members.get(name)
        if source is None:
            return ""
        if not source.startswith(b'"'):
            raise _mismatch(name, source, "a string")
        text = source.decode("utf-8", ERRORS)
        if "\\" not in text:
            return text[1:-1]
        decoded: str = _STRING.decode(text)
        return decoded

    def is_text(self, name: str) -> bool:
        """Whether the member is there and a string."""
        return self._members.get(name, b"").startswith(b'"')

    def unsigned(self, name: str, maximum: int) -> int:
        """Return a number written in plain digits, 0 when it is absent."""
        source = self._members.get(name)
        if source is None:
            return 0
        if not _UNSIGNED.fullmatch(source):
            raise _mismatch(name, source, "an unsigned integer")
        number = int(source)
        if number > maximum:
            raise InvalidRequest(f"{name} should be at most {maximum}")
        return number

    def integer(self, name: str) -> int | None:
        """Return a number written in digits, with a minus before them if need be; None when it is absent."""
        source = self._members.get(name)
        if source is None:
            return None
        if not _INTEGER.fullmatch(source):
            raise _mismatch(name, source, "an integer")
        return int(source)

    def number(self, name: str) -> float:
        """Return any finite number, 0 when it is absent."""
        source = self._members.get(name)
        if source is None:
            return 0.0
        if source[0] not in _NUMBER:
            raise _mismatch(name, source, "a number")
        number = float(source)
        if number in (float("inf"), float("-inf")):
            raise InvalidRequest(f"{name} is out of range")
        return number

    def source(self, name: str) -> bytes | None:
        """Return a value's bytes exactly as they were sent; None when it is absent."""
        return self._members.get(name)


def replaced(text: str) -> str:
    """Return text with U+FFFD for each lone surrogate, so that it can be written as UTF-8."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def kind_of(source: str) -> str:
    """Name the JSON type of a value by its first character."""
    match source[0]:
        case '"':
            return "string"
        case "{":
            return "object"
        case "[":
            return "array"
        case "t" | "f":
            return "bool"
        case "n":
            return "null"
        case _:
            return "number"


def _mismatch(name: str, source: bytes, wanted: str) -> InvalidRequest:
    shown = source[:32].decode("utf-8", ERRORS)
    kind = kind_of(shown)
    return InvalidRequest(f"{name} should be {wanted}, not {kind}{f' {shown}' if kind == 'number' else ''}")
