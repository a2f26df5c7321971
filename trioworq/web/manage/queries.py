"""What queries name (contract jobs §3.3, README 20, 23). Each function raises InvalidRequest."""

import re
from collections.abc import Mapping

from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import FailureFilter
from trioworq.core.queues import check_name
from trioworq.web.limits import read_limit
from trioworq.web.moments import parse_moment

MAX_LIMIT = 10_000
# Where no list reaches, and no store has to count any further.
MAX_OFFSET = 10**15

_OFFSET = re.compile(r"[0-9]+")
_SWITCH = {"true": True, "1": True, "false": False, "0": False}

_Query = Mapping[str, str]


def failures_of(query: _Query) -> FailureFilter:
    """Return which failed jobs are meant.

    An empty name is refused: it may be that of a variable which was not set, and to take it for no name
    would touch them all.
    """
    return FailureFilter(
        queue=name_of(query, "queue"),
        category=name_of(query, "category"),
        failed_after_ms=_time_of(query, "failed_after"),
        failed_before_ms=_time_of(query, "failed_before"),
    )


def name_of(query: _Query, key: str) -> str | None:
    """Return a name, if there is one."""
    name = query.get(key)
    if name is not None:
        check_name(key, name)
    return name


def _time_of(query: _Query, key: str) -> int | None:
    text = query.get(key)
    return None if text is None else parse_moment(key, text)


def limit_of(query: _Query) -> int:
    """Return how many items to list."""
    return read_limit(query, default=MAX_LIMIT, most=MAX_LIMIT)


def offset_of(query: _Query) -> int:
    """Return how many items to leave out before the first one; beyond all of them there is none."""
    text = query.get("offset", "0")
    if not _OFFSET.fullmatch(text):
        raise InvalidRequest("offset should be an integer that is at least 0")
    # Thousands of digits are too many for Python to read at all.
    return min(int(text.lstrip("0")[:19] or "0"), MAX_OFFSET)


def is_dry_run(query: _Query) -> bool:
    """Tell whether nothing is to be done but to count."""
    text = query.get("dry_run", "false").lower()
    if text not in _SWITCH:
        raise InvalidRequest("dry_run should be true or false")
    return _SWITCH[text]
