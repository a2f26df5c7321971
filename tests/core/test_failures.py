"""What is said of failed jobs that cannot be run again (README 20), and which have failed alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import Conflict, NotFound
from trioworq.core.failures import CannotRequeue, FailureName, NotFailed, Obstacle, Requeued, error_of
from trioworq.core.jobs import NAME_MAX_BYTES, Kind
from trioworq.core.results import Result, ResultStatus


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


def failure(message: str, code: int = 200) -> Result:
    """Return the verdict of a worker that has failed."""
    return Result(ResultStatus.FAILURE, code, message)


@pytest.mark.parametrize(
    ("one", "other", "error"),
    [
        ("no user 4711", "no user 9", "no user #"),
        (
            "order 123e4567-e89b-12d3-a456-426614174000 is gone",
            "order 00000000-0000-0000-0000-000000000001 is gone",
            "order # is gone",
        ),
        ("trace deadbeef00", "trace 0x1234567890abcdef", "trace #"),
        (
            'Request failed: Post "http://10.0.0.7:3000/": refused',
            'Request failed: Post "http://10.0.0.12:80/": refused',
            'Request failed: Post "http://#.#.#.#:#/": refused',
        ),
        ("two\n lines\t here", "two lines here", "two lines here"),
        ("", " \n", "failure"),
    ],
)
def test_failures_of_one_cause_have_the_same_error(one: str, other: str, error: str) -> None:
    """What is likely to be an id or a number makes no difference, nor do blanks."""
    assert error_of(failure(one)) == error_of(failure(other)) == error


def test_words_that_look_like_numbers_stay() -> None:
    """Letters alone are no id."""
    assert error_of(failure("deadbeefs facade effaced")) == "deadbeefs facade effaced"


def test_a_worker_that_said_nothing_has_its_status_as_error() -> None:
    """HTTP's, if that is an odd one."""
    assert error_of(failure("", 500)) == "HTTP 500: failure"
    assert error_of(failure("out of paper", 503)) == "HTTP 503: out of paper"
    assert error_of(Result(ResultStatus.INTERNAL_FAILURE, 0, "")) == "internal-failure"


@given(st.text(), st.integers(0, 999))
def test_an_error_is_a_line_that_can_be_stored(message: str, code: int) -> None:
    """Of no more bytes than a name has, without controls, whatever a worker has said."""
    error = error_of(failure(message, code))
    assert 0 < len(error.encode()) <= NAME_MAX_BYTES
    assert not any(character < " " for character in error)
