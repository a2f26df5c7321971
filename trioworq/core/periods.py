"""Which time a series of the load may cover (contract load §4.2)."""

from attrs import frozen

from trioworq.core.errors import InvalidRequest

DAY_MS = 24 * 60 * 60 * 1000
MAX_DAYS = 31
DEFAULT_DAYS = 7


@frozen
class Period:
    """A time in ms since the epoch, both ends inclusive."""

    first_ms: int
    last_ms: int

    @classmethod
    def between(cls, started_ms: int | None, ended_ms: int | None, now_ms: int) -> "Period":
        """Return the period that a client asks for; without an end it ends now, without a start it begins at
        the midnight, in UTC, of the day a week ago.

        Raises InvalidRequest when it is empty, runs backwards or is longer than 31 days.
        """
        first_ms = _week_ago(now_ms) if started_ms is None else started_ms
        last_ms = now_ms if ended_ms is None else ended_ms
        if first_ms == last_ms:
            raise InvalidRequest("Start and end values must be different")
        if first_ms > last_ms:
            raise InvalidRequest("Start time must come before end time")
        if last_ms - first_ms > MAX_DAYS * DAY_MS:
            raise InvalidRequest(f"Time range must be between 0 and {MAX_DAYS} days, 0:00:00")
        return cls(first_ms, last_ms)


def _week_ago(now_ms: int) -> int:
    return now_ms - now_ms % DAY_MS - DEFAULT_DAYS * DAY_MS
