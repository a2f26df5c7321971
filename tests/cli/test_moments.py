"""Points in time as they are typed."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from trioworq.cli.moments import MOMENT, as_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("PT3H", timedelta(hours=3)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("PT1.5H", timedelta(minutes=90)),
        ("P0D", timedelta()),
        ("2026-11-22T18:00:00Z", datetime(2026, 11, 22, 18, tzinfo=UTC)),
        ("2026-11-22T18:00:00.25-05:00", datetime(2026, 11, 22, 23, 0, 0, 250_000, UTC)),
        ("2026-11-22 18:00", datetime(2026, 11, 22, 18, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_moments_are_read(text: str, moment: datetime | timedelta) -> None:
    """As distances from now, or as times, in UTC where no zone is named."""
    assert MOMENT.convert(text, None, None) == moment


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1", "P1Y", "P1W", "-PT1H", "PT٣H", "P1D ", "soon", "P999999999D1", "2026-13-01",
     "0001-01-01T00:00+23:00", f"P{10**9}D"],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    """With two that are."""
    with pytest.raises(click.BadParameter, match="PT3H"):
        MOMENT.convert(text, None, None)


def test_a_distance_becomes_a_time() -> None:
    """By this machine's clock, which need not be the daemon's."""
    ago = as_time(timedelta(hours=3))
    assert ago is not None
    assert abs(datetime.now(UTC) - timedelta(hours=3) - ago) < timedelta(minutes=1)  # noqa: TID251  # it is the one
    assert as_time(None) is None
    with pytest.raises(click.BadParameter, match="long ago"):
        as_time(timedelta(days=999_999_999))
