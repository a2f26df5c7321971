"""When a call is asked again, and what comes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.values import a_job
from trioworq.client import (
    BadAnswer,
    JobExists,
    LeaseLost,
    NewJob,
    NewPush,
    NotFound,
    Retry,
    Unavailable,
    calls,
)
from trioworq.client.answers import Answer, NoAnswer
from trioworq.client.retries import Again, Course, Done

PUSH = calls.push(NewPush(category="c", url="u"))
ENQUEUE = calls.enqueue(NewJob(queue="q", id="a"))
COMPLETE = calls.complete(a_job())
UNSENT = NoAnswer("refused", may_be_done=False)
BROKEN = NoAnswer("broken off", may_be_done=True)
RETRY = Retry(total_s=10, first_delay_s=1, max_delay_s=4)


@pytest.mark.parametrize("outcome", [UNSENT, Answer(429), Answer(503)])
def test_a_push_is_repeated_when_it_was_not_stored(outcome: Answer | NoAnswer) -> None:
    """The daemon was not reached, or says so."""
    course = Course(PUSH, RETRY, 0.0)
    assert course.judge(outcome, 0.0, 0.0) == Again(1.0)
    assert course.judge(Answer(200, b'{"id":3}'), 1.0, 0.0) == Done(3)


@pytest.mark.parametrize("outcome", [BROKEN, Answer(502), Answer(504)])
def test_a_push_is_not_repeated_when_it_may_be_stored(outcome: Answer | NoAnswer) -> None:
    """Its caller is told that it may."""
    with pytest.raises(Unavailable) as caught:
        Course(PUSH, RETRY, 0.0).judge(outcome, 0.0, 0.0)
    assert caught.value.may_be_done


@pytest.mark.parametrize("outcome", [BROKEN, UNSENT, Answer(429), Answer(502), Answer(503), Answer(504)])
def test_an_enqueue_is_repeated_in_any_case(outcome: Answer | NoAnswer) -> None:
    """Its id keeps it from being stored twice."""
    assert Course(ENQUEUE, RETRY, 0.0).judge(outcome, 0.0, 0.0) == Again(1.0)


def test_the_id_of_an_enqueue_whose_answer_was_lost_is_its_own() -> None:
    """That it is there then tells that the first attempt stored it."""
    course = Course(ENQUEUE, RETRY, 0.0)
    course.judge(BROKEN, 0.0, 0.0)
    step = course.judge(Answer(409, b"exists"), 1.0, 0.0)
    assert isinstance(step, Done)
    assert (step.value.id, step.value.job_id) == ("a", None)


@pytest.mark.parametrize("first", [None, UNSENT, Answer(429)])
def test_an_id_that_was_there_before_is_another_jobs(first: Answer | NoAnswer | None) -> None:
    """Also after attempts that certainly stored nothing."""
    course = Course(ENQUEUE, RETRY, 0.0)
    if first is not None:
        course.judge(first, 0.0, 0.0)
    with pytest.raises(JobExists):
        course.judge(Answer(409, b"exists"), 1.0, 0.0)


def test_a_job_that_is_gone_after_a_lost_answer_was_completed() -> None:
    """Without one it was somebody else, and the caller is told."""
    course = Course(COMPLETE, RETRY, 0.0)
    course.judge(BROKEN, 0.0, 0.0)
    assert course.judge(Answer(404, b"gone"), 1.0, 0.0) == Done(None)
    with pytest.raises(NotFound):
        Course(COMPLETE, RETRY, 0.0).judge(Answer(404, b"gone"), 1.0, 0.0)


def test_a_lease_that_is_lost_after_a_lost_answer_is_lost() -> None:
    """Another run may be under way: it cannot be taken for a completion."""
    course = Course(COMPLETE, RETRY, 0.0)
    course.judge(BROKEN, 0.0, 0.0)
    with pytest.raises(LeaseLost):
        course.judge(Answer(409, b"stale"), 1.0, 0.0)


def test_a_fault_of_the_daemon_is_not_repeated() -> None:
    """It would be the same again."""
    with pytest.raises(BadAnswer):
        Course(ENQUEUE, RETRY, 0.0).judge(Answer(500, b"oh"), 0.0, 0.0)


def test_pauses_double_up_to_a_limit() -> None:
    """From the first on, as long as there is time."""
    course = Course(ENQUEUE, RETRY, 100.0)
    assert [course.judge(UNSENT, 100.0, 0.0) for _ in range(5)] == [
        Again(pause) for pause in (1.0, 2.0, 4.0, 4.0, 4.0)
    ]


def test_no_attempt_begins_when_time_is_up() -> None:
    """The pause counts; and what was unknown once stays unknown."""
    course = Course(ENQUEUE, RETRY, 0.0)
    assert course.judge(BROKEN, 9.0, 0.0) == Again(1.0)
    with pytest.raises(Unavailable, match="refused") as caught:
        course.judge(UNSENT, 9.0, 0.0)
    assert caught.value.may_be_done


def test_what_was_never_sent_is_certainly_not_done() -> None:
    """Its caller may ask again."""
    with pytest.raises(Unavailable) as caught:
        Course(PUSH, Retry(total_s=0), 0.0).judge(UNSENT, 0.0, 0.0)
    assert not caught.value.may_be_done


def test_the_daemon_may_ask_for_a_longer_pause() -> None:
    """A shorter one than ours changes nothing."""
    course = Course(ENQUEUE, RETRY, 0.0)
    assert course.judge(Answer(429, headers={"retry-after": "7"}), 0.0, 0.0) == Again(7.0)
    assert course.judge(Answer(429, headers={"retry-after": "0"}), 0.0, 0.0) == Again(2.0)


def test_a_pause_beyond_the_time_left_is_not_begun() -> None:
    """It is told at once that the daemon is not there."""
    with pytest.raises(Unavailable):
        Course(ENQUEUE, RETRY, 0.0).judge(Answer(503, headers={"retry-after": "11"}), 0.0, 0.0)


@pytest.mark.parametrize("text", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1.5", "", "١", "9" * 5000])
def test_a_pause_that_is_no_number_is_not_asked_for(text: str) -> None:
    """The usual one is made."""
    course = Course(ENQUEUE, RETRY, 0.0)
    assert course.judge(Answer(429, headers={"retry-after": text}), 0.0, 0.0) == Again(1.0)


@given(failures=st.integers(1, 10**6), chance=st.floats(0, 1))
def test_a_pause_is_less_than_twice_itself_by_chance(failures: int, chance: float) -> None:
    """Clients that failed together do not come back together, and none waits beyond the limit."""
    retry = Retry(first_delay_s=0.1, max_delay_s=5.0)
    assert retry.delay_s(failures, 0.0) / 2 <= retry.delay_s(failures, chance) <= 5.0
