"""The life of a job, in its steps."""

from attrs import evolve

from trioworq.core.jobs import NO_PAYLOAD, FailedJob, Job, JobState
from trioworq.core.pull import NewPullJob, PullJob
from trioworq.core.results import Result, ResultStatus
from trioworq.web.console.job.life import Step, life_of

NOW = 1_000_000
JOB = Job(
    id=1,
    queue="q",
    category="c",
    url="http://w/",
    payload=NO_PAYLOAD,
    state=JobState.WAITING,
    priority=100,
    created_at_ms=1000,
    next_try_ms=1000,
    timeout_s=0,
    retry_delay_s=0,
    retries_left=0,
    fail_count=0,
    attempt=0,
)
PULL_JOB = NewPullJob(
    queue="q", key="k", payload=b"1", created_at_ms=1000, run_at_ms=1000, timeout_s=30
).stored(2)


def life(job: Job | PullJob, *, is_paused: bool = False) -> list[tuple[str, int | None, bool]]:
    """Return the steps without their details."""
    return [(step.title, step.at_ms, step.is_ahead) for step in life_of(job, NOW, is_paused=is_paused)]


def last(job: Job | PullJob | FailedJob, *, is_paused: bool = False) -> Step:
    """Return what is the latest, or lies ahead."""
    return life_of(job, NOW, is_paused=is_paused)[-1]


def test_a_deferred_job_has_its_first_attempt_ahead() -> None:
    """At the time for which it was pushed."""
    job = evolve(JOB, next_try_ms=NOW + 1)
    assert life(job) == [("Created", 1000, False), ("First attempt", NOW + 1, True)]


def test_a_job_that_is_due_waits_for_a_worker() -> None:
    """Or for its queue to be resumed."""
    assert life(JOB) == [("Created", 1000, False), ("Due", 1000, False)]
    assert last(JOB).detail == "It waits for a free worker"
    assert last(JOB, is_paused=True).detail == "Its queue is paused, so it waits"


def test_a_job_that_is_to_be_tried_again_has_failed_before() -> None:
    """When its last attempt began is known, when it failed is not."""
    job = evolve(JOB, next_try_ms=NOW + 5, fail_count=2, started_at_ms=2000)
    assert life(job) == [
        ("Created", 1000, False),
        ("Last attempt began", 2000, False),
        ("2 attempts failed", None, False),
        ("Next attempt", NOW + 5, True),
    ]


def test_a_job_that_runs_ends_with_its_timeout() -> None:
    """Where it has one of its own."""
    job = evolve(JOB, state=JobState.RUNNING, started_at_ms=NOW - 10, fail_count=1)
    assert life(job) == [
        ("Created", 1000, False),
        ("1 attempt failed", None, False),
        ("Attempt began", NOW - 10, False),
    ]
    assert life(evolve(job, timeout_s=60))[-1] == ("Times out", NOW - 10 + 60_000, True)


def test_a_pull_job_waits_to_be_fetched() -> None:
    """From its time on."""
    assert life(PULL_JOB) == [("Created", 1000, False), ("Due", 1000, False)]
    later = evolve(PULL_JOB, run_at_ms=NOW + 9)
    assert life(later)[-1] == ("Can be fetched", NOW + 9, True)
    assert last(later, is_paused=True).detail == "Its queue is paused, so it waits"


def test_a_pull_job_that_is_handed_out_has_a_lease() -> None:
    """That ends in time, or has ended and nobody has noticed."""
    job = evolve(PULL_JOB.handed_out(NOW - 5), fail_count=1)
    assert life(job) == [
        ("Created", 1000, False),
        ("1 lease ended", None, False),
        ("Handed out", NOW - 5, False),
        ("Lease ends", NOW - 5 + 30_000, True),
    ]
    assert life(evolve(job, lease_ends_at_ms=NOW - 1))[-1] == ("Lease ended", NOW - 1, False)


def test_a_failed_job_ended_after_its_attempts() -> None:
    """Those of pull jobs are leases; when the last one began is not known of old ones."""
    result = Result(ResultStatus.FAILURE, 500, "no")
    failed = FailedJob(
        id=7,
        job_id=1,
        queue="q",
        category="c",
        url="http://w/",
        payload=NO_PAYLOAD,
        result=result,
        fail_count=3,
        failed_at_ms=5000,
        created_at_ms=1000,
    )
    assert [step.title for step in life_of(failed, NOW, is_paused=False)] == ["Created", "Failed"]
    assert last(failed) == Step("Failed", 5000, "after 3 attempts failed")
    assert last(evolve(failed, fail_count=1)).detail == "at its first attempt"
    assert last(evolve(failed, key="k", fail_count=2)).detail == "after 2 leases ended"
