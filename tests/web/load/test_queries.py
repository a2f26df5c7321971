"""What the queries of the load name, and what is no number or no time."""

import pytest

from tests.web.load.asking import query
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import INT64_MAX
from trioworq.core.periods import DAY_MS, Period
from trioworq.manage.load import TypeFilter
from trioworq.web.load.queries import period_of, types_of

NOW_MS = 20_000 * DAY_MS


def test_what_a_query_does_not_name_is_not_filtered() -> None:
    """Other keys do not matter."""
    assert (
        types_of(query(b"")) == types_of(query(b"job_type=1&Job_Type_Id=x&=&job_type_id[]=1")) == TypeFilter()
    )
    assert types_of(query(b"")).is_empty


def test_keys_of_types_may_be_repeated() -> None:
    """Each value counts, and names are taken as they are."""
    wanted = types_of(
        query(
            b"job_type_id=1&job_type_id=-2&job_type_id=%2B03&job_type_name=&job_type_name=a+b%2Fc"
            b"&job_type_name=%E3%81%82&job_type_category=q&job_type_category=p&job_type_priority=-7"
            b"&job_type_priority=-0"
        )
    )
    assert wanted == TypeFilter(
        ids=frozenset({1, -2, 3}),
        names=frozenset({"", "a b/c", "あ"}),
        categories=frozenset({"q", "p"}),
        priorities=frozenset({-7, 0}),
    )


@pytest.mark.parametrize("key", ["job_type_id", "job_type_priority"])
@pytest.mark.parametrize(
    "text",
    [
        "", "x", "1.0", "1e3", "0x1", "1_0", "%D9%A3", "+1", "1+", "--1", "%2B", "%00", "%FF", "1%0A",
        "9223372036854775808", "-9223372036854775808", "9" * 20, "9" * 400, "9" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_number_of_64_bits_is_refused(key: str, text: str) -> None:
    """Anywhere among the values, in the original's words; an unescaped `+` is a blank."""
    with pytest.raises(InvalidRequest) as refusal:
        types_of(query(f"{key}=1&{key}={text}&{key}=2".encode()))
    assert str(refusal.value) == f'Parameter must be a valid integer: "{key}"'


def test_numbers_have_all_of_64_bits() -> None:
    """And any number of zeros before them."""
    assert types_of(query(b"job_type_id=" + b"0" * 5000 + b"%d" % INT64_MAX)).ids == {INT64_MAX}


def test_a_period_is_read_from_both_bounds() -> None:
    """Dates and durations mix."""
    assert period_of(query(b"started=P1D&ended=PT1H"), NOW_MS) == Period(NOW_MS - DAY_MS, NOW_MS - 3_600_000)
    assert period_of(query(b"ended=1970-01-02T00:00:00%2B01:00&started=1970-01-01T00:00:00Z"), NOW_MS) == (
        Period(0, DAY_MS - 3_600_000)
    )


def test_the_last_of_equal_bounds_counts() -> None:
    """As in the original; those before it are not even read."""
    assert period_of(query(b"started=x&started=&started=P1D"), NOW_MS) == Period(NOW_MS - DAY_MS, NOW_MS)


@pytest.mark.parametrize("key", ["started", "ended"])
@pytest.mark.parametrize(
    "text", ["", "x", "2015-01-01", "2015-01-01T00:00:00+00:00", "P1W", "%FF", "P%D9%A3D"]
)
def test_a_bound_that_is_no_time_is_refused(key: str, text: str) -> None:
    """In the original's words, an empty one too; an unescaped `+` is a blank."""
    with pytest.raises(InvalidRequest) as refusal:
        period_of(query(f"{key}={text}".encode()), NOW_MS)
    assert str(refusal.value) == f"Invalid ISO timestamp format for parameter: {key}"


def test_of_two_bad_bounds_the_start_is_named() -> None:
    """One message says one thing."""
    with pytest.raises(InvalidRequest, match=r"parameter: started$"):
        period_of(query(b"ended=x&started=y"), NOW_MS)
