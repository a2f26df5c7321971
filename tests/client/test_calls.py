"""What is asked, to the byte."""

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.values import a_job
from trioworq.client import UNCHANGED, NewJob, NewPush, calls
from trioworq.client.calls import Call

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def value_of(call: Call[Any]) -> Any:
    """Return what a call's body says."""
    assert call.body is not None
    return orjson.loads(call.body)


def rescheduling(**fields: Any) -> Call[None]:
    """Return a call that leaves all as it is but for some fields."""
    nothing: dict[str, Any] = dict.fromkeys(("state", "timeout_s", "max_retries", "run_at", "priority"))
    job = a_job("k", timeout=7, max_retries=3, payload={"n": 1}, priority=9)
    return calls.reschedule(job, **({"payload": UNCHANGED} | nothing | fields))


def test_a_push_names_all_its_fields() -> None:
    """With Fireworq's names, and its category in the path."""
    call = calls.push(
        NewPush(
            category="news/a b",
            url="http://w/",
            payload={"ö": 1},
            run_after_s=1,
            timeout_s=2,
            retry_delay_s=3,
            max_retries=4,
        )
    )
    assert (call.method, call.target, call.is_repeatable) == ("POST", "/job/news/a%20b", False)
    assert call.body == (
        '{"url":"http://w/","payload":{"ö":1},"run_after":1,"timeout":2,"retry_delay":3,"max_retries":4}'.encode()
    )


def test_a_push_of_no_priority_leaves_it_to_its_queue() -> None:
    """Any other is named."""
    assert "priority" not in value_of(calls.push(NewPush(category="c", url="u")))
    assert value_of(calls.push(NewPush(category="c", url="u", priority=0)))["priority"] == 0


def test_a_batch_of_pushes_names_the_categories() -> None:
    """It cannot be repeated safely either."""
    call = calls.push_many([NewPush(category="a", url="u"), NewPush(category="b", url="v", payload=[])])
    assert (call.method, call.target, call.is_repeatable) == ("POST", "/jobs", False)
    assert [(item["category"], item["url"], item["payload"]) for item in value_of(call)] == [
        ("a", "u", None),
        ("b", "v", []),
    ]


def test_a_job_names_what_is_known_of_it() -> None:
    """What is not given is not sent."""
    call = calls.enqueue(NewJob(queue="q", id="a", payload="p"))
    assert (call.method, call.target, call.is_repeatable) == ("POST", "/enqueue", True)
    assert call.body == b'{"id":"a","queue":"q","timeout":30,"max_retries":0,"payload":"p"}'


def test_a_time_is_sent_in_utc() -> None:
    """To the microsecond, whatever its zone."""
    at = datetime(2026, 11, 22, 19, 0, 0, 5, timezone(timedelta(hours=1)))
    call = calls.enqueue_many(
        [NewJob(queue="q", id="a", run_at=at, priority=-1, timeout_s=0, max_retries=-1)]
    )
    [item] = value_of(call)
    assert (item["run_at"], item["priority"]) == ("2026-11-22T18:00:00.000005+00:00", -1)
    assert (item["timeout"], item["max_retries"]) == (0, -1)


def test_a_time_without_a_zone_is_a_mistake() -> None:
    """It would mean something else on each machine."""
    with pytest.raises(ValueError, match="time zone"):
        NewJob(queue="q", run_at=datetime(2026, 11, 22))  # noqa: DTZ001  # the point


@pytest.mark.parametrize(("queue", "key"), [("a/b", "1"), ("/", "1"), ("q", ""), ("", "1")])
def test_a_job_that_has_no_path_cannot_be_read(queue: str, key: str) -> None:
    """It is a mistake rather than a job that is not there."""
    for ask in (calls.read_job, calls.exists):
        with pytest.raises(ValueError, match="cannot be read"):
            ask(queue, key)


def test_jobs_have_ids_of_their_own() -> None:
    """Two without a given id are two jobs."""
    assert NewJob(queue="q").id != NewJob(queue="q").id


def test_bytes_are_json_already() -> None:
    """A payload goes on as it came."""
    call = calls.enqueue(NewJob(queue="q", id="a", payload=b'{"b": 1.0}'))
    assert call.body is not None
    assert call.body.endswith(b'"payload":{"b": 1.0}}')


@pytest.mark.parametrize("payload", [float("nan"), object(), {1, 2}])
def test_what_json_lacks_is_a_mistake(payload: Any) -> None:
    """It is raised before anything is sent."""
    with pytest.raises((TypeError, ValueError)):
        calls.enqueue(NewJob(queue="q", payload=payload))


def test_a_number_keeps_its_digits() -> None:
    """Also beyond 64 bits."""
    call = calls.enqueue(NewJob(queue="q", id="a", payload=2**70))
    assert call.body is not None
    assert str(2**70).encode() in call.body


def test_next_says_how_many_and_how_long() -> None:
    """The answer may then be kept back that long."""
    call = calls.next_jobs("a b&c", 5, 20)
    assert (call.method, call.target, call.wait_s) == ("GET", "/next?queue=a+b%26c&num_jobs=5&wait=20", 20)
    assert calls.next_jobs("q", 1, 0).target == "/next?queue=q&num_jobs=1"


def test_a_heartbeat_names_its_run() -> None:
    """Without a state it has no body, which leaves what was saved."""
    call = calls.heartbeat(a_job("a/b", queue="ö"), UNCHANGED)
    assert (call.method, call.body) == ("PATCH", None)
    assert call.target == "/heartbeat?queue=%C3%B6&job_id=a%2Fb&run_id=a%2Fb-1"


@pytest.mark.parametrize(("state", "body"), [({"n": 1}, b'{"n":1}'), (None, b"null"), ([], b"[]")])
def test_a_heartbeat_saves_a_state(state: Any, body: bytes) -> None:
    """None is a state too: it clears what was saved."""
    assert calls.heartbeat(a_job(), state).body == body


def test_a_completion_names_its_run() -> None:
    """Not for a server that has no runs."""
    call = calls.complete(a_job("a"))
    assert (call.method, call.target) == ("DELETE", "/complete?queue=q&job_id=a&run_id=a-1")
    assert calls.complete(a_job("a", run_id=None)).target == "/complete?queue=q&job_id=a"


def test_a_rescheduled_job_stays_as_it_was() -> None:
    """Except for the state, which is cleared, and the time, which is now."""
    call = rescheduling()
    assert (call.method, call.target) == ("POST", "/reschedule?run_id=k-1")
    assert value_of(call) == {
        "id": "k",
        "queue": "q",
        "timeout": 7,
        "max_retries": 3,
        "payload": {"n": 1},
        "state": None,
    }


def test_a_rescheduled_job_is_changed_as_asked() -> None:
    """Also to values that are false."""
    call = rescheduling(payload=None, state={"s": 1}, timeout_s=0, max_retries=0, priority=0)
    fields = value_of(call)
    assert (fields["payload"], fields["state"]) == (None, {"s": 1})
    assert (fields["timeout"], fields["max_retries"], fields["priority"]) == (0, 0, 0)


@given(queue=NAMES.filter(lambda name: "/" not in name), key=NAMES)
def test_a_name_is_one_segment_of_a_path(queue: str, key: str) -> None:
    """Whatever it is made of: slashes and dots lead nowhere else."""
    target = calls.read_job(queue, key).target
    assert target == calls.exists(queue, key).target
    start, version, word, first, second, last = target.split("/")
    assert (start, version, word, second) == ("", "v1", "queues", "jobs")
    assert (unquote(first), unquote(last)) == (queue, key)
    assert "." not in target
    assert target.isascii()
