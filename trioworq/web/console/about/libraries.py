"""The libraries that pages bring to browsers, and their licences."""

from functools import cache
from pathlib import Path

from attrs import frozen

_VENDOR = Path(__file__).parent.parent / "static" / "vendor"


@frozen
class Library:
    """One of them."""

    name: str
    licence: str


@cache
def libraries() -> tuple[Library, ...]:
    """Return them all, as scripts/vendor has brought them."""
    return tuple(
        Library(path.stem, path.read_text(encoding="utf-8")) for path in sorted(_VENDOR.glob("*.LICENSE"))
    )
