"""Times as clients write them (contract pull §2.4, README 16, 20)."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import InvalidRequest
from trioworq.web.moments import parse_moment, show_moment

MOMENT_MS = 1_795_334_717_087


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2026-11-22T08:05:17.087Z", MOMENT_MS),
        ("2026-11-22t08:05:17.087z", MOMENT_MS),
        ("2026-11-22T08:05:17.087", MOMENT_MS),
        ("2026-11-22T17:05:17.087+09:00", MOMENT_MS),
        ("2026-11-21T22:35:17.087-09:30", MOMENT_MS),
        ("2026-11-22T08:05:17.087-00:00", MOMENT_MS),
        ("2026-11-22T08:05:17Z", MOMENT_MS - 87),
        ("2026-11-22T08:05:17.0879999999999999999Z", MOMENT_MS),
        ("2026-11-22T08:05:17.1Z", MOMENT_MS + 13),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999),
        ("0", 0),
        ("1795334717", MOMENT_MS - 87),
        ("1795334717087", MOMENT_MS),
        ("1795334717087999", MOMENT_MS),
        ("1795334717087999999", MOMENT_MS),
    ],
)
def test_a_time_is_read(text: str, time_ms: int) -> None:
    """RFC 3339 in any case, in UTC without a zone; or an epoch, whose unit its number of digits tells."""
    assert parse_moment("run_at", text) == time_ms


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "now", "2026-11-22", "2026-11-22T08:05", "2026-11-22 08:05:17Z", "2026-11-22T08:05:17.Z",
        "2026-11-22T24:00:00Z", "2026-11-22T08:60:00Z", "2026-11-22T08:05:61Z", "2026-11-31T08:05:17Z",
        "2026-13-01T08:05:17Z", "2026-11-22T08:05:17+24:00", "2026-11-22T08:05:17+09:60",
        "2026-11-22T08:05:17+0900", "2026-11-22T08:05:17 Z", "2026-11-22T08:05:17Z ", "2026-W47-7T08:05:17Z",
        "20261122T080517Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z", "-1", "+1", "1.5", "1e9", "1" * 20,
        "\u0662\u0660\u0662\u0666-11-22T08:05:17Z", "\u0661", "Sun, 22 Nov 2026 08:05:17 GMT", "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    """In words that can be sent."""
    with pytest.raises(InvalidRequest, match=r"^run_at should be ") as refusal:
        parse_moment("run_at", text)
    assert str(refusal.value).isascii()


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001  # as it wants them
    st.none() | st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_any_time_is_read_as_what_it_is(moment: datetime, offset_minutes: int | None) -> None:
    """Whatever its zone, as Python itself reckons."""
    zone = UTC if offset_minutes is None else timezone(timedelta(minutes=offset_minutes))
    text = moment.isoformat() if offset_minutes is None else moment.replace(tzinfo=zone).isoformat()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_moment("run_at", text) == (moment.replace(tzinfo=zone) - epoch) // timedelta(milliseconds=1)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_time_is_shown_in_utc_to_the_microsecond(time_ms: int) -> None:
    """And read again as the same."""
    text = show_moment(time_ms)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text)
    assert parse_moment("run_at", text) == time_ms
