"""Addresses within the console."""

import re
from urllib.parse import quote, urlencode

from trioworq.web.paths import clean
from trioworq.web.replies import CONSOLE, is_console

# Heads of requests have an end, and so have those of answers for many a proxy.
MAX_CHARACTERS = 32 * 1024

_PATH = re.compile(r"[A-Za-z0-9/_.-]+")
_QUERY = re.compile(r"[!\"$-\[\]-~]*")


def url(path: str, **query: object) -> str:
    """Return a path with a query, in which what is None has no place.

    Names of others belong in the query: browsers take `..` in a path for a way up, however it is written.
    """
    pairs = [(key, _bytes(str(value))) for key, value in query.items() if value is not None]
    return quote(path) + (f"?{urlencode(pairs)}" if pairs else "")


def local(address: str) -> str:
    """Return an address if it is one of the console's that is not too long, else that of its first page."""
    if len(address) > MAX_CHARACTERS:
        return CONSOLE
    path, _, query = address.partition("?")
    is_ours = _PATH.fullmatch(path) and clean(path) == path and is_console(path) and _QUERY.fullmatch(query)
    return address if is_ours else CONSOLE


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
