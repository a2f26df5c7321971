"""What is said of failed jobs that cannot be run again (README 20)."""

from trioworq.core.errors import Conflict, NotFound
from trioworq.core.failures import CannotRequeue, FailureName, NotFailed, Obstacle, Requeued
from trioworq.core.jobs import Kind


def test_the_registry_text_names_the_job_as_it_was_asked_for() -> None:
    """The text is the original's (contract jobs §3.1)."""
    error = NotFailed("abc-123")
    assert isinstance(error, NotFound)
    assert str(error) == "Job abc-123 not found in failed jobs registry"


def test_a_queue_that_is_gone_is_named() -> None:
    """An operator learns which queue to define again."""
    error = CannotRequeue(Requeued(FailureName(7, "mail"), Obstacle.QUEUE_IS_GONE))
    assert isinstance(error, Conflict)
    assert str(error) == "Job 7 cannot be requeued: its queue mail is not defined any more"


def test_a_key_that_is_taken_is_named() -> None:
    """An operator learns which job is in the way."""
    error = CannotRequeue(Requeued(FailureName(7, "q", "a"), Obstacle.KEY_IS_TAKEN))
    assert str(error) == "Job 7 cannot be requeued: queue q has another job with the id a"


def test_a_failure_of_a_pull_job_has_a_key() -> None:
    """The key tells the side, empty or not."""
    assert FailureName(7, "q").kind is Kind.PUSH
    assert FailureName(7, "q", "").kind is Kind.PULL
