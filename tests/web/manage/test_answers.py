"""Jobs as JSON: fields, their order, and times (contract jobs §3.1, §3.3, README 21)."""

from typing import Any

import orjson
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.jobs import (
    DEFAULT_PRIORITY,
    NO_PAYLOAD,
    FailedJob,
    FinishedJob,
    Job,
    JobState,
    Payload,
    PayloadForm,
)
from trioworq.core.pull import NewPullJob, PullJob
from trioworq.core.results import Result, ResultStatus
from trioworq.web.manage.answers import show_failed, show_status, show_time
from trioworq.web.manage.views import view_of

NOW_MS = 1_704_110_460_000
PAYLOAD = Payload(PayloadForm.JSON, b"[1]")

JOB = Job(
    id=7,
    queue="default",
    category="app.jobs.trade",
    url="http://worker/",
    payload=PAYLOAD,
    state=JobState.WAITING,
    priority=DEFAULT_PRIORITY,
    created_at_ms=NOW_MS - 60_000,
    next_try_ms=NOW_MS,
    timeout_s=0,
    retry_delay_s=0,
    retries_left=0,
    fail_count=0,
    attempt=0,
)
PULL_JOB = NewPullJob(
    queue="trades",
    key="my-1",
    payload=b'{"a":1}',
    created_at_ms=NOW_MS - 60_000,
    run_at_ms=NOW_MS,
    timeout_s=30,
).stored(8)
FAILED = FailedJob(
    id=3,
    job_id=7,
    queue="default",
    category="app.jobs.trade",
    url="http://worker/",
    payload=PAYLOAD,
    result=Result(ResultStatus.FAILURE, 200, "Error message..."),
    fail_count=2,
    failed_at_ms=NOW_MS,
    created_at_ms=NOW_MS - 60_000,
    started_at_ms=NOW_MS - 59_999,
)
FAILED_PULL_JOB = evolve(FAILED, queue="trades", category="", url="", key="my-1")
FINISHED = FinishedJob(
    job_id=7,
    queue="default",
    category="app.jobs.trade",
    url="http://worker/",
    payload=PAYLOAD,
    priority=DEFAULT_PRIORITY,
    result=Result(ResultStatus.SUCCESS, 200, "success"),
    fail_count=0,
    created_at_ms=NOW_MS - 60_000,
    started_at_ms=NOW_MS - 59_000,
    ended_at_ms=NOW_MS,
)


def status_of(job: Job | PullJob | FailedJob | FinishedJob) -> dict[str, Any]:
    """Return the status of a job, read."""
    shown: dict[str, Any] = orjson.loads(show_status(view_of(job, NOW_MS)))
    return shown


def test_a_failed_job_is_shown_as_the_reference_has_it() -> None:
    """Its fields come first and in that order; those that RQ does not have follow."""
    assert show_failed(FAILED) == (
        b'{"job_id":"7","func_name":"app.jobs.trade","args":[1],"kwargs":{},'
        b'"created_at":"2024-01-01T12:00:00","ended_at":"2024-01-01T12:01:00","exc_info":"Error message...",'
        b'"result":null,"queue":"default","category":"app.jobs.trade","url":"http://worker/","kind":"push",'
        b'"fail_count":2}'
    )


def test_a_status_is_shown_as_the_reference_has_it() -> None:
    """Fourteen fields in order, then those that RQ does not have."""
    assert show_status(view_of(FINISHED, NOW_MS)) == (
        b'{"job_id":"7","status":"finished","func_name":"app.jobs.trade","args":[1],"kwargs":{},'
        b'"created_at":"2024-01-01T12:00:00","started_at":"2024-01-01T12:00:01",'
        b'"ended_at":"2024-01-01T12:01:00","result":"success","exc_info":null,"is_finished":true,'
        b'"is_failed":false,"is_started":false,"is_queued":false,"queue":"default",'
        b'"category":"app.jobs.trade","url":"http://worker/","kind":"push","fail_count":0}'
    )


def test_a_pull_job_is_shown_with_the_id_that_its_client_gave() -> None:
    """Its function is its queue; category and URL it has none."""
    failed, waiting = orjson.loads(show_failed(FAILED_PULL_JOB)), status_of(PULL_JOB)
    for shown in (failed, waiting):
        assert shown["func_name"] == shown["queue"] == "trades"
        assert (shown["kind"], shown["key"]) == ("pull", "my-1")
        assert not {"category", "url"} & shown.keys()
    assert (waiting["job_id"], waiting["args"], waiting["kwargs"]) == ("8", [], {"a": 1})


@pytest.mark.parametrize(
    ("job", "status"),
    [
        (evolve(JOB, next_try_ms=NOW_MS + 1), "scheduled"),
        (JOB, "queued"),
        (evolve(JOB, state=JobState.RUNNING), "started"),
        (evolve(PULL_JOB, run_at_ms=NOW_MS + 1), "scheduled"),
        (PULL_JOB, "queued"),
        (PULL_JOB.handed_out(NOW_MS), "started"),
        (FAILED, "failed"),
        (FAILED_PULL_JOB, "failed"),
        (FINISHED, "finished"),
        (evolve(FINISHED, key=""), "finished"),
    ],
)
def test_each_stage_has_its_word_and_one_claim(
    job: Job | PullJob | FailedJob | FinishedJob, status: str
) -> None:
    """Of the four claims the one for the status is true, and none while the job's time has not come."""
    shown = status_of(job)
    assert shown["status"] == status
    claims = {name: shown[f"is_{name}"] for name in ("finished", "failed", "started", "queued")}
    assert [name for name, claim in claims.items() if claim] == ([] if status == "scheduled" else [status])


def test_only_what_has_ended_has_an_end_a_result_or_an_error() -> None:
    """The start is that of the last attempt, whatever follows."""
    retrying = evolve(JOB, started_at_ms=NOW_MS - 1, next_try_ms=NOW_MS + 1)
    fields = ("started_at", "ended_at", "result", "exc_info")
    jobs: list[Job | FailedJob | FinishedJob] = [JOB, retrying, FAILED, FINISHED]
    assert [[status_of(job)[name] for name in fields] for job in jobs] == [
        [None, None, None, None],
        ["2024-01-01T12:00:59.999000", None, None, None],
        ["2024-01-01T12:00:00.001000", "2024-01-01T12:01:00", None, "Error message..."],
        ["2024-01-01T12:00:01", "2024-01-01T12:01:00", "success", None],
    ]


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (Result(ResultStatus.FAILURE, 200, "no"), "no"),
        (Result(ResultStatus.FAILURE, 200, ""), "failure (HTTP 200)"),
        (Result(ResultStatus.PERMANENT_FAILURE, 500, ""), "permanent-failure (HTTP 500)"),
        (Result(ResultStatus.INTERNAL_FAILURE, 0, ""), "internal-failure"),
    ],
)
def test_a_failure_without_a_message_says_its_status_and_code(result: Result, why: str) -> None:
    """So that there is always something to read (README 21)."""
    failed = evolve(FAILED, result=result)
    assert orjson.loads(show_failed(failed))["exc_info"] == why
    assert status_of(failed)["exc_info"] == why


def test_an_empty_result_is_null() -> None:
    """As everything falsy is in the original."""
    assert status_of(evolve(FINISHED, result=Result(ResultStatus.SUCCESS, 200, "")))["result"] is None


def test_a_priority_is_shown_where_it_is_not_the_usual() -> None:
    """Strict clients see nothing new (README 9)."""
    jobs: list[Job | PullJob | FailedJob | FinishedJob] = [JOB, PULL_JOB, FAILED, FINISHED]
    for job in jobs:
        assert "priority" not in status_of(job)
        assert status_of(evolve(job, priority=-5))["priority"] == -5


def test_a_payload_that_was_not_kept_is_told_apart_from_none() -> None:
    """Both have no arguments, and only the one says so."""
    omitted, none = status_of(evolve(FINISHED, payload=None)), status_of(evolve(FINISHED, payload=NO_PAYLOAD))
    for shown in (omitted, none):
        assert (shown["args"], shown["kwargs"]) == ([], {})
    assert omitted["payload_omitted"] is True
    assert "payload_omitted" not in none


@pytest.mark.parametrize(
    ("time_ms", "shown"),
    [
        (None, None),
        (1_704_110_400_000, "2024-01-01T12:00:00"),
        (1_704_110_400_080, "2024-01-01T12:00:00.080000"),
        (0, "1970-01-01T00:00:00"),
    ],
)
def test_times_are_in_utc_without_a_zone(time_ms: int | None, shown: str | None) -> None:
    """Microseconds are there only if there are some."""
    assert show_time(time_ms) == shown


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
def test_any_names_and_messages_are_json(name: str, message: str) -> None:
    """Nothing in them ends a string or a line."""
    result = Result(ResultStatus.FAILURE, 200, message or "x")
    failed = evolve(FAILED, queue=name, category=name, url=name, key=name, result=result)
    shown = orjson.loads(show_failed(failed))
    assert (shown["queue"], shown["key"], shown["exc_info"]) == (name, name, message or "x")
