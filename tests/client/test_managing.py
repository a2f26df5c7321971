"""Both clients for who looks after jobs, against a server that is told what to answer."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.client.asking import Asker
from tests.client.reports import (
    COUNTS,
    DELETED,
    DRY_RUN,
    FAILED,
    POINT,
    QUEUE_COUNTS,
    QUEUED_TYPE,
    QUEUES,
    REQUEUED,
    STATUS,
    page,
    point,
    said,
)
from tests.client.scripted_server import DROP, Reply, in_turn, scripted_server
from trioworq.client import (
    BadAnswer,
    JobCounts,
    LoadPoint,
    NotFound,
    NotSwept,
    PushQueue,
    Refused,
    Sweep,
    Unavailable,
)

NOT_FAILED = said({"detail": "Job 7 not found in failed jobs registry"}, 404)


async def test_failures_are_listed(ask: Asker) -> None:
    """The reference's example, and all that is told beyond it; times are in UTC."""
    more = {
        **FAILED, "kind": "pull", "queue": "q", "key": "a", "fail_count": 3, "args": [2**70], "new": 1,
        "kwargs": {"a": 1.0},
    }  # fmt: skip
    with scripted_server(
        in_turn(said([FAILED]), Reply(200, json.dumps([more], separators=(",", ":")).encode()))
    ) as server:
        [first] = await ask(server.url, "failed")
        [second] = await ask(server.url, "failed", limit=1, queue="q")
    assert (first.job_id, first.status, first.args, first.kwargs) == ("7", "failed", [1], {})
    assert first.created_at == datetime(2024, 1, 1, 12, tzinfo=UTC)
    assert (first.ended_at, first.exc_info) == (datetime(2024, 1, 1, 12, 1, tzinfo=UTC), "Error message...")
    assert (first.kind, first.queue, first.key, first.result) == (None, None, None, None)
    assert (second.kind, second.queue, second.key, second.fail_count) == ("pull", "q", "a", 3)
    assert (second.args, second.kwargs_json) == ([2**70], b'{"a":1.0}')
    assert server.asked[1].query == {"queue": "q", "limit": "1", "offset": "0"}


async def test_a_job_tells_its_status(ask: Asker) -> None:
    """The reference's example."""
    with scripted_server(in_turn(said(STATUS))) as server:
        job = await ask(server.url, "status", "7")
    assert (job.job_id, job.status, job.result, job.exc_info) == ("7", "finished", "success", None)
    assert job.started_at == datetime(2024, 1, 1, 12, 0, 1, tzinfo=UTC)
    assert not job.payload_omitted
    assert server.asked[0].path == "/api/v1/jobs/status/7"


async def test_a_job_that_is_not_there_is_told_in_the_daemons_words(ask: Asker) -> None:
    """The `detail` alone."""
    with (
        scripted_server(in_turn(said({"detail": "Job 8 not found: gone"}, 404))) as server,
        pytest.raises(NotFound) as caught,
    ):
        await ask(server.url, "status", 8)
    assert caught.value.detail == "Job 8 not found: gone"


@pytest.mark.parametrize("method", ["retry", "delete_failed"])
async def test_one_failure_is_ended_though_the_answer_was_lost(ask: Asker, method: str) -> None:
    """It is no failure any more when asked again; to the first attempt that is an error."""
    with scripted_server(in_turn(DROP, NOT_FAILED)) as server:
        assert await ask(server.url, method, 7) is None
        assert len(server.asked) == 2
        with pytest.raises(NotFound, match="not found in failed jobs registry"):
            await ask(server.url, method, 7)


async def test_a_job_that_cannot_run_again_is_told(ask: Asker) -> None:
    """A 409 with its reason."""
    with (
        scripted_server(in_turn(said({"detail": "its queue is gone"}, 409))) as server,
        pytest.raises(Refused, match="its queue is gone") as caught,
    ):
        await ask(server.url, "retry", 7)
    assert caught.value.status == 409


async def test_many_failures_run_again(ask: Asker) -> None:
    """Each that does not is told with the reason."""
    with scripted_server(in_turn(said(REQUEUED))) as server:
        sweep = await ask(server.url, "retry_all", category="mail")
    assert sweep == Sweep(3, ["1", "2"], [NotSwept("3", "its queue is gone")])
    assert (server.asked[0].method, server.asked[0].query) == ("POST", {"category": "mail"})


async def test_many_failures_are_deleted(ask: Asker) -> None:
    """Or only counted."""
    with scripted_server(in_turn(said(DELETED), said(DRY_RUN))) as server:
        assert await ask(server.url, "clear") == Sweep(2, ["1", "2"], [])
        assert await ask(server.url, "clear", dry_run=True) == Sweep(5, [], [])
    assert {request.method for request in server.asked} == {"DELETE"}


@pytest.mark.parametrize("method", ["retry_all", "clear"])
async def test_a_sweep_whose_answer_was_lost_is_not_repeated(ask: Asker, method: str) -> None:
    """The second would not tell what the first has done; counting may be repeated."""
    with scripted_server(in_turn(DROP, DROP, said(DRY_RUN))) as server:
        with pytest.raises(Unavailable) as caught:
            await ask(server.url, method)
        assert (caught.value.may_be_done, len(server.asked)) == (True, 1)
        assert (await ask(server.url, method, dry_run=True)).total == 5


@pytest.mark.parametrize("method", ["retry_all", "clear"])
async def test_a_sweep_that_the_daemon_gave_up_is_not_repeated(ask: Asker, method: str) -> None:
    """Its database may have gone away in the middle: a part may be done."""
    away = Reply(503, b"away", {"Retry-After": "0"})
    with scripted_server(in_turn(away, said(DRY_RUN))) as server, pytest.raises(Unavailable) as caught:
        await ask(server.url, method)
    assert (caught.value.may_be_done, len(server.asked)) == (True, 1)


@pytest.mark.parametrize("method", ["retry_all", "clear"])
async def test_a_misspelled_filter_sweeps_nothing(ask: Asker, method: str) -> None:
    """Nothing is asked at all."""
    with scripted_server(in_turn(said(DELETED))) as server:
        with pytest.raises(TypeError, match="catgory"):
            await ask(server.url, method, catgory="mail")
        assert not server.asked


async def test_jobs_are_counted(ask: Asker) -> None:
    """All of them or those of a queue."""
    with scripted_server(in_turn(said(COUNTS))) as server:
        assert await ask(server.url, "stats", "default") == JobCounts("default", 10, 2, 1, 50)
    assert server.asked[0].query == {"queue": "default"}


async def test_queues_are_listed(ask: Asker) -> None:
    """What is not told has its default."""
    with scripted_server(in_turn(said(QUEUES))) as server:
        first, second = await ask(server.url, "queues")
    assert (first.name, first.priority, first.is_paused, first.max_burst_size) == ("default", 100, False, 0)
    assert second == PushQueue(
        name="mail",
        polling_interval_ms=100,
        max_workers=5,
        max_dispatches_per_second=2.5,
        max_burst_size=5,
        priority=10,
        is_paused=True,
    )


async def test_queues_have_counters(ask: Asker) -> None:
    """By name."""
    with scripted_server(in_turn(said({"mail": QUEUE_COUNTS}))) as server:
        counts = (await ask(server.url, "queue_counts"))["mail"]
    assert (counts.total_pushes, counts.total_elapsed_ms, counts.idle_workers) == (9, 1234, 19)


async def test_what_waits_is_told_of_every_page(ask: Asker) -> None:
    """The reference's example, twice."""
    with scripted_server(
        in_turn(page(QUEUED_TYPE, following="http://elsewhere/"), page(QUEUED_TYPE))
    ) as server:
        first, second = await ask(server.url, "queue_status")
    assert first == second
    assert (first.type_id, first.name, first.count, first.highest_priority) == (1, "scale-ingest", 19, 1)
    assert (first.longest_queued, first.is_paused) == (datetime(1970, 1, 1, tzinfo=UTC), False)
    assert [request.query["page"] for request in server.asked] == ["1", "2"]


async def test_load_is_told_of_every_page(ask: Asker) -> None:
    """Each point once, as the next page begins with the last point; links are not followed."""
    times = [f"2015-10-21T00:0{minute}:00Z" for minute in range(4)]
    first = page(point(times[0]), point(times[1], 5, 6, 7), following="http://elsewhere/")
    second = page(point(times[1], 5, 6, 7), point(times[2]), following="http://elsewhere/")
    third = page(point(times[2]), point(times[3]))
    with scripted_server(in_turn(first, second, third)) as server:
        points = await ask(server.url, "load", started=timedelta(hours=3), type_names=["mail"])
    assert [f"{each.time:%M}" for each in points] == ["00", "01", "02", "03"]
    assert points[1] == LoadPoint(datetime(2015, 10, 21, 0, 1, tzinfo=UTC), 5, 6, 7)
    assert [request.query["started"] for request in server.asked] == [
        "P0DT10800.000000S", "2015-10-21T00:01:00+00:00", "2015-10-21T00:02:00+00:00",
    ]  # fmt: skip
    assert {request.query["job_type_name"] for request in server.asked} == {"mail"}


@pytest.mark.parametrize(("method", "item"), [("load", POINT), ("queue_status", QUEUED_TYPE)])
async def test_pages_without_end_come_to_an_end(ask: Asker, method: str, item: Any) -> None:
    """A page that brings nothing new is the last, whatever it says of another."""
    again = page(*([item] if method == "load" else []), following="http://elsewhere/")
    with scripted_server(in_turn(page(item, following="http://elsewhere/"), again)) as server:
        assert len(await ask(server.url, method)) == 1
    assert len(server.asked) == 2


async def test_a_queue_is_paused_and_resumed(ask: Asker) -> None:
    """Of either kind."""
    with scripted_server(in_turn(said({"name": "q", "paused": True}))) as server:
        await ask(server.url, "pause", "q")
        await ask(server.url, "resume", "q", "pull")
    assert [(request.method, request.path) for request in server.asked] == [
        ("POST", "/queue/q/pause"),
        ("POST", "/v1/queues/q/resume"),
    ]


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("failed", ()), ("status", (1,)), ("stats", ()), ("retry_all", ()), ("clear", ()), ("queues", ()),
        ("queue_counts", ()), ("queue_status", ()), ("load", ()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b'{"results":[{}]}', b'{"errors":[]}'])
async def test_what_else_answers_is_a_bad_answer(ask: Asker, method: str, args: Any, body: bytes) -> None:
    """Whatever it says."""
    with scripted_server(in_turn(Reply(200, body))) as server, pytest.raises(BadAnswer):
        await ask(server.url, method, *args)


@pytest.mark.parametrize(
    ("method", "reply"),
    [
        ("load", page({**POINT, "time": "0001-01-01T00:00:00+14:00"})),
        ("load", page({**POINT, "running_count": -1})),
        ("queue_status", page({**QUEUED_TYPE, "longest_queued": "9999-12-31T23:00:00-14:00"})),
        ("queue_status", page({**QUEUED_TYPE, "count": -1})),
        ("stats", said({**COUNTS, "failed_count": -1})),
        ("clear", said({**DELETED, "total_failed": -1})),
        ("failed", said([{**FAILED, "ended_at": "0001-01-01T00:00:00+00:01"}])),
    ],
)
async def test_numbers_and_times_that_cannot_be_are_a_bad_answer(
    ask: Asker, method: str, reply: Reply
) -> None:
    """Else who draws or shows them would have to be prepared."""
    with scripted_server(in_turn(reply)) as server, pytest.raises(BadAnswer):
        await ask(server.url, method)


async def test_times_without_a_zone_are_in_utc(ask: Asker) -> None:
    """Times with and without could not be told apart by their order."""
    midnight, noon = ({**POINT, "time": f"2026-11-22T{time}"} for time in ("00:00:00", "13:00:00+01:00"))
    with scripted_server(in_turn(page(midnight, noon))) as server:
        points = await ask(server.url, "load")
    assert [each.time for each in points] == [
        datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 22, 12, tzinfo=UTC)
    ]  # fmt: skip


async def test_a_token_goes_along(ask: Asker, caplog: pytest.LogCaptureFixture) -> None:
    """And is in no log line (I14)."""
    caplog.set_level(logging.DEBUG)
    with scripted_server(in_turn(said(COUNTS))) as server:
        await ask(server.url, "stats", client={"token": "s3cret"})
    assert server.asked[0].headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in caplog.text
