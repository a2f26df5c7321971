"""What a job is from its push to its first run, and once it has failed."""

import pytest
from attrs import evolve

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import (
    INT64_MAX,
    NO_PAYLOAD,
    FailedJob,
    Job,
    JobState,
    Kind,
    NewJob,
    Order,
    Payload,
    PayloadForm,
)
from trioworq.core.results import Result, ResultStatus


def test_a_stored_job_is_what_was_pushed_and_waits_untried() -> None:
    """Every number of the push stands in the job, and no attempt has been made or counted."""
    payload = Payload(PayloadForm.TEXT, b"p")
    pushed = NewJob(
        queue="q",
        category="c",
        url="u",
        payload=payload,
        created_at_ms=1,
        next_try_ms=2,
        timeout_s=3,
        retry_delay_s=4,
        max_retries=5,
        priority=6,
    )
    assert pushed.stored(7) == Job(
        id=7,
        queue="q",
        category="c",
        url="u",
        payload=payload,
        state=JobState.WAITING,
        priority=6,
        created_at_ms=1,
        next_try_ms=2,
        timeout_s=3,
        retry_delay_s=4,
        retries_left=5,
        fail_count=0,
        attempt=0,
    )


def test_a_job_that_starts_at_once_is_in_its_first_attempt() -> None:
    """It is what a claim would have made of it, and nothing is counted against it."""
    started = NewJob("q", "c", "u", NO_PAYLOAD, 1, 2).stored(7, is_running=True)
    assert (started.state, started.attempt, started.fail_count) == (JobState.RUNNING, 1, 0)


def test_an_order_becomes_a_job_that_is_due_after_its_delay() -> None:
    """The delay counts from now; all else is as it was asked for."""
    order = Order("c", "u", NO_PAYLOAD, run_after_s=60, timeout_s=3, retry_delay_s=4, max_retries=5)
    assert order.accepted("q", 1000) == NewJob(
        queue="q",
        category="c",
        url="u",
        payload=NO_PAYLOAD,
        created_at_ms=1000,
        next_try_ms=61_000,
        timeout_s=3,
        retry_delay_s=4,
        max_retries=5,
    )


def test_an_order_for_a_time_that_no_store_can_hold_is_refused() -> None:
    """The last storable millisecond is taken, and the next is not."""
    order = Order("c", "u", NO_PAYLOAD, run_after_s=1)
    assert order.accepted("q", INT64_MAX - 1000).next_try_ms == INT64_MAX
    with pytest.raises(InvalidRequest, match="run_after is out of range"):
        order.accepted("q", INT64_MAX - 999)


def test_a_failure_is_of_the_kind_of_its_job() -> None:
    """Pull jobs have a key, an empty one too; push jobs have none."""
    failed = FailedJob(
        id=1,
        job_id=2,
        queue="q",
        category="c",
        url="u",
        payload=NO_PAYLOAD,
        result=Result(ResultStatus.FAILURE, 0, ""),
        fail_count=1,
        failed_at_ms=3,
        created_at_ms=4,
    )
    assert failed.kind is Kind.PUSH
    assert evolve(failed, key="").kind is Kind.PULL
