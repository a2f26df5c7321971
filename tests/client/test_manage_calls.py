"""What is asked by who looks after jobs, to the byte."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from trioworq.client.calls import Call
from trioworq.client.manage import calls
from trioworq.client.manage.values import Span, Which

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHICH = Which(queue="a b", category="c/d", failed_after=NOON, failed_before=NOON + timedelta(hours=1))
IN_QUERY = (
    "queue=a+b&category=c%2Fd"
    "&failed_after=2026-11-22T12%3A00%3A00%2B00%3A00&failed_before=2026-11-22T13%3A00%3A00%2B00%3A00"
)


def asked(call: Call[Any]) -> str:
    """Return the line that a request begins with."""
    return f"{call.method} {call.target}"


def test_each_method_has_its_place() -> None:
    """With all that may be left out left out."""
    assert [asked(call) for call in (
        calls.failed(None, 0, {}), calls.retry(7), calls.delete_failed("7"), calls.retry_all(False, {}),
        calls.clear(False, {}), calls.status("007"), calls.stats(None), calls.queues(), calls.queue_counts(),
        calls.queue_status(2), calls.load({}, None),
    )] == [
        "GET /api/v1/jobs/failed?offset=0",
        "POST /api/v1/jobs/failed/7/retry",
        "DELETE /api/v1/jobs/failed/7",
        "POST /api/v1/jobs/failed/retry-all",
        "DELETE /api/v1/jobs/failed/clear",
        "GET /api/v1/jobs/status/007",
        "GET /api/v1/jobs/stats",
        "GET /queues",
        "GET /queues/stats",
        "GET /v6/queue/status/?page=2&page_size=1000",
        "GET /v6/load/?page_size=1000",
    ]  # fmt: skip


def test_failures_are_chosen_in_the_query() -> None:
    """With the zone of each time."""
    assert calls.failed(5, 10, WHICH).target == f"/api/v1/jobs/failed?{IN_QUERY}&limit=5&offset=10"
    assert calls.retry_all(True, WHICH).target == f"/api/v1/jobs/failed/retry-all?{IN_QUERY}&dry_run=true"
    assert calls.clear(False, WHICH).target == f"/api/v1/jobs/failed/clear?{IN_QUERY}"
    assert calls.stats("a b").target == "/api/v1/jobs/stats?queue=a+b"


@pytest.mark.parametrize("sweep", [calls.retry_all, calls.clear])
def test_many_failures_are_changed_once(sweep: Any) -> None:
    """And may take their time; to count them may be repeated."""
    assert not sweep(False, {}).is_repeatable
    assert sweep(True, {}).is_repeatable
    assert sweep(False, {}).wait_s >= 600


@pytest.mark.parametrize("one", [calls.retry, calls.delete_failed])
def test_one_failure_may_be_changed_again(one: Any) -> None:
    """It is no failure any more after a lost answer, which then counts as success."""
    assert (one(1).is_repeatable, one(1).echo) == (True, 404)


@pytest.mark.parametrize("ask", [calls.retry, calls.delete_failed, calls.status])
@pytest.mark.parametrize("job_id", ["clear", "retry-all", "", "../failed/clear", "-1", "1 ", "١", "1/2"])
def test_a_job_id_is_a_number(ask: Any, job_id: str) -> None:
    """Else the path might be that of something larger."""
    with pytest.raises(ValueError, match="job_id"):
        ask(job_id)


@pytest.mark.parametrize("ask", [calls.retry_all, calls.clear])
def test_a_filter_that_is_misspelled_is_told(ask: Any) -> None:
    """Passed over, it would have changed all."""
    with pytest.raises(TypeError, match="failed_since"):
        ask(False, {"failed_since": NOON})


def test_a_time_has_a_zone() -> None:
    """The daemon is not to guess one."""
    with pytest.raises(ValueError, match="time zone"):
        calls.clear(False, {"failed_before": NOON.replace(tzinfo=None)})


def test_load_is_chosen_in_the_query() -> None:
    """Filters are repeated; a moment may be told by its distance from now."""
    span = Span(
        started=timedelta(days=1, seconds=2, microseconds=3),
        ended=NOON.astimezone(timezone(timedelta(hours=-5))),
        type_ids=[1, 2],
        type_names=["a b"],
        queues=["q", "r"],
        priorities=[-5],
    )
    assert calls.load(span, None).target == (
        "/v6/load/?started=P1DT2.000003S&ended=2026-11-22T12%3A00%3A00%2B00%3A00&job_type_id=1&job_type_id=2"
        "&job_type_name=a+b&job_type_category=q&job_type_category=r&job_type_priority=-5&page_size=1000"
    )


def test_the_next_page_of_the_load_begins_at_the_last_point() -> None:
    """Numbers of pages would shift while the span moves on."""
    assert calls.load({"started": timedelta(hours=3)}, NOON).target == (
        "/v6/load/?started=2026-11-22T12%3A00%3A00%2B00%3A00&page_size=1000"
    )


@pytest.mark.parametrize("span", [{"since": NOON}, {"type": "x"}])
def test_a_span_that_is_misspelled_is_told(span: Any) -> None:
    """It is another load than was meant."""
    with pytest.raises(TypeError, match="unexpected"):
        calls.load(span, None)


def test_a_time_to_come_is_no_distance_from_now() -> None:
    """The API has no way to write it."""
    with pytest.raises(ValueError, match="past"):
        calls.load({"started": timedelta(seconds=-1)}, None)


def test_a_queue_is_paused_where_it_is() -> None:
    """Names stay one segment each."""
    assert [asked(call) for call in (
        calls.pause("a b", "push", is_paused=True), calls.pause("..", "pull", is_paused=False)
    )] == ["POST /queue/a%20b/pause", "POST /v1/queues/%2E%2E/resume"]  # fmt: skip


@pytest.mark.parametrize("queue", ["", "a/b"])
def test_a_queue_that_no_path_names_cannot_be_paused(queue: str) -> None:
    """Another one would be."""
    with pytest.raises(ValueError, match="slash"):
        calls.pause(queue, "pull", is_paused=True)
