"""Times as clients write them, RFC 3339 or the digits of an epoch, and as they are written to them.

See the contract, pull §2.4, README 16 and 20; `wire` has those of Fireworq.
"""

import re
from datetime import UTC, datetime, timedelta

from trioworq.core.errors import InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WITHOUT_ZONE = datetime(1970, 1, 1)  # noqa: DTZ001  # a zone is written by hand
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND

_RFC_3339 = re.compile(
    r"(?P<minute>[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
    r"(?P<fraction>\.[0-9]+)?(?P<zone>Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
_DIGITS = re.compile(r"[0-9]{1,19}")
# What digits count, by how many of them there are at most: how many milliseconds so many of them make.
_UNITS = ((10, 1000, 1), (13, 1, 1), (16, 1, 1000), (19, 1, 1_000_000))


def parse_moment(name: str, text: str) -> int:
    """Read the time that a client gives under `name`; one without a zone is in UTC.

    Raises InvalidRequest, also beyond the years 1 to 9999.
    """
    if _DIGITS.fullmatch(text):
        _, multiplier, divisor = next(unit for unit in _UNITS if len(text) <= unit[0])
        return int(text) * multiplier // divisor
    match = _RFC_3339.fullmatch(text.upper())
    if match is None:
        raise _unreadable(name, text)
    # A leap second is the first of the next minute.
    second, beyond_ms = (59, 1000) if match["second"] == "60" else (int(match["second"]), 0)
    try:
        moment = datetime.fromisoformat(
            f"{match['minute']}:{second:02}{match['fraction'] or ''}{match['zone'] or 'Z'}"
        )
    except ValueError:
        raise _unreadable(name, text) from None
    time_ms = (moment - _EPOCH) // _MILLISECOND + beyond_ms
    if not _FIRST_MS <= time_ms <= _LAST_MS:
        raise _unreadable(name, text)
    return time_ms


def show_moment(time_ms: int) -> str:
    """Write a time in UTC, to the microsecond."""
    return f"{show_without_zone(time_ms, 'microseconds')}Z"


def show_without_zone(time_ms: int, precision: str = "auto") -> str:
    """Write a time in UTC without saying so; `precision` is a `timespec` of `datetime.isoformat`."""
    return (_EPOCH_WITHOUT_ZONE + timedelta(milliseconds=time_ms)).isoformat(timespec=precision)


def _unreadable(name: str, text: str) -> InvalidRequest:
    return InvalidRequest(f"{name} should be a time in RFC 3339 or digits of an epoch, not {text[:40]!a}")
