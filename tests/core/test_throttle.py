"""The token bucket (contract §1.5, I6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.throttle import TokenBucket

rates = st.floats(min_value=1e-3, max_value=1e4)
bursts = st.integers(1, 1000)
moments = st.floats(min_value=0, max_value=1e6)
steps = st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 30)), max_size=60)


def test_a_full_bucket_holds_its_burst() -> None:
    """A queue may start with a whole burst."""
    assert TokenBucket.full(2.0, 5, 0.0).available(0.0) == 5


def test_a_taken_token_is_gone() -> None:
    """Taking leaves the rest."""
    bucket = TokenBucket.full(2.0, 5, 0.0)
    bucket.take(3, 0.0)
    assert bucket.available(0.0) == 2


def test_tokens_come_back_at_the_rate() -> None:
    """Two a second are two after one second."""
    bucket = TokenBucket.full(2.0, 5, 0.0)
    bucket.take(5, 0.0)
    assert [bucket.available(now_s) for now_s in (0.25, 0.5, 1.0, 60.0)] == [0, 1, 2, 5]


def test_an_emptied_bucket_fills_up_from_then_on() -> None:
    """What had come until that moment is lost too."""
    bucket = TokenBucket.full(2.0, 5, 0.0)
    bucket.empty(10.0)
    assert [bucket.available(now_s) for now_s in (10.0, 10.5, 11.0, 60.0)] == [0, 1, 2, 5]


def test_more_than_there_is_cannot_be_taken() -> None:
    """Overdrawing is a mistake of the program and changes nothing."""
    bucket = TokenBucket.full(1.0, 1, 0.0)
    with pytest.raises(ValueError, match="2 tokens asked for"):
        bucket.take(2, 0.0)
    assert bucket.available(0.0) == 1


def test_an_empty_bucket_says_how_long_to_wait() -> None:
    """Half a token at one a second is half a second away; a token that is there needs no wait."""
    bucket = TokenBucket.full(1.0, 1, 0.0)
    assert bucket.wait_s(0.0) == 0
    bucket.take(1, 0.0)
    assert bucket.wait_s(0.5) == pytest.approx(0.5, abs=1e-3)


def test_practically_none_is_a_rate_too() -> None:
    """One dispatch and then none for eleven days is a definition that Fireworq takes."""
    bucket = TokenBucket.full(0.000001, 1, 0.0)
    bucket.take(1, 0.0)
    assert bucket.wait_s(0.0) == pytest.approx(1_000_000)


def test_a_reshaped_bucket_earns_no_tokens() -> None:
    """Defining a queue anew, however often, lets no dispatch through."""
    bucket = TokenBucket.full(1.0, 2, 0.0)
    bucket.take(2, 0.0)
    assert bucket.reshaped(1.0, 100, 0.0).available(0.0) == 0


def test_a_reshaped_bucket_holds_no_more_than_its_new_burst() -> None:
    """A smaller burst is in force at once."""
    assert TokenBucket.full(1.0, 50, 0.0).reshaped(1.0, 3, 0.0).available(0.0) == 3


@given(rates, bursts, moments, steps)
def test_no_window_has_more_dispatches_than_rate_times_t_plus_burst(
    rate: float, burst: int, now_s: float, moves: list[tuple[float, int]]
) -> None:
    """Whatever the clock does, any window has at most rate · (time that passed in it) + burst dispatches."""
    bucket = TokenBucket.full(rate, burst, now_s)
    # For each window that is open: what it may still let through, were it to close now.
    allowances = [float(burst)]
    for step_s, wanted in moves:
        now_s += step_s
        taken = min(wanted, bucket.available(now_s))
        bucket.take(taken, now_s)
        allowances = [allowed + rate * max(0.0, step_s) - taken for allowed in allowances]
        assert min(allowances) >= -1e-6 * max(1.0, rate)
        allowances.append(float(burst))


@given(rates, bursts, moments)
def test_after_the_wait_there_is_a_token(rate: float, burst: int, now_s: float) -> None:
    """Whoever waits as long as told gets a token, whatever the rounding."""
    bucket = TokenBucket.full(rate, burst, now_s)
    bucket.take(burst, now_s)
    now_s += bucket.wait_s(now_s)
    assert bucket.available(now_s) >= 1
