"""Turns statements with placeholders into the bytes that are sent; the one place where values are quoted.

Only text, bytes, whole numbers, finite floats and None are values: anything else is a mistake of ours, and
a dictionary is the known way past this kind of quoting (CVE-2024-36039).
"""

import math
from collections.abc import Callable, Iterable, Sequence

from trioworq.core.errors import InvalidRequest

Value = str | bytes | int | float | None


def fill(statement: str, values: Sequence[Value] = ()) -> bytes:
    """Put `values` in place of the `%s` of a statement.

    Right for sessions whose sql_mode lacks NO_BACKSLASH_ESCAPES. Raises InvalidRequest for text that is
    not valid UTF-8, and TypeError or ValueError for what is no value.
    """
    return statement.encode() % tuple(map(_literal, values))


def rows(row: str, values: Sequence[Sequence[Value]]) -> bytes:
    """Fill `row` once for each of `values`, with commas between: many rows, one round trip."""
    return b",".join(fill(row, each) for each in values)


def numbers(values: Iterable[int]) -> bytes:
    """Write whole numbers with commas between."""
    return b",".join(map(_integer, values))


def _literal(value: Value) -> bytes:
    try:
        write = _WRITERS[type(value)]
    except KeyError:
        raise TypeError(f"{type(value).__name__} is not a type of value") from None
    return write(value)


def _text(value: str) -> bytes:
    try:
        return b"'" + _escaped(value.encode()) + b"'"
    except UnicodeEncodeError:
        raise InvalidRequest("A text is not valid UTF-8") from None


def _bytes(value: bytes) -> bytes:
    # Without the prefix the server would take them for text, and warn of what is not UTF-8.
    return b"_binary'" + _escaped(value) + b"'"


def _escaped(value: bytes) -> bytes:
    # Statements are sent with their length, so nothing else needs escaping, not even NUL.
    return value.replace(b"\\", b"\\\\").replace(b"'", b"\\'")


def _integer(value: int) -> bytes:
    return b"%d" % value


def _float(value: float) -> bytes:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number that can be stored")
    text = repr(value)
    # Without an exponent it would be a decimal, which is rounded in other ways.
    return (text if "e" in text else text + "e0").encode()


def _null(_value: None) -> bytes:
    return b"NULL"


_WRITERS: dict[type, Callable[..., bytes]] = {
    str: _text,
    bytes: _bytes,
    int: _integer,
    float: _float,
    type(None): _null,
}
