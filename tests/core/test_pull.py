"""The rules of leases, row by row (contract pull §2.5, §2.6, README 13, 21)."""

import pytest
from attrs import evolve

from tests.pull_jobs import A_PULL_JOB
from trioworq.core.jobs import DEFAULT_PRIORITY, INT64_MAX, JobState
from trioworq.core.pull import (
    NO_RUN,
    Completion,
    Heartbeat,
    NewPullJob,
    PullChange,
    PullJob,
    PullOrder,
    Rescheduling,
    Return,
    Run,
    Standing,
    Verdict,
    is_exhausted,
    judge,
    lease_end_ms,
    standing_after,
    timeout_message,
)

RUN = Run(7, 3)
RUNNING = Standing(7, JobState.RUNNING, 3)
WAITING = Standing(7, JobState.WAITING, 3)


def heartbeat(run: Run | None = None) -> Heartbeat:
    """Keep job k."""
    return Heartbeat(queue="q", key="k", now_ms=1, run=run)


def completion(run: Run | None = None) -> Completion:
    """End job k."""
    return Completion(queue="q", key="k", run=run)


def rescheduling(run: Run | None = None) -> Rescheduling:
    """Put job k off."""
    return Rescheduling(queue="q", key="k", payload=b"1", saved_state=None, run_at_ms=1, timeout_s=1, run=run)


RETURN = Return(queue="q", key="k", run=RUN)


@pytest.mark.parametrize(
    ("change", "standing", "verdict"),
    [
        (heartbeat(), RUNNING, Verdict.DONE),
        (heartbeat(), WAITING, Verdict.ABSENT),
        (heartbeat(), None, Verdict.ABSENT),
        (heartbeat(RUN), RUNNING, Verdict.DONE),
        (heartbeat(Run(7, 2)), RUNNING, Verdict.STALE),
        (heartbeat(Run(6, 3)), RUNNING, Verdict.STALE),
        (heartbeat(RUN), WAITING, Verdict.STALE),
        (heartbeat(RUN), None, Verdict.ABSENT),
        (completion(), RUNNING, Verdict.DONE),
        (completion(), WAITING, Verdict.DONE),
        (completion(), None, Verdict.ABSENT),
        (completion(RUN), RUNNING, Verdict.DONE),
        (completion(Run(7, 2)), RUNNING, Verdict.STALE),
        (completion(RUN), WAITING, Verdict.STALE),
        (completion(RUN), None, Verdict.ABSENT),
        (rescheduling(), RUNNING, Verdict.DONE),
        (rescheduling(), WAITING, Verdict.ABSENT),
        (rescheduling(), None, Verdict.ABSENT),
        (rescheduling(RUN), RUNNING, Verdict.DONE),
        (rescheduling(Run(7, 2)), RUNNING, Verdict.STALE),
        (rescheduling(RUN), WAITING, Verdict.STALE),
        (RETURN, RUNNING, Verdict.DONE),
        (RETURN, Standing(7, JobState.RUNNING, 4), Verdict.STALE),
        (RETURN, WAITING, Verdict.STALE),
        (RETURN, None, Verdict.ABSENT),
    ],
)
def test_a_change_is_judged_by_how_the_job_stands(
    change: PullChange, standing: Standing | None, verdict: Verdict
) -> None:
    """Only the present run can be kept or ended; a completion that names none ends the job anyway."""
    assert judge(change, standing) is verdict


def test_the_end_of_a_certain_job_is_not_that_of_its_successor() -> None:
    """A key may have become another job's since it was looked up."""
    of_seven = Completion(queue="q", key="k", job_id=7)
    assert judge(of_seven, WAITING) is Verdict.DONE
    assert judge(of_seven, Standing(8, JobState.WAITING, 0)) is Verdict.ABSENT


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (heartbeat(), RUNNING),
        (completion(), None),
        (rescheduling(), WAITING),
        (RETURN, WAITING),
    ],
)
def test_a_change_leaves_the_job_standing_as_the_next_one_finds_it(
    change: PullChange, after: Standing | None
) -> None:
    """So that changes of one transaction see each other."""
    assert standing_after(change, RUNNING) == after


def test_a_run_is_read_as_it_was_written() -> None:
    """A client gives back what it was given."""
    assert RUN.text == "7-3"
    assert Run.parse("7-3") == RUN


@pytest.mark.parametrize(
    "text", ["", "7", "-3", "07-3", "7-03", "7-0", "7-3 ", " 7-3", "٧-3", "7-3-1", "x" * 99]
)
def test_a_text_that_names_no_run_is_one_that_no_job_has(text: str) -> None:
    """It is stale, whatever job it is sent for."""
    assert Run.parse(text) == NO_RUN
    assert judge(completion(Run.parse(text)), RUNNING) is Verdict.STALE


def test_an_order_without_a_time_or_a_priority_has_the_present_and_the_default() -> None:
    """And no saved state, as that is for those who reschedule (contract pull §2.3)."""
    order = PullOrder(queue="q", key="k", payload=b"1", timeout_s=30, max_retries=2, saved_state=b"9")
    assert order.accepted(1000) == NewPullJob(
        queue="q",
        key="k",
        payload=b"1",
        created_at_ms=1000,
        run_at_ms=1000,
        timeout_s=30,
        max_retries=2,
        priority=DEFAULT_PRIORITY,
    )


def test_an_order_with_a_time_and_a_priority_keeps_them() -> None:
    """A time may be long past, and a priority 0."""
    order = PullOrder(queue="q", key="k", payload=b"1", timeout_s=30, run_at_ms=-5, priority=0)
    accepted = order.accepted(1000)
    assert (accepted.run_at_ms, accepted.priority) == (-5, 0)
    change = order.rescheduling(1000, RUN)
    assert (change.run_at_ms, change.priority) == (-5, 0)


def test_rescheduling_keeps_the_priority_and_takes_over_the_state() -> None:
    """Everything else is as if enqueued anew."""
    order = PullOrder(queue="q", key="k", payload=b"1", timeout_s=30, max_retries=-1, saved_state=b"9")
    assert order.rescheduling(1000, RUN) == Rescheduling(
        queue="q",
        key="k",
        payload=b"1",
        saved_state=b"9",
        run_at_ms=1000,
        timeout_s=30,
        max_retries=-1,
        priority=None,
        run=RUN,
    )


def stored(state: JobState, fail_count: int) -> PullJob:
    """Return a job."""
    return evolve(A_PULL_JOB, id=7, state=state, fail_count=fail_count, attempt=3)


def test_a_job_has_a_run_while_it_is_handed_out() -> None:
    """And the try under way counts as one."""
    assert (stored(JobState.WAITING, 2).run, stored(JobState.WAITING, 2).tries) == (None, 2)
    assert (stored(JobState.RUNNING, 2).run, stored(JobState.RUNNING, 2).tries) == (RUN, 3)


def test_a_job_is_as_large_as_what_its_worker_gets() -> None:
    """Its payload, and the state if one is saved."""
    job = stored(JobState.RUNNING, 0)
    assert (job.size, evolve(job, saved_state=b"[1]").size) == (1, 4)


def test_a_lease_has_lapsed_when_its_end_is_past() -> None:
    """Strictly, and a job that waits has none."""
    running = stored(JobState.RUNNING, 0)
    assert [running.has_lapsed(now_ms) for now_ms in (999, 1000, 1001)] == [False, False, True]
    assert not evolve(running, state=JobState.WAITING, lease_ends_at_ms=None).has_lapsed(1001)


def test_a_job_that_is_handed_out_has_a_new_run_and_a_lease() -> None:
    """All else stays, the tries that have failed and the saved state included."""
    job = evolve(stored(JobState.WAITING, 2), saved_state=b"9", timeout_s=30, lease_ends_at_ms=None)
    handed_out = evolve(job, state=JobState.RUNNING, attempt=4, lease_ends_at_ms=31_000, started_at_ms=1000)
    assert job.handed_out(1000) == handed_out


@pytest.mark.parametrize(
    ("max_retries", "retries_left", "exhausted"),
    [(0, 0, True), (1, 1, False), (1, 0, True), (-1, 0, False), (-5, 0, False)],
)
def test_a_job_fails_when_no_retry_is_left(max_retries: int, retries_left: int, exhausted: bool) -> None:
    """A negative number of retries has no end."""
    assert is_exhausted(max_retries, retries_left) is exhausted


def test_the_failure_says_how_often_it_was_tried() -> None:
    """In the words of README 21."""
    assert timeout_message(1) == "lease timed out after 1 attempt"
    assert timeout_message(3) == "lease timed out after 3 attempts"


def test_a_lease_ends_after_the_timeout() -> None:
    """One of 0 or less is over at once, and none ends later than can be stored."""
    assert lease_end_ms(1000, 30) == 31_000
    assert lease_end_ms(1000, 0) == 1000
    assert lease_end_ms(1000, -1) == 0
    assert lease_end_ms(INT64_MAX - 1, 1) == INT64_MAX


def test_enqueued_job_waits_with_all_its_retries() -> None:
    """It has never been tried, and nothing has been saved for it."""
    job = NewPullJob(
        queue="q", key="k", payload=b"1", created_at_ms=1, run_at_ms=2, timeout_s=3, max_retries=4, priority=5
    )
    assert job.stored(7) == PullJob(
        id=7,
        queue="q",
        key="k",
        payload=b"1",
        saved_state=None,
        state=JobState.WAITING,
        priority=5,
        created_at_ms=1,
        run_at_ms=2,
        timeout_s=3,
        max_retries=4,
        retries_left=4,
        fail_count=0,
        attempt=0,
        lease_ends_at_ms=None,
    )
    assert evolve(job, max_retries=-4).stored(7).retries_left == 0
