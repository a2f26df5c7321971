"""ISO dates and durations: what is read, what is refused, and what is written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import InvalidRequest
from trioworq.web.load.times import parse_time, show_exact_time, show_time

NOW_MS = 1_445_385_600_250
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


def ms(text: str) -> int:
    """Return a time by the standard library's reading."""
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "before_ms"),
    [
        ("P", 0),
        ("PT", 0),
        ("P0D", 0),
        ("P1D", DAY),
        ("P01D", DAY),
        ("P31DT", 31 * DAY),
        ("P7DT3H4M5S", 7 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND),
        ("PT3H0M0S", 3 * HOUR),
        ("PT90M", 90 * MINUTE),
        ("PT0.25S", 250),
        ("PT1.5H", 90 * MINUTE),
        ("P0.5DT0.5M", 12 * HOUR + 30 * SECOND),
        ("PT2678400S", 31 * DAY),
        ("PT0.001S", 1),
        ("PT" + "0" * 5000 + "1S", SECOND),
        ("PT1." + "0" * 5000 + "S", SECOND),
    ],
)
def test_a_duration_counts_back_from_now(text: str, before_ms: int) -> None:
    """Days, hours, minutes and seconds, each of which may be left out or have decimals."""
    assert parse_time("ended", text, NOW_MS) == NOW_MS - before_ms


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2015-01-01T00:00:00Z", "2015-01-01T00:00:00+00:00"),
        ("2015-01-01T00:00:00+00:00", "2015-01-01T00:00:00+00:00"),
        ("2015-01-01T00:00:00-05:00", "2015-01-01T05:00:00+00:00"),
        ("2015-01-01T00:00:00+0530", "2014-12-31T18:30:00+00:00"),
        ("2015-01-01T00:00:00-05", "2015-01-01T05:00:00+00:00"),
        ("2015-01-01T00:00Z", "2015-01-01T00:00:00+00:00"),
        ("2015-1-2 3:4:5Z", "2015-01-02T03:04:05+00:00"),
        ("2015-01-01T00:00:00.000Z", "2015-01-01T00:00:00+00:00"),
        ("2015-01-01T00:00:00.25Z", "2015-01-01T00:00:00.250+00:00"),
        ("2015-01-01T00:00:00,25Z", "2015-01-01T00:00:00.250+00:00"),
        ("2015-01-01T00:00:00.123456Z", "2015-01-01T00:00:00.123+00:00"),
        ("2015-01-01T00:00:00.123999999999Z", "2015-01-01T00:00:00.123+00:00"),
        ("2016-02-29T23:59:59Z", "2016-02-29T23:59:59+00:00"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999+00:00"),
        ("0001-01-01T00:00:00-23:59", "0001-01-01T23:59:00+00:00"),
    ],
)
def test_a_date_names_its_zone(text: str, same: str) -> None:
    """Zones east and west of UTC are taken, and fractions to the millisecond."""
    assert parse_time("ended", text, NOW_MS) == ms(same)


REFUSED = [
    "",
    " ",
    "now",
    "1420070400",
    "p1D",
    "-P1D",
    "+P1D",
    "P-1D",
    "P1",
    "PD",
    "P1W",
    "P1M",
    "P1Y",
    "P1DT1D",
    "PT1D",
    "P1H",
    "PT1S1M",
    "P1D ",
    "P1D\n",
    "P1,5D",
    "P.5D",
    "P1.D",
    "P1e3D",
    "PNaND",
    "PinfD",
    "P1_0D",
    "P٣D",
    "P999999999999D",
    "PT" + "9" * 400 + "H",
    "P" + "9" * 5000 + "D",
    "P735900D",
    "2015-01-01",
    "2015-01-01T00:00:00",
    "2015-01-01T00:00:00 00:00",
    "2015-01-01T00:00:00z",
    "2015-01-01t00:00:00Z",
    "2015-01-01T00:00:00Z ",
    "2015-01-01T00:00:00Z\n",
    "2015-01-01T00:00:00.Z",
    "2015-01-01T00:00:00+5",
    "2015-01-01T00:00:00+24:00",
    "2015-01-01T00:00:00-99:99",
    "2015-01-01T24:00:00Z",
    "2015-01-01T00:60:00Z",
    "2015-01-01T00:00:60Z",
    "2015-00-01T00:00:00Z",
    "2015-13-01T00:00:00Z",
    "2015-02-29T00:00:00Z",
    "2015-W01-1T00:00:00Z",
    "20150101T000000Z",
    "٢٠١٥-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "99999-01-01T00:00:00Z",
    "-2015-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:59-23:59",
    "\udcff",
]


@pytest.mark.parametrize("text", REFUSED)
def test_all_else_is_refused(text: str) -> None:
    """Other units, signs, no zone, other digits, and what the years 1 to 9999 do not hold."""
    with pytest.raises(InvalidRequest, match=r"^Invalid ISO timestamp format for parameter: ended$"):
        parse_time("ended", text, NOW_MS)


@given(st.text("P0123456789DTHMS.-+:Z \n٣") | st.text())
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """What is read can be shown."""
    try:
        time_ms = parse_time("ended", text, NOW_MS)
    except InvalidRequest:
        return
    assert show_exact_time(time_ms).endswith("Z")


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_shown_is_read_as_the_same(moment: datetime) -> None:
    """In both forms, to the millisecond."""
    time_ms = parse_time("ended", moment.isoformat().replace("+00:00", "Z"), 0)
    assert parse_time("ended", show_time(time_ms), 0) == time_ms
    assert parse_time("ended", show_exact_time(time_ms), 0) == time_ms


@pytest.mark.parametrize(
    ("time_ms", "shown", "exact"),
    [
        (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        (1_445_385_600_000, "2015-10-21T00:00:00Z", "2015-10-21T00:00:00.000Z"),
        (1_445_385_600_080, "2015-10-21T00:00:00.080Z", "2015-10-21T00:00:00.080Z"),
        (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_fraction_is_shown_where_there_is_one_or_always(time_ms: int, shown: str, exact: str) -> None:
    """Milliseconds have three digits."""
    assert (show_time(time_ms), show_exact_time(time_ms)) == (shown, exact)
