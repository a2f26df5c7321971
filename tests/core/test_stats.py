"""Counters of a queue (contract §1.7)."""

import pytest
from attrs import fields
from hypothesis import example, given
from hypothesis import strategies as st

from trioworq.core.stats import QueueCounters, QueueStats, SlidingWindow, snapshot

WIRE_ORDER = [
    "total_pushes",
    "total_pops",
    "total_successes",
    "total_failures",
    "total_permanent_failures",
    "total_completes",
    "total_elapsed",
    "pushes_per_second",
    "pops_per_second",
    "outstanding_jobs",
    "total_workers",
    "idle_workers",
    "active_nodes",
]


@pytest.fixture
def counters() -> QueueCounters:
    return QueueCounters()


def shown(counters: QueueCounters, **changes: int | bool) -> QueueStats:
    now_ms = int(changes.get("now_ms", 0))
    return snapshot(
        counters,
        now_ms=now_ms,
        max_workers=int(changes.get("max_workers", 20)),
        busy_workers=int(changes.get("busy_workers", 0)),
        is_active=bool(changes.get("is_active", True)),
    )


def test_the_fields_have_their_wire_names_in_wire_order() -> None:
    """Monitoring reads the fields by name; they come in Fireworq's order."""
    assert [row.name for row in fields(QueueStats)] == WIRE_ORDER


def test_a_new_queue_has_counted_nothing(counters: QueueCounters) -> None:
    """Everything but the workers starts at 0."""
    stats = shown(counters, max_workers=5)
    assert stats == QueueStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 1)


def test_pushes_and_pops_are_counted_in_total_and_per_second(counters: QueueCounters) -> None:
    """An accepted push counts one, a claim counts each of its jobs."""
    counters.pushed(10_000)
    counters.pushed(10_010)
    counters.popped(5, 10_010)
    stats = shown(counters, now_ms=10_020)
    assert (stats.total_pushes, stats.total_pops) == (2, 5)
    assert (stats.pushes_per_second, stats.pops_per_second) == (2, 5)


def test_rates_are_forgotten_after_a_second_and_totals_are_not(counters: QueueCounters) -> None:
    """The rates tell of the last second only."""
    counters.pushed(10_000)
    counters.popped(1, 10_000)
    stats = shown(counters, now_ms=11_050)
    assert (stats.total_pushes, stats.total_pops) == (1, 1)
    assert (stats.pushes_per_second, stats.pops_per_second) == (0, 0)


def test_a_success_completes(counters: QueueCounters) -> None:
    """A job that ended well counts as a success and as complete, with its time since the push."""
    counters.succeeded(1500)
    stats = shown(counters)
    assert (stats.total_successes, stats.total_completes, stats.total_elapsed) == (1, 1, 1500)
    assert (stats.total_failures, stats.total_permanent_failures) == (0, 0)


def test_a_retried_failure_does_not_complete(counters: QueueCounters) -> None:
    """A failed attempt that is followed by another counts as a failure only."""
    counters.retried()
    stats = shown(counters)
    assert (stats.total_failures, stats.total_permanent_failures) == (1, 0)
    assert (stats.total_completes, stats.total_elapsed) == (0, 0)


def test_a_last_failure_completes(counters: QueueCounters) -> None:
    """A failed attempt that ends its job counts as failure, permanent failure and complete."""
    counters.failed(700)
    stats = shown(counters)
    assert (stats.total_failures, stats.total_permanent_failures) == (1, 1)
    assert (stats.total_successes, stats.total_completes, stats.total_elapsed) == (0, 1, 700)


def test_a_clock_that_stepped_back_takes_no_time_away(counters: QueueCounters) -> None:
    """The sum of times never falls."""
    counters.succeeded(500)
    counters.succeeded(-100)
    assert shown(counters).total_elapsed == 500


def test_idle_workers_are_those_that_run_no_job(counters: QueueCounters) -> None:
    """Busy workers are taken off the total."""
    assert shown(counters, max_workers=20, busy_workers=3).idle_workers == 17


def test_idle_workers_are_never_negative(counters: QueueCounters) -> None:
    """After max_workers was lowered more jobs may still run than there are workers."""
    assert shown(counters, max_workers=2, busy_workers=5).idle_workers == 0


def test_a_queue_that_is_active_elsewhere_has_no_workers_here(counters: QueueCounters) -> None:
    """Workers are shown by the node that dispatches."""
    stats = shown(counters, is_active=False)
    assert (stats.total_workers, stats.idle_workers, stats.active_nodes) == (0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), max_size=60))
def test_the_window_holds_what_happened_in_its_last_second(events: list[tuple[int, int]]) -> None:
    """The count lies between the events of the last 950 ms and those of the last 1000 ms."""
    window, now_ms, seen = SlidingWindow(), 5_000, list[tuple[int, int]]()
    for step_ms, count in events:
        now_ms += step_ms
        window.add(count, now_ms)
        seen.append((now_ms, count))
        surely = sum(count for at_ms, count in seen if at_ms > now_ms - 950)
        possibly = sum(count for at_ms, count in seen if at_ms > now_ms - 1000)
        assert surely <= window.total(now_ms) <= possibly
    assert window.total(now_ms + 1000) == 0


@given(st.lists(st.integers(-3000, 3000), max_size=60))
@example([50] * 20 + [-50, 50] * 3)
def test_no_clock_makes_the_window_wrong_for_good(steps_ms: list[int]) -> None:
    """However the clock jumps, the count is never negative and is forgotten a second later."""
    window, now_ms = SlidingWindow(), 100_000
    for step_ms in steps_ms:
        now_ms += step_ms
        window.add(1, now_ms)
        assert window.total(now_ms) >= 0
    assert window.total(300_000) == 0


def test_a_released_attempt_is_no_outcome(counters: QueueCounters) -> None:
    """It is counted apart, and Fireworq's counters do not show it."""
    before = shown(counters)
    counters.released()
    assert counters.releases == 1
    assert shown(counters) == before
