"""Times of the load: ISO dates, or durations before now (contract load §4.1, §4.2)."""

import re
from datetime import UTC, datetime, timedelta, timezone

from trioworq.core.errors import InvalidRequest
from trioworq.web.moments import show_without_zone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_DURATION = re.compile(
    rf"P(?:(?P<days>{_NUMBER})D)?"
    rf"(?:T(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?(?:(?P<seconds>{_NUMBER})S)?)?"
)
_DATETIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})[T ]"
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})(?::(?P<second>[0-9]{1,2})(?:[.,](?P<fraction>[0-9]+))?)?"
    r"(?:Z|(?P<sign>[+-])(?P<zone_hours>[0-9]{2})(?::?(?P<zone_minutes>[0-9]{2}))?)"
)
_FIELDS = ("year", "month", "day", "hour", "minute", "second")


def parse_time(name: str, text: str, now_ms: int) -> int:
    """Read the time that a client gives under `name`: a date with its zone, or a duration before now.

    Raises InvalidRequest for all else, and for what lies beyond the years 1 to 9999.
    """
    try:
        moment = _before(text, now_ms) if text.startswith("P") else _moment(text)
    except (ValueError, OverflowError):
        raise InvalidRequest(f"Invalid ISO timestamp format for parameter: {name}") from None
    return (moment - _EPOCH) // _MILLISECOND


def _before(text: str, now_ms: int) -> datetime:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration")
    parts = {unit: float(number) for unit, number in match.groupdict("0").items()}
    return _EPOCH + now_ms * _MILLISECOND - timedelta(**parts)


def _moment(text: str) -> datetime:
    match = _DATETIME.fullmatch(text)
    if match is None:
        raise ValueError("not a date with a zone")
    millisecond = int((match["fraction"] or "")[:3].ljust(3, "0"))
    year, month, day, hour, minute, second = (int(match[field] or 0) for field in _FIELDS)
    moment = datetime(year, month, day, hour, minute, second, millisecond * 1000, _zone(match))
    return moment.astimezone(UTC)


def _zone(match: re.Match[str]) -> timezone:
    offset = timedelta(hours=int(match["zone_hours"] or 0), minutes=int(match["zone_minutes"] or 0))
    return timezone(-offset if match["sign"] == "-" else offset)


def show_time(time_ms: int) -> str:
    """Write a time in UTC; milliseconds only where there are any."""
    return show_exact_time(time_ms) if time_ms % 1000 else f"{show_without_zone(time_ms, 'seconds')}Z"


def show_exact_time(time_ms: int) -> str:
    """Write a time in UTC, always with milliseconds."""
    return f"{show_without_zone(time_ms, 'milliseconds')}Z"
