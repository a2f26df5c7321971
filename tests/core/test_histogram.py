"""Counting values in buckets."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.histogram import Histogram

BOUNDS = (0.5, 1, 10)


def test_a_value_counts_up_to_its_bound_and_beyond() -> None:
    """A bound is part of its bucket, and the last bucket takes all."""
    histogram = Histogram(BOUNDS)
    for value in (0, 0.5, 0.6, 10, 11):
        histogram.add(value)
    assert list(histogram.cumulative()) == [(0.5, 2), (1, 3), (10, 4), (inf, 5)]
    assert histogram.total == 22.1


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_buckets_count_what_they_say(values: list[float]) -> None:
    """For any values."""
    histogram = Histogram(BOUNDS)
    for value in values:
        histogram.add(value)
    assert list(histogram.cumulative()) == [
        (bound, sum(value <= bound for value in values)) for bound in (*BOUNDS, inf)
    ]
