"""What is printed: text, tables and JSON, without anything in them that a terminal would obey.

Names, payloads and messages come from whoever may push a job or answer one. A terminal takes control
characters in them for commands, and other invisible ones change what is seen; all are shown as escapes.
"""

import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate

import click

# Between the values of JSON they are blanks; within, only escaped ones may stand.
_NOT_OF_JSON = re.compile(r"[^\n\r\t]")
_GAP = "  "
_CUT = "..."
# A message of a worker may be a megabyte, and every line of a table is as wide as its widest.
MAX_CELL = 500


def safe(text: str) -> str:
    """Return text on one line, with escapes for all that does not print."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else _escape(mark) for mark in text)


def safe_json(body: bytes) -> str:
    """Return JSON that means the same, with escapes for all that does not print."""
    text = body.decode(errors="replace")
    if text.isprintable():
        return text
    return _NOT_OF_JSON.sub(
        lambda each: each[0] if each[0].isprintable() else json.dumps(each[0])[1:-1], text
    )


def _escape(mark: str) -> str:
    return mark.encode("unicode_escape").decode()


def say(text: str = "") -> None:
    """Print a line of the answer."""
    click.echo(text)


def note(text: str) -> None:
    """Print a line beside the answer, on standard error."""
    click.echo(text, err=True)


def say_table(names: Sequence[str], rows: Sequence[Sequence[str | int | None]]) -> None:
    """Print rows under names; numbers to the right. On a terminal long lines are cut at its width."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(width_of, column)) for column in zip(names, *cells, strict=True)]
    is_number = [
        bool(rows) and all(isinstance(value, int) for value in column) for column in zip(*rows, strict=True)
    ]
    limit = terminal_width() if sys.stdout.isatty() else None
    for line in (names, *cells):
        padded = [_pad(*each) for each in zip(line, widths, is_number or [False] * len(names), strict=True)]
        say(_cut(_GAP.join(padded).rstrip(), limit))


def _cell(value: str | int | None) -> str:
    if value is None or value == "":
        return "-"
    text = str(value)
    return safe(text if len(text) <= MAX_CELL else text[:MAX_CELL] + _CUT)


def _pad(text: str, width: int, is_number: bool) -> str:
    blanks = " " * (width - width_of(text))
    return blanks + text if is_number else text + blanks


def _cut(text: str, limit: int | None) -> str:
    if limit is None or width_of(text) <= limit:
        return text
    reached = accumulate(map(_columns, text))
    return "".join(mark for mark, end in zip(text, reached, strict=True) if end <= limit - len(_CUT)) + _CUT


def width_of(text: str) -> int:
    """Return how many columns text takes: two for wide characters, none for marks upon others."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(mark: str) -> int:
    if unicodedata.combining(mark):
        return 0
    return 2 if unicodedata.east_asian_width(mark) in "WF" else 1


def terminal_width() -> int:
    """Return how many columns the terminal has, or COLUMNS says; 80 where nobody knows."""
    return shutil.get_terminal_size().columns


def has_colours() -> bool:
    """Whether standard output is a terminal that may show colours (see no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def can_print(text: str) -> bool:
    """Whether standard output's encoding has these characters."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def shown_time(time: datetime | None) -> str | None:
    """Write a time to the second, in UTC."""
    return None if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
