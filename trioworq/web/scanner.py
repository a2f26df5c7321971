"""JSON text gone through once: its members and items are kept as the bytes they were sent with."""

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any, NoReturn

from trioworq.core.errors import InvalidRequest
from trioworq.web.fields import ERRORS, kind_of
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


class Scanner:
    """A place in a JSON text, at first that of its first value; each method moves it.

    Bytes that are not UTF-8 pass in strings as they are. Each method raises InvalidRequest for broken or too
    deeply nested JSON, as far as it goes.
    """

    def __init__(self, body: bytes) -> None:
        """Raises InvalidRequest for a text of blanks alone."""
        self._source = body.decode("utf-8", ERRORS)
        self._spans = Spans(self._source) if len(self._source) > LARGE else None
        self._at = 0
        self._skip()
        if self._at == len(self._source):
            raise InvalidRequest("EOF")

    @property
    def kind(self) -> str:
        """The JSON type of what begins here, if it is a value at all."""
        return kind_of(self._source[self._at])

    def value(self) -> bytes:
        """Pass a value, and return its source."""
        start = self._at
        if self._spans is not None and self._source.startswith(("[", "{"), start):
            self._at = self._spans.end(start)
        else:
            self._read()
        return self._source[start : self._at].encode("utf-8", ERRORS)

    def members(self) -> Iterator[tuple[str, bytes]]:
        """Pass an object, and return the key of each member and the source of its value."""
        if self._is_empty("}"):
            return
        for _ in range(MAX_MEMBERS):
            yield self._key(), self.value()
            if self._is_last("}", "',' or '}' after a member"):
                return
        raise InvalidRequest(f"the object has more than {MAX_MEMBERS} members")

    def items(self) -> Iterator[bytes]:
        """Pass an array, and return the source of each item."""
        if self._is_empty("]"):
            return
        yield self.value()
        while not self._is_last("]", "',' or ']' after an item"):
            yield self.value()

    def end(self) -> None:
        """Raise InvalidRequest if anything but blanks follows."""
        self._skip()
        if self._at < len(self._source):
            raise InvalidRequest(f"trailing characters at character {self._at}")

    def _is_empty(self, end: str) -> bool:
        """Enter an object or array; if it ends at once, pass it."""
        self._at += 1
        self._skip()
        return self._take(end)

    def _is_last(self, end: str, wanted: str) -> bool:
        """Pass what stands behind a member or an item: the end, or a comma."""
        self._skip()
        if self._take(end):
            return True
        if not self._take(","):
            raise self._broken(wanted)
        self._skip()
        return False

    def _take(self, mark: str) -> bool:
        if self._source[self._at : self._at + 1] != mark:
            return False
        self._at += 1
        return True

    def _key(self) -> str:
        if self._source[self._at : self._at + 1] != '"':
            raise self._broken("a key in double quotes")
        key: str = self._read()
        self._skip()
        if not self._take(":"):
            raise self._broken("':' after a key")
        self._skip()
        return key

    def _read(self) -> Any:
        """Pass a value, and return what it says."""
        try:
            value, self._at = _DECODER.raw_decode(self._source, self._at)
        except JSONDecodeError as error:
            if error.pos >= len(self._source) or error.msg.startswith("Unterminated string"):
                raise InvalidRequest("unexpected EOF") from None
            # One of its messages has the word already.
            what = error.msg.removesuffix(" at")
            raise InvalidRequest(f"invalid JSON: {what} at character {error.pos}") from None
        except RecursionError:
            raise InvalidRequest("invalid JSON: nested too deeply") from None
        return value

    def _skip(self) -> None:
        # Most tokens follow each other without a blank; a look is cheaper than a match.
        if self._source[self._at : self._at + 1] > " ":
            return
        match = _BLANK.match(self._source, self._at)
        self._at = match.end() if match else self._at

    def _broken(self, wanted: str) -> InvalidRequest:
        if self._at >= len(self._source):
            return InvalidRequest("unexpected EOF")
        return InvalidRequest(f"invalid JSON: expected {wanted} at character {self._at}")
