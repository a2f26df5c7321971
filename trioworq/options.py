"""How the text of an option is read, and what is known of an option beside its default.

Readers raise ValueError, whose message goes on from the option's text: "should be …".
"""

import re
from collections.abc import Callable
from typing import Any

from attrs import field

_TRUE = {"1", "t", "T", "true", "TRUE", "True"}
_FALSE = {"0", "f", "F", "false", "FALSE", "False"}
_LEVELS = {"0": "debug", "1": "info", "2": "warn", "3": "error", "4": "fatal"}
_DIGITS = re.compile(r"0*([0-9]{1,19})")


def read_bool(text: str) -> bool:
    """Read a boolean in any of the spellings that Go takes."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("should be true or false")


def read_level(text: str) -> str:
    """Read a log level by name or number; anything else counts as info, as in the original."""
    word = _LEVELS.get(text, text.lower())
    return word if word in _LEVELS.values() else "info"


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers within bounds, both inclusive."""

    def read(text: str) -> int:
        match = _DIGITS.fullmatch(text)
        if match is None or not low <= int(match[1]) <= high:
            raise ValueError(f"should be a whole number from {low} to {high}")
        return int(match[1])

    return read


def declare(
    default: object,
    about: str,
    *,
    read: Callable[[str], object] = str,
    from_fireworq: bool = True,
    secret: bool = False,
) -> Any:
    """Return a field of `Config` with what is known of its option.

    One that is Fireworq's too is also read from the environment under that one's names; a `secret` is never
    shown, and may come from a file.
    """
    metadata = {"about": about, "read": read, "from_fireworq": from_fireworq, "secret": secret}
    return field(default=default, metadata=metadata)


read_seconds = integer(0, 2**31 - 1)
read_positive_seconds = integer(1, 2**31 - 1)
read_bytes = integer(1, 2**31 - 1)
