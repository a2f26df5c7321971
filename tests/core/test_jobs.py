"""What a job is from its push to its first run."""

from trioworq.core.jobs import Job, JobState, NewJob, Payload, PayloadForm


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
