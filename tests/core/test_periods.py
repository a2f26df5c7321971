"""Which time a series of the load may cover."""

import pytest

from trioworq.core.errors import InvalidRequest
from trioworq.core.periods import DAY_MS, Period

NOW_MS = 20_000 * DAY_MS + 5


def test_without_bounds_it_is_the_week_before_today() -> None:
    """It begins at midnight, not at the same time of the day, and ends now."""
    assert Period.between(None, None, NOW_MS) == Period(19_993 * DAY_MS, NOW_MS)
    assert Period.between(None, None, 20_000 * DAY_MS) == Period(19_993 * DAY_MS, 20_000 * DAY_MS)


def test_a_bound_that_is_given_counts() -> None:
    """The other one stays as it is without."""
    assert Period.between(NOW_MS - 7, None, NOW_MS) == Period(NOW_MS - 7, NOW_MS)
    assert Period.between(None, NOW_MS + 7, NOW_MS) == Period(19_993 * DAY_MS, NOW_MS + 7)
    assert Period.between(-7, 7, NOW_MS) == Period(-7, 7)


@pytest.mark.parametrize("ended_ms", [NOW_MS, None])
def test_exactly_31_days_are_allowed(ended_ms: int | None) -> None:
    """A millisecond more is too long, whether the end was given or not."""
    started_ms = NOW_MS - 31 * DAY_MS
    assert Period.between(started_ms, ended_ms, NOW_MS) == Period(started_ms, NOW_MS)
    with pytest.raises(InvalidRequest, match=r"^Time range must be between 0 and 31 days, 0:00:00$"):
        Period.between(started_ms - 1, ended_ms, NOW_MS)


@pytest.mark.parametrize(("started_ms", "ended_ms"), [(7, 7), (NOW_MS, None), (None, 19_993 * DAY_MS)])
def test_an_empty_period_is_refused(started_ms: int | None, ended_ms: int | None) -> None:
    """One that begins now and has no end is empty too."""
    with pytest.raises(InvalidRequest, match=r"^Start and end values must be different$"):
        Period.between(started_ms, ended_ms, NOW_MS)


@pytest.mark.parametrize(("started_ms", "ended_ms"), [(8, 7), (NOW_MS + 1, None), (None, 0), (10**15, 0)])
def test_a_period_that_runs_backwards_is_refused(started_ms: int | None, ended_ms: int | None) -> None:
    """That is said before anything of its length."""
    with pytest.raises(InvalidRequest, match=r"^Start time must come before end time$"):
        Period.between(started_ms, ended_ms, NOW_MS)
