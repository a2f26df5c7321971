"""Jobs as workers get them (contract pull §2.3, README 9, 13)."""

import orjson
import pytest
from attrs import evolve

from tests.pull_jobs import A_PULL_JOB
from trioworq.core.jobs import JobState
from trioworq.web.pull.answers import show_job, show_jobs

JOB = evolve(
    A_PULL_JOB,
    id=7,
    queue="my-queue",
    key="1",
    payload=b'"RAW JSON"',
    run_at_ms=1_795_334_717_087,
    timeout_s=30,
    max_retries=3,
    retries_left=1,
    fail_count=2,
    attempt=5,
)


def test_a_job_is_written_in_the_originals_order() -> None:
    """With what is ours behind it; `max_retries` is what was given, `attempt` counts the tries."""
    assert show_job(JOB) == (
        b'{"id":"1","queue":"my-queue","timeout":30,"max_retries":3,"payload":"RAW JSON",'
        b'"run_at":"2026-11-22T08:05:17.087000Z","run_id":"7-5","attempt":3,"job_id":"7"}'
    )


def test_a_job_that_waits_is_in_no_run() -> None:
    """And its tries are those that have ended."""
    shown = orjson.loads(show_job(evolve(JOB, state=JobState.WAITING, lease_ends_at_ms=None)))
    assert "run_id" not in shown
    assert (shown["attempt"], shown["job_id"]) == (2, "7")


def test_a_state_is_shown_where_one_is_saved() -> None:
    """Between payload and run_at; a null is none."""
    assert b'"payload":"RAW JSON","state":{"page": 7},"run_at"' in show_job(
        evolve(JOB, saved_state=b'{"page": 7}')
    )
    assert b"state" not in show_job(evolve(JOB, saved_state=b"null"))


def test_a_priority_is_shown_where_it_is_not_the_default() -> None:
    """So that strict clients see nothing new."""
    assert show_job(evolve(JOB, priority=-5)).endswith(b'"job_id":"7","priority":-5}')


@pytest.mark.parametrize(
    "payload", [b'{ "b" : 1.0,\n"a":1, "a":"\\u00e9" }', b"1e400", b"9" * 400, '"é"'.encode(), b'"\\ud800"']
)
def test_payload_and_state_keep_their_bytes(payload: bytes) -> None:
    """Whatever they are."""
    shown = show_job(evolve(JOB, payload=payload, saved_state=payload))
    assert b'"payload":%b,"state":%b,' % (payload, payload) in shown


@pytest.mark.parametrize("name", ['"', "\\", "\n", "é", "\x01", "\x7f", "\u2028", "💥"])
def test_any_name_can_be_written(name: str) -> None:
    """And is read again as what it is."""
    shown = orjson.loads(show_job(evolve(JOB, key=name, queue=name)))
    assert (shown["id"], shown["queue"]) == (name, name)


def test_jobs_are_written_in_their_order() -> None:
    """As an array, of one too."""
    jobs = [evolve(JOB, id=number, key=str(number)) for number in (3, 1, 2)]
    assert [job["id"] for job in orjson.loads(show_jobs(jobs))] == ["3", "1", "2"]
    assert show_jobs(jobs[:1]) == b"[" + show_job(jobs[0]) + b"]"
