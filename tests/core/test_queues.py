"""Which queue definitions are allowed and what a changed set of them asks for (contract §1.5)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import UINT32_MAX
from trioworq.core.queues import (
    MAX_WORKERS_CEILING,
    Change,
    QueueDefaults,
    QueueDefinition,
    Start,
    Stop,
    check_name,
    define,
    plan,
)

DEFAULTS = QueueDefaults(polling_interval_ms=200, max_workers=20)


def defined(**given_fields: Any) -> QueueDefinition:
    return define("mail", defaults=DEFAULTS, **given_fields)


def test_gaps_are_filled_with_the_defaults() -> None:
    """What is absent or 0 is the configured default."""
    assert defined(polling_interval_ms=0) == QueueDefinition("mail", 200, 20)


def test_given_numbers_are_kept() -> None:
    """A definition keeps what it was given."""
    assert defined(polling_interval_ms=50, max_workers=3) == QueueDefinition("mail", 50, 3)


def test_a_throttled_queue_is_polled_every_100_ms() -> None:
    """A throttle sets the polling interval whatever was sent."""
    definition = defined(polling_interval_ms=5000, max_dispatches_per_second=2.5, max_burst_size=5)
    assert definition == QueueDefinition("mail", 100, 20, 2.5, 5)
    assert definition.is_throttled


def test_a_queue_without_a_rate_is_not_throttled() -> None:
    """No rate means no throttle."""
    assert not defined().is_throttled


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"max_dispatches_per_second": 1.0},
            "Cannot configure MaxDispatchesPerSecond without MaxBurstSize",
        ),
        (
            {"max_dispatches_per_second": -1.0, "max_burst_size": 1},
            "MaxDispatchesPerSecond should be non-negative",
        ),
        ({"max_burst_size": 1}, "Cannot configure MaxBurstSize without MaxDispatchesPerSecond"),
        (
            {"max_dispatches_per_second": float("inf"), "max_burst_size": 1},
            "MaxDispatchesPerSecond should be a finite number",
        ),
        (
            {"max_dispatches_per_second": float("nan"), "max_burst_size": 1},
            "MaxDispatchesPerSecond should be a finite number",
        ),
        (
            {"max_dispatches_per_second": 1.0, "max_burst_size": UINT32_MAX + 1},
            "MaxBurstSize should be at most 4294967295",
        ),
        ({"max_workers": MAX_WORKERS_CEILING + 1}, "max_workers should be at most 10000"),
        ({"polling_interval_ms": UINT32_MAX + 1}, "polling_interval should be at most 4294967295"),
    ],
)
def test_a_definition_that_cannot_be_meant_is_refused(fields: dict[str, Any], message: str) -> None:
    """A half given, negative or endless throttle and numbers out of range are the caller's mistakes."""
    with pytest.raises(InvalidRequest) as refusal:
        defined(**fields)
    assert str(refusal.value) == message


def test_the_largest_numbers_are_allowed() -> None:
    """Each limit itself is within range."""
    definition = defined(
        max_workers=MAX_WORKERS_CEILING, max_dispatches_per_second=1e6, max_burst_size=UINT32_MAX
    )
    assert (definition.max_workers, definition.max_burst_size) == (MAX_WORKERS_CEILING, UINT32_MAX)
    assert defined(polling_interval_ms=UINT32_MAX).polling_interval_ms == UINT32_MAX


@pytest.mark.parametrize("name", ["a", "あ x", "a" * 255, "é" * 127, "'; drop table job; --", "\t"])
def test_a_name_of_up_to_255_bytes_is_allowed(name: str) -> None:
    """Any characters make a name, as long as it fits."""
    check_name("queue name", name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "The queue name should have 1 to 255 bytes, not 0"),
        ("a" * 256, "The queue name should have 1 to 255 bytes, not 256"),
        ("é" * 128, "The queue name should have 1 to 255 bytes, not 256"),
        ("a\x00b", "The queue name contains a NUL"),
        ("\ud800", "The queue name is not valid UTF-8"),
    ],
)
def test_a_name_that_no_store_could_hold_is_refused(name: str, message: str) -> None:
    """An empty or over-long name, a NUL and a lone surrogate are the caller's mistakes."""
    with pytest.raises(InvalidRequest) as refusal:
        check_name("queue name", name)
    assert str(refusal.value) == message


def test_a_queue_with_a_bad_name_cannot_be_defined() -> None:
    """A definition checks its name too."""
    with pytest.raises(InvalidRequest, match="queue name"):
        define("a" * 256, defaults=DEFAULTS)


def test_a_plan_starts_changes_and_stops() -> None:
    """New definitions start, different ones change, missing ones stop, equal ones are left alone."""
    same, old, new = (
        QueueDefinition("same", 200, 1),
        QueueDefinition("x", 200, 1),
        QueueDefinition("x", 200, 9),
    )
    added, gone = QueueDefinition("added", 200, 1), QueueDefinition("gone", 200, 1)
    running = {"same": same, "x": old, "gone": gone}
    assert plan(running, [same, new, added]) == [Stop("gone"), Change(new), Start(added)]


definitions = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3))


@given(definitions, definitions)
def test_a_plan_leads_from_what_runs_to_what_is_defined(
    before: dict[str, int], after: dict[str, int]
) -> None:
    """Carrying a plan out makes the running queues the defined ones, and nothing is then left to do."""
    running = {name: QueueDefinition(name, 200, workers) for name, workers in before.items()}
    wanted = {name: QueueDefinition(name, 200, workers) for name, workers in after.items()}
    for action in plan(running, wanted.values()):
        match action:
            case Start(definition):
                assert definition.name not in running
                running[definition.name] = definition
            case Change(definition):
                assert running[definition.name] != definition
                running[definition.name] = definition
            case Stop(name):
                del running[name]
    assert running == wanted
    assert plan(running, wanted.values()) == []


@pytest.mark.parametrize("priority", [-1_000_001, 1_000_001])
def test_a_priority_out_of_range_is_refused(priority: int) -> None:
    """It is the range of jobs' priorities (README 17)."""
    with pytest.raises(InvalidRequest, match="priority should be between -1000000 and 1000000"):
        define("q", defaults=QueueDefaults(), priority=priority)


def test_a_queue_has_the_default_priority_or_its_own() -> None:
    """Jobs of it that ask for none have this one."""
    assert define("q", defaults=QueueDefaults()).priority == 100
    assert define("q", defaults=QueueDefaults(), priority=-1_000_000).priority == -1_000_000
