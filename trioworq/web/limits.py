"""How many items of a list a client asks for, read alike by all faces (contract README 5, 20)."""

import re
from collections.abc import Mapping

from trioworq.core.errors import InvalidRequest

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


def read_limit(query: Mapping[str, str], *, default: int, most: int) -> int:
    """Return the `limit` of a query: garbage counts as not given, more than `most` as `most`.

    Raises InvalidRequest for 0 and for less.
    """
    text = query.get("limit", "")
    if not _INTEGER.fullmatch(text):
        return default
    limit = int(text)
    if limit <= 0:
        raise InvalidRequest("limit should be at least 1")
    return min(limit, most)
