"""Cursors of the lists: base64 of ``<ms>,<id>``, the first item that was not returned (contract §1.10)."""

import base64
import binascii
import re

from attrs import frozen

from trioworq.core.jobs import INT64_MAX

# Pull jobs may be due since before the epoch.
_SHAPE = re.compile(rb"(-?\d{1,19}),(\d{1,19})")


@frozen
class Cursor:
    """A place in a list that is ordered by (time_ms, id); the item at the place belongs to the next page."""

    time_ms: int
    id: int

    def encode(self) -> str:
        """Write the cursor as clients carry it."""
        return base64.b64encode(f"{self.time_ms},{self.id}".encode()).decode()


def decode(text: str) -> Cursor | None:
    """Read a cursor; one that cannot be read counts as none, as in the original."""
    try:
        match = _SHAPE.fullmatch(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
    if match is None:
        return None
    time_ms, item_id = int(match[1]), int(match[2])
    if max(abs(time_ms), item_id) > INT64_MAX:
        return None
    return Cursor(time_ms, item_id)
