"""What a job is from its push to its first run, and once it has failed."""

import pytest
from attrs import evolve

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import (
    INT64_MAX,
    KEPT_PAYLOAD_BYTES,
    NO_PAYLOAD,
    FailedJob,
    FinishedJob,
    Job,
    JobState,
    Kind,
    NewJob,
    Order,
    Payload,
    PayloadForm,
    read_job_id,
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
    assert started.started_at_ms == 1


@pytest.mark.parametrize(("own", "stored"), [(None, 7), (0, 0), (-5, -5)])
def test_a_job_has_its_own_priority_or_that_of_its_queue(own: int | None, stored: int) -> None:
    """A push that asks for no priority gets the queue's; 0 is one that can be asked for (README 9)."""
    order = Order("c", "u", NO_PAYLOAD, priority=own)
    assert order.accepted("q", 1, priority=7).priority == stored


def test_a_finished_job_is_remembered_as_it_was() -> None:
    """All that is asked of a finished job stands in what is remembered of it (contract jobs §3.3)."""
    payload = Payload(PayloadForm.JSON, b"[1]")
    job = NewJob("q", "c", "u", payload, 1, 2, priority=6).stored(7, is_running=True)
    done = Result(ResultStatus.SUCCESS, 200, "done")
    assert evolve(job, fail_count=2).finished(done, 9) == FinishedJob(
        job_id=7,
        queue="q",
        category="c",
        url="u",
        payload=payload,
        priority=6,
        result=done,
        fail_count=2,
        created_at_ms=1,
        started_at_ms=1,
        ended_at_ms=9,
    )


@pytest.mark.parametrize(("size", "is_kept"), [(KEPT_PAYLOAD_BYTES, True), (KEPT_PAYLOAD_BYTES + 1, False)])
def test_a_large_payload_is_not_remembered(size: int, is_kept: bool) -> None:
    """The history keeps payloads of up to 64 KiB."""
    job = NewJob("q", "c", "u", Payload(PayloadForm.TEXT, b"x" * size), 1, 2).stored(7)
    finished = job.finished(Result(ResultStatus.SUCCESS, 200, ""), 9)
    assert (finished.payload == job.payload) is is_kept
    assert (finished.payload is None) is not is_kept


def test_the_key_tells_the_side() -> None:
    """Only pull jobs have a name of their client's choice, which may be empty."""
    finished = (
        NewJob("q", "c", "u", NO_PAYLOAD, 1, 2).stored(7).finished(Result(ResultStatus.SUCCESS, 0, ""), 9)
    )
    assert finished.kind is Kind.PUSH
    assert evolve(finished, key="").kind is Kind.PULL


@pytest.mark.parametrize(
    ("text", "job_id"),
    [
        ("1", 1),
        (str(INT64_MAX), INT64_MAX),
        (str(INT64_MAX + 1), None),
        ("9" * 30, None),
        ("0", None),
        ("01", None),
        ("-1", None),
        ("+1", None),
        ("", None),
        (" 1", None),
        ("1\n", None),
        ("\u0661", None),
        ("abc-123", None),
    ],
)
def test_a_job_id_is_read_as_it_is_written(text: str, job_id: int | None) -> None:
    """Nothing but the decimal form that clients were given names a job."""
    assert read_job_id(text) == job_id


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
