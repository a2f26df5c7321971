"""Points in time as they are typed: `2026-11-22T18:00:00Z`, or `PT3H` for three hours ago."""

import re
import time
from datetime import UTC, datetime, timedelta

import click

_DURATION = re.compile(
    r"P(?=.)(?:(?P<days>\d{1,9}(?:\.\d+)?)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,9}(?:\.\d+)?)H)?(?:(?P<minutes>\d{1,9}(?:\.\d+)?)M)?(?:(?P<seconds>\d{1,9}(?:\.\d+)?)S)?)?",
    re.ASCII,
)


class MomentType(click.ParamType[datetime | timedelta, str | datetime | timedelta]):
    """A date with or without a time of day, UTC if it names no zone; or an ISO 8601 duration, for ago."""

    name = "time"

    def convert(
        self,
        value: str | datetime | timedelta,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime | timedelta:
        """Read what was typed."""
        if not isinstance(value, str):
            return value
        try:
            return _read(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: 2026-11-22T18:00:00Z, or PT3H for three hours ago", param, ctx)


def _read(text: str) -> datetime | timedelta:
    match = _DURATION.fullmatch(text)
    if match:
        return timedelta(**{unit: float(number) for unit, number in match.groupdict().items() if number})
    read = datetime.fromisoformat(text)
    # Also where UTC is out of the calendar: its last and first days in zones beside it.
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


MOMENT = MomentType()


def as_time(moment: datetime | timedelta | None) -> datetime | None:
    """Return a moment as a time, by this machine's clock. Raises BadParameter for one before the calendar."""
    if not isinstance(moment, timedelta):
        return moment
    try:
        return datetime.fromtimestamp(time.time_ns() / 1_000_000_000, UTC) - moment
    except OverflowError:
        raise click.BadParameter("that is too long ago") from None
