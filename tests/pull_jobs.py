"""A pull job, for tests to change."""

from trioworq.core.jobs import JobState
from trioworq.core.pull import PullJob

# Handed out for the first time.
A_PULL_JOB = PullJob(
    id=1,
    queue="q",
    key="k",
    payload=b"1",
    saved_state=None,
    state=JobState.RUNNING,
    priority=100,
    created_at_ms=1,
    run_at_ms=1,
    timeout_s=1,
    max_retries=0,
    retries_left=0,
    fail_count=0,
    attempt=1,
    lease_ends_at_ms=1000,
)
