"""What follows an attempt (contract §1.13)."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.jobs import NO_PAYLOAD, UINT32_MAX, Job, JobState
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed, Failed, Retried, settle

NOW_MS = 1_795_334_717_087
JOB = Job(
    id=7,
    queue="default",
    category="mail",
    url="http://127.0.0.1/",
    payload=NO_PAYLOAD,
    state=JobState.RUNNING,
    priority=100,
    created_at_ms=NOW_MS - 5000,
    next_try_ms=NOW_MS - 5000,
    timeout_s=0,
    retry_delay_s=60,
    retries_left=3,
    fail_count=0,
    attempt=1,
)
failing = st.sampled_from([ResultStatus.FAILURE, ResultStatus.INTERNAL_FAILURE])


def result(status: ResultStatus) -> Result:
    return Result(status, 200, "so it went")


def test_success_completes_the_job() -> None:
    """A worker's success ends the job, whatever failed before."""
    job = evolve(JOB, fail_count=2, retries_left=0, attempt=3)
    success = result(ResultStatus.SUCCESS)
    assert settle(job, success, NOW_MS) == Completed(7, 3, job.finished(success, NOW_MS))


def test_a_job_is_not_remembered_where_there_is_no_history() -> None:
    """Without a history nothing is written of a job that ends well."""
    settled = settle(JOB, result(ResultStatus.SUCCESS), NOW_MS, is_remembered=False)
    assert settled == Completed(7, 1, None)


def test_a_failure_is_retried_after_the_delay() -> None:
    """A failure with retries left puts the job off by its retry delay, counted from now."""
    verdict = result(ResultStatus.FAILURE)
    settled = settle(JOB, verdict, NOW_MS)
    assert settled == Retried(7, 1, NOW_MS + 60_000, retries_left=2, fail_count=1, result=verdict)


def test_an_internal_failure_is_retried_like_a_failure() -> None:
    """A worker that could not be reached gets its retries."""
    internal = result(ResultStatus.INTERNAL_FAILURE)
    assert settle(JOB, internal, NOW_MS) == Retried(7, 1, NOW_MS + 60_000, 2, 1, internal)


def test_a_failure_without_retries_left_is_the_last() -> None:
    """The last failure is kept with the job's count of failures, this one included."""
    job = evolve(JOB, retries_left=0, fail_count=3)
    last = result(ResultStatus.FAILURE)
    assert settle(job, last, NOW_MS) == Failed(7, 1, last, fail_count=4, failed_at_ms=NOW_MS)


def test_a_permanent_failure_ends_the_job_at_once() -> None:
    """A worker that says permanent-failure is not asked again, however many retries are left."""
    final = result(ResultStatus.PERMANENT_FAILURE)
    assert settle(JOB, final, NOW_MS) == Failed(7, 1, final, fail_count=1, failed_at_ms=NOW_MS)


def test_a_jobs_max_retries_is_the_number_it_was_pushed_with() -> None:
    """Failures so far and retries left add up to the original number."""
    assert evolve(JOB, retries_left=2, fail_count=1).max_retries == 3


@given(st.integers(0, 50), st.lists(failing, min_size=60, max_size=60), st.integers(0, UINT32_MAX))
def test_attempts_never_exceed_max_retries_plus_one(
    max_retries: int, statuses: list[ResultStatus], delay: int
) -> None:
    """A job that always fails is tried max_retries + 1 times and then is failed (I4)."""
    job = evolve(JOB, retries_left=max_retries, retry_delay_s=delay)
    for attempts, status in enumerate(statuses, start=1):
        settled = settle(job, result(status), NOW_MS)
        if isinstance(settled, Failed):
            assert attempts == settled.fail_count == max_retries + 1
            return
        assert isinstance(settled, Retried)
        assert settled.next_try_ms - NOW_MS == delay * 1000
        job = evolve(job, retries_left=settled.retries_left, fail_count=settled.fail_count)
        assert job.max_retries == max_retries
    raise AssertionError("the job was never failed")
