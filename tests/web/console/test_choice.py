"""Which failures are meant: read, written and said."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import EVERY_FAILURE, FailureFilter
from trioworq.core.jobs import INT64_MAX, Kind
from trioworq.web.console.failures.choice import MAX_CHARACTERS, MAX_JOBS, read_choice, terms_of, write_choice
from trioworq.web.console.shown import plain

NOW = 1_700_000_000_000
HOUR = 3_600_000

_NAMES = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
_TIMES = st.none() | st.integers(0, 253_402_300_799_999)
_FILTERS = st.builds(
    FailureFilter,
    kind=st.none() | st.sampled_from(Kind),
    queue=_NAMES,
    category=_NAMES,
    error=_NAMES | st.just(""),
    text=_NAMES,
    failed_after_ms=_TIMES,
    failed_before_ms=_TIMES,
    job_ids=st.none() | st.frozensets(st.integers(1, INT64_MAX), min_size=1, max_size=9),
    newest_id=st.none() | st.integers(0, 10**18 - 1),
)


@given(_FILTERS)
def test_what_is_written_means_the_same_whenever_it_is_read(wanted: FailureFilter) -> None:
    """So what was counted is what is done."""
    assert read_choice(write_choice(wanted), NOW) == wanted


@given(st.dictionaries(st.sampled_from(["kind", "since", "from", "to", "jobs", "newest"]), st.text()))
def test_what_is_wrong_is_refused_and_does_no_harm(given: dict[str, str]) -> None:
    """Whatever it is."""
    with suppress(InvalidRequest):
        read_choice(given, NOW)


def test_what_is_not_filled_in_does_not_count() -> None:
    """A form sends its fields all the same."""
    empty = {"kind": "", "queue": "", "category": "", "text": "", "since": "", "from": "", "to": "", "x": "y"}
    assert read_choice(empty, NOW) == EVERY_FAILURE


def test_an_empty_error_is_one() -> None:
    """That of failures from before errors were kept."""
    assert read_choice({"error": ""}, NOW) == FailureFilter(error="")
    assert [str(term.value) for term in terms_of(FailureFilter(error=""))] == ["not known"]


@pytest.mark.parametrize(("since", "hours"), [("hour", 1), ("day", 24), ("week", 168)])
def test_a_duration_ends_now(since: str, hours: int) -> None:
    """A time from which on is more exact, and wins."""
    assert read_choice({"since": since}, NOW) == FailureFilter(failed_after_ms=NOW - hours * HOUR)
    both = {"since": since, "from": "2023-11-14T22:13"}
    assert read_choice(both, NOW) == FailureFilter(failed_after_ms=NOW - 20_000)


@pytest.mark.parametrize("text", ["2023-11-14T22:13", "2023-11-14T22:13:00", "2023-11-14T22:13:00Z"])
def test_times_are_in_utc_as_browsers_write_them(text: str) -> None:
    """They leave out the seconds where these are 0."""
    assert read_choice({"to": text}, NOW) == FailureFilter(failed_before_ms=NOW - 20_000)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("kind", "Push"),
        ("since", "year"),
        ("from", "yesterday"),
        ("to", "2023-13-01T00:00"),
        ("jobs", ""),
        ("jobs", "1,,2"),
        ("jobs", "1 or 1=1"),
        ("jobs", ",".join(map(str, range(1, MAX_JOBS + 2)))),
        ("text", "x" * (MAX_CHARACTERS + 1)),
        ("newest", "-1"),
        ("newest", "1" * 40),
    ],
)
def test_no_choice_is_guessed(field: str, text: str) -> None:
    """What cannot be read is refused, as without it more would be meant."""
    with pytest.raises(InvalidRequest):
        read_choice({field: text}, NOW)


def test_a_name_that_is_no_utf8_is_that_of_nothing() -> None:
    """No store is asked for it as it is."""
    assert read_choice({"queue": "a\udcff"}, NOW).queue == "a\ufffd"


def test_a_choice_is_said_in_words() -> None:
    """Each part that was chosen, and nothing of the others."""
    wanted = FailureFilter(
        kind=Kind.PULL, queue="<q>", category="c", error="e", text="t", job_ids=frozenset({1, 2}),
        failed_after_ms=NOW, failed_before_ms=NOW + HOUR, newest_id=5,
    )  # fmt: skip
    said = [(term.label, plain(term.value.striptags())) for term in terms_of(wanted)]
    assert said == [
        ("Selected", "2 jobs"),
        ("Kind", "pull jobs"),
        ("Queue", "<q>"),
        ("Category", "c"),
        ("Error", "e"),
        ("With the text", "t"),
        ("Failed from", "2023-11-14 22:13:20 UTC"),
        ("Failed before", "2023-11-14 23:13:20 UTC"),
    ]
    assert list(terms_of(EVERY_FAILURE)) == []
