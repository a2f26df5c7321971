"""What answers mean."""

from datetime import UTC, datetime

import pytest

from tests.client.values import RUN_AT, a_job
from trioworq.client import answers
from trioworq.client.answers import MAX_DETAIL, Answer
from trioworq.client.errors import BadAnswer, JobExists, NotFound, Refused, Unauthorized
from trioworq.client.values import DEFAULT_PRIORITY

PAYLOAD = b'{"b": 1.0, "a":18446744073709551616}'
HANDED_OUT = (
    b'[{"id":"a","queue":"q","timeout":30,"max_retries":-1,"payload":' + PAYLOAD + b","
    b'"state":[ 1],"run_at":"2026-11-22T18:00:00.000001Z","run_id":"7-2","attempt":2,"job_id":"7",'
    b'"priority":5,"new":1}]'
)


def test_a_job_has_what_next_tells() -> None:
    """Every member is taken, unknown ones are passed over, and payload and state keep their bytes."""
    [job] = answers.jobs(Answer(200, HANDED_OUT))
    assert (job.id, job.queue, job.timeout_s, job.max_retries) == ("a", "q", 30, -1)
    assert (job.run_id, job.attempt, job.job_id, job.priority) == ("7-2", 2, "7", 5)
    assert job.run_at == datetime(2026, 11, 22, 18, 0, 0, 1, UTC)
    assert job.payload_json == PAYLOAD
    assert job.payload == {"b": 1.0, "a": 2**64}
    assert (job.state_json, job.state) == (b"[ 1]", [1])


def test_a_job_of_another_relay_server_can_be_read() -> None:
    """What only trioworq tells may be absent, and no state is like a state that is null."""
    body = b'{"id":"a","queue":"q","timeout":1,"max_retries":0,"payload":null,"state":null,"run_at":"%s"}'
    job = answers.job(Answer(200, body % RUN_AT.encode()))
    assert (job.run_id, job.attempt, job.job_id, job.priority) == (None, 1, None, DEFAULT_PRIORITY)
    assert (job.payload, job.payload_json, job.state, job.state_json) == (None, b"null", None, None)


def test_a_payload_is_decoded_once() -> None:
    """A handler may look at it as often as it likes."""
    job = a_job()
    assert job.payload is job.payload


def test_no_content_is_no_jobs() -> None:
    """A 204 has no array."""
    assert answers.jobs(Answer(204)) == []


@pytest.mark.parametrize("body", [b"", b"{}", b'[{"id":1}]', b"[", b"\xff", b'[{"id":"\xff"}]', b"<html>"])
def test_what_is_no_list_of_jobs_is_a_bad_answer(body: bytes) -> None:
    """Whatever else answers at the address, it gives one kind of error."""
    with pytest.raises(BadAnswer):
        answers.jobs(Answer(200, body))


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        (rb'"\ud83d\uDCA5"', rb'"\ud83d\uDCA5"'),
        (rb'"\ud800"', rb'"\ufffd"'),
        (rb'["\uDc00\ud800", 1.0]', rb'["\ufffd\ufffd", 1.0]'),
        (rb'"\ud800\ud83d\udca5"', rb'"\ufffd\ud83d\udca5"'),
        (rb'"\ud800\n"', rb'"\ufffd\n"'),
        (rb'"\\ud800\ud800"', rb'"\\ud800\ufffd"'),
        (rb'{"\ud800":"\"\ud800"}', rb'{"\ufffd":"\"\ufffd"}'),
    ],
)
def test_half_a_surrogate_pair_takes_no_other_job_along(payload: bytes, kept: bytes) -> None:
    """It is JSON, so the daemon takes it, but no text: each is U+FFFD, and all else keeps its bytes."""
    job = HANDED_OUT[1:-1]
    body = b"[%b,%b]" % (job, job.replace(PAYLOAD, payload))
    plain, odd = answers.jobs(Answer(200, body))
    assert plain.payload == {"b": 1.0, "a": 2**64}
    assert odd.payload_json == kept


def test_an_answer_that_is_nested_too_deeply_is_a_bad_answer() -> None:
    """Nothing that somebody enqueues can end a worker."""
    body = HANDED_OUT.replace(b"[ 1]", b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(BadAnswer):
        answers.jobs(Answer(200, body))


def test_each_push_of_a_batch_has_its_own_outcome() -> None:
    """An id, or an error that says why."""
    body = (
        b'[{"id":2,"queue_name":"x"},{"index":1,"status":404,"error":"no queue"},{"status":400,"error":"e"}]'
    )
    first, second, third = answers.pushed_many(Answer(200, body))
    assert first == 2
    assert isinstance(second, NotFound)
    assert (second.status, second.detail) == (404, "no queue")
    assert type(third) is Refused


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (405, Refused),
        (409, JobExists),
        (413, Refused),
        (422, Refused),
        (500, BadAnswer),
        (301, BadAnswer),
    ],
)
def test_a_status_says_which_error(status: int, kind: type[Exception]) -> None:
    """What a caller can do about it makes the difference."""
    assert type(answers.refusal(Answer(status, b"why"), JobExists)) is kind


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"job with id `1` not found in queue `q`.", "job with id `1` not found in queue `q`."),
        (b"404 Not Found\n\nNo such queue: none\n", "No such queue: none"),
        (b"", "no reason given"),
        (b"\xff\n", "\N{REPLACEMENT CHARACTER}"),
        (b"x" * 10_000, "x" * MAX_DETAIL),
        (b'{"detail": "Job 1 not found"}', "Job 1 not found"),
        (b'{"detail": ["odd"]}', '{"detail": ["odd"]}'),
        (b'{"detail": "%s"}' % (b"x" * 10_000), "x" * MAX_DETAIL),
    ],
)
def test_the_detail_is_the_last_line(body: bytes, detail: str) -> None:
    """Fireworq's errors repeat the status first, relay's are one line, and the other APIs name it."""
    assert answers.detail_of(Answer(400, body)) == detail
