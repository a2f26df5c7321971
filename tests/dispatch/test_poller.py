"""When queues are polled."""

from hypothesis import given
from hypothesis import strategies as st

from trioworq.dispatch.poller import IDLE_INTERVAL_MS, has_tick, next_tick_ms

times = st.integers(0, 2**42)
intervals = st.integers(1, 2**32 - 1)


@given(times, st.lists(intervals, max_size=5))
def test_the_next_tick_is_ahead_and_at_most_one_interval_away(now_ms: int, all_intervals: list[int]) -> None:
    """Sleeping until it takes more than nothing and less than the shortest interval or the idle one."""
    wait_ms = next_tick_ms(all_intervals, now_ms) - now_ms
    assert 0 < wait_ms <= min([*all_intervals, IDLE_INTERVAL_MS])


@given(times, intervals)
def test_a_queue_has_its_turn_at_its_tick_and_not_before(now_ms: int, interval_ms: int) -> None:
    """A tick lies in (since, now]."""
    tick_ms = (now_ms // interval_ms + 1) * interval_ms
    assert not has_tick(interval_ms, now_ms, tick_ms - 1)
    assert has_tick(interval_ms, now_ms, tick_ms)


@given(times, intervals, st.lists(st.integers(1, 10_000), max_size=20))
def test_no_turn_is_lost_however_late_a_look_comes(now_ms: int, interval_ms: int, steps: list[int]) -> None:
    """A queue gets at least one turn in every whole interval plus the delay of the looks."""
    since_ms, last_turn_ms = now_ms, now_ms
    for step_ms in steps:
        look_ms = since_ms + step_ms
        if has_tick(interval_ms, since_ms, look_ms):
            last_turn_ms = look_ms
        assert look_ms - last_turn_ms < interval_ms
        since_ms = look_ms
