"""Which queues need somebody to look."""

import pytest

from trioworq.core.jobs import Kind
from trioworq.core.nodes import Activity, QueueName
from trioworq.core.overview import (
    GROWTH_JOBS,
    GROWTH_LOOKS,
    STUCK_MS,
    QueueStatus,
    Trouble,
    is_growing,
    trouble_of,
)

NOW = 1_700_000_000_000
LATE = NOW - STUCK_MS
PUSH = QueueName(Kind.PUSH, "q")
PULL = QueueName(Kind.PULL, "q")
WORKING = Activity(completed=1)


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (QueueStatus(queue=PUSH, node="a"), Trouble.NONE),
        (QueueStatus(queue=PUSH, node="a", waiting=9, oldest_due_ms=NOW), Trouble.NONE),
        # An idle queue without a node waits for nobody.
        (QueueStatus(queue=PUSH), Trouble.NONE),
        (QueueStatus(queue=PUSH, waiting=1, oldest_due_ms=NOW), Trouble.NO_NODE),
        (QueueStatus(queue=PUSH, node="a", is_defined=False, waiting=1), Trouble.NO_NODE),
        (QueueStatus(queue=PUSH, waiting=1, is_paused=True), Trouble.PAUSED),
        (QueueStatus(queue=PUSH, node="a", waiting=1, oldest_due_ms=LATE), Trouble.STUCK),
        (QueueStatus(queue=PUSH, node="a", waiting=1, oldest_due_ms=LATE + 1), Trouble.NONE),
        (QueueStatus(queue=PUSH, node="a", waiting=1, oldest_due_ms=LATE, activity=WORKING), Trouble.NONE),
        (QueueStatus(queue=PUSH, node="a", waiting=1, oldest_due_ms=LATE, is_paused=True), Trouble.PAUSED),
        (QueueStatus(queue=PUSH, node="a", activity=Activity(failed=0.1)), Trouble.FAILING),
        (QueueStatus(queue=PULL, waiting=1, oldest_due_ms=NOW), Trouble.NONE),
        (QueueStatus(queue=PULL, waiting=1, oldest_due_ms=LATE), Trouble.STUCK),
        (QueueStatus(queue=PULL, is_paused=True), Trouble.PAUSED),
    ],
)
def test_trouble_is_the_worst_that_is_the_matter(status: QueueStatus, trouble: Trouble) -> None:
    """A queue without a node before one that stands still, that before failures, and those before a pause."""
    assert trouble_of(status, growing=False, now_ms=NOW) is trouble


def test_a_growing_backlog_is_trouble_unless_there_is_worse() -> None:
    """More comes in than goes out."""
    fine = QueueStatus(queue=PUSH, node="a", waiting=9, activity=WORKING)
    assert trouble_of(fine, growing=True, now_ms=NOW) is Trouble.GROWING
    failing = QueueStatus(queue=PUSH, node="a", waiting=9, activity=Activity(completed=1, failed=1))
    assert trouble_of(failing, growing=True, now_ms=NOW) is Trouble.FAILING


def test_a_backlog_grows_when_it_is_larger_than_some_looks_ago() -> None:
    """By jobs and by share, so that a full queue that breathes is left alone."""
    steady = [100] * (GROWTH_LOOKS - 1)
    assert not is_growing([*steady, 100])
    assert not is_growing([*steady, 100 + GROWTH_JOBS - 1])
    assert is_growing([*steady, 100 + GROWTH_JOBS])
    large = [1_000_000] * (GROWTH_LOOKS - 1)
    assert not is_growing([*large, 1_000_000 + GROWTH_JOBS])
    assert is_growing([0] * (GROWTH_LOOKS - 1) + [GROWTH_JOBS])


def test_a_large_backlog_grows_when_it_is_larger_than_at_the_first_look() -> None:
    """As long as it goes on: what has grown and stands still is no news."""
    growing = [1000 + 2 * look for look in range(60)]
    assert is_growing(growing)
    assert not is_growing(growing[:GROWTH_LOOKS])
    assert not is_growing([*growing, *[growing[-1]] * GROWTH_LOOKS])


def test_a_backlog_that_has_not_been_watched_for_long_does_not_grow() -> None:
    """Its past is not known yet."""
    assert not is_growing([])
    assert not is_growing([0, 1_000_000])


def test_a_push_queue_is_told_from_a_pull_queue() -> None:
    """By its kind."""
    assert QueueStatus(queue=PUSH).is_push
    assert not QueueStatus(queue=PULL).is_push
