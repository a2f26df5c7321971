"""What nodes say of themselves, written and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.jobs import Kind
from trioworq.core.nodes import (
    NO_ACTIVITY,
    REPORTED_QUEUES,
    Activity,
    QueueName,
    read_report,
    sum_up,
    write_report,
)

MAIL = QueueName(Kind.PUSH, "mail")

rates = st.integers(0, 10**7).map(lambda tenths: tenths / 10)
activities = st.builds(Activity, rates, rates, rates, st.integers(0, 10_000), st.integers(0, 10_000))
queues = st.builds(QueueName, st.sampled_from(Kind), st.text(st.characters(codec="utf-8"), max_size=50))


@given(st.dictionaries(queues, activities, max_size=20))
def test_a_report_is_read_as_it_was_written(told: dict[QueueName, Activity]) -> None:
    """Whatever queues are called; where nothing goes on nothing is said."""
    expected = {queue: activity for queue, activity in told.items() if activity != NO_ACTIVITY}
    assert read_report(write_report(told)) == expected


def test_an_idle_node_says_nothing() -> None:
    """Nor does a report that has not come yet."""
    assert write_report({MAIL: NO_ACTIVITY}) == b""
    assert read_report(b"") == {}


def test_the_busiest_queues_are_told_of_first() -> None:
    """There may be more queues than a report has room for."""
    told = {
        QueueName(Kind.PULL, str(number)): Activity(pushed=number) for number in range(REPORTED_QUEUES + 5)
    }
    shown = read_report(write_report(told))
    assert len(shown) == REPORTED_QUEUES
    assert min(activity.pushed for activity in shown.values()) == 5


@pytest.mark.parametrize(
    "report",
    [
        b"{}",
        b'{"v": 2}',
        b"[7]",
        b'["text"]',
        b"[[0]]",
        b"no json",
        b"\xff",
        b'[[9,"q",1,1,1,1,1]]',
        b"[[{}]]",
    ],
)
def test_what_another_release_has_written_says_nothing(report: bytes) -> None:
    """Nodes of two releases may work side by side."""
    assert read_report(report) == {}


@given(st.binary(max_size=100))
def test_any_bytes_are_read(report: bytes) -> None:
    """Nothing that stands in a database stops a node."""
    read_report(report)


def test_what_goes_on_is_summed_up_over_all_nodes() -> None:
    """Pushes come to any node, and one dispatches."""
    here = {MAIL: Activity(pushed=1.5)}
    there = {MAIL: Activity(pushed=2, completed=3, failed=1, busy=4, workers=20)}
    total = sum_up([here, there])
    assert total == {MAIL: Activity(pushed=3.5, completed=3, failed=1, busy=4, workers=20)}
