"""What queries name (contract jobs §3.3, README 20, 23)."""

import pytest

from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.web.manage.queries import MAX_OFFSET, failures_of, is_dry_run, limit_of, offset_of
from trioworq.web.paths import decode_query


def query_of(text: str) -> dict[str, str]:
    """Read a query."""
    return decode_query(text.encode())


def test_without_a_filter_all_failures_are_meant() -> None:
    """Unknown keys count for nothing, and names of keys have their case."""
    assert failures_of({}) == EVERY_FAILURE
    assert failures_of(query_of("x=1&Queue=a&que=b&limit=7")) == EVERY_FAILURE


def test_filters_are_read() -> None:
    """The first of equal ones counts; times are RFC 3339 or epochs."""
    text = "queue=a+b&queue=c&category=x%2Fy&failed_after=2024-01-01T12:00:00Z&failed_before=1704110401"
    assert failures_of(query_of(text)) == FailureFilter(
        queue="a b",
        category="x/y",
        failed_after_ms=1_704_110_400_000,
        failed_before_ms=1_704_110_401_000,
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("queue=", "queue should have 1 to 255 bytes"),
        ("queue", "queue should have 1 to 255 bytes"),
        ("category=", "category should have 1 to 255 bytes"),
        (f"category={'x' * 256}", "category should have 1 to 255 bytes"),
        ("queue=%FF", "queue is not valid UTF-8"),
        ("queue=a%00", "queue contains a NUL"),
        ("failed_after=", "failed_after should be a time"),
        ("failed_before=yesterday", "failed_before should be a time"),
        ("failed_before=2024-01-01", "failed_before should be a time"),
        ("failed_after=2024-01-01T12:00:00+01:00", "failed_after should be a time"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(text: str, why: str) -> None:
    """An empty name too: it may be a variable that was not set, and all failures would be touched."""
    with pytest.raises(InvalidRequest, match=why):
        failures_of(query_of(text))


@pytest.mark.parametrize(
    ("text", "limit"),
    [("", 10_000), ("7", 7), ("+7", 7), ("10000", 10_000), ("10001", 10_000), ("9" * 19, 10_000),
     ("9" * 5000, 10_000), ("x", 10_000), ("1.5", 10_000), ("٣", 10_000), (" 7", 10_000)],
)  # fmt: skip
def test_a_limit_is_read(text: str, limit: int) -> None:
    """Garbage counts as not given, and more than the most as the most."""
    assert limit_of({"limit": text}) == limit
    assert limit_of({}) == 10_000


@pytest.mark.parametrize("text", ["0", "-1", "-0", "-9999"])
def test_a_limit_below_one_is_refused(text: str) -> None:
    """As everywhere (README 5)."""
    with pytest.raises(InvalidRequest, match="limit should be at least 1"):
        limit_of({"limit": text})


@pytest.mark.parametrize(
    ("text", "offset"),
    [("0", 0), ("007", 7), ("0" * 5000 + "7", 7), ("1" + 15 * "0", MAX_OFFSET), ("9" * 19, MAX_OFFSET),
     ("9" * 5000, MAX_OFFSET)],
)  # fmt: skip
def test_an_offset_is_read(text: str, offset: int) -> None:
    """However large: there is nothing that far."""
    assert offset_of({"offset": text}) == offset
    assert offset_of({}) == 0


@pytest.mark.parametrize("text", ["", "-1", "+1", "x", "1.5", "٣", " 1", "1_0"])
def test_an_offset_that_is_none_is_refused(text: str) -> None:
    """There is no telling what a client that pages would make of another page."""
    with pytest.raises(InvalidRequest, match="offset should be an integer that is at least 0"):
        offset_of({"offset": text})


@pytest.mark.parametrize(
    ("text", "is_dry"), [("true", True), ("1", True), ("True", True), ("false", False), ("0", False)]
)
def test_a_dry_run_is_asked_for(text: str, is_dry: bool) -> None:
    """In the words that clients of Python send too."""
    assert is_dry_run({"dry_run": text}) is is_dry
    assert is_dry_run({}) is False


@pytest.mark.parametrize("text", ["", "yes", "2", "01", "tru", " true", "\udcff"])
def test_what_may_have_meant_a_dry_run_is_refused(text: str) -> None:
    """Rather than doing it."""
    with pytest.raises(InvalidRequest, match="dry_run should be true or false"):
        is_dry_run({"dry_run": text})
