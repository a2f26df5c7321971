"""Any job's status over HTTP, at every stage of its life (contract jobs §3.1, §3.3)."""

import re

import pytest

from tests.web.manage.managed import WORKER, Managed

KEYS = [
    "job_id", "status", "func_name", "args", "kwargs", "created_at", "started_at", "ended_at", "result",
    "exc_info", "is_finished", "is_failed", "is_started", "is_queued",
]  # fmt: skip


async def test_a_push_job_is_followed_through_its_life(managed: Managed) -> None:
    """Waiting, retrying, failed, run again and finished, it keeps its id and says what it does."""
    deferred = await managed.push("mail", run_after=99, payload={"n": 1})
    shown = await managed.status(deferred)
    assert list(shown) == [*KEYS, "queue", "category", "url", "kind", "fail_count"]
    assert (shown["status"], shown["started_at"], shown["kwargs"]) == ("scheduled", None, {"n": 1})

    retrying = await managed.push(does="fail", retry_delay=99, max_retries=1)
    failed = await managed.reach(retrying, "failed")
    assert (failed["exc_info"], failed["result"], failed["fail_count"]) == ("no such thing", None, 1)
    assert failed["created_at"] <= failed["started_at"] <= failed["ended_at"]

    done = await managed.push(does="succeed", payload=[1])
    finished = await managed.reach(done, "finished")
    assert (finished["result"], finished["exc_info"], finished["args"]) == ("done", None, [1])
    assert finished["created_at"] <= finished["started_at"] <= finished["ended_at"]
    assert finished["url"] == f"{WORKER}succeed"


async def test_a_push_job_that_runs_is_started_and_those_behind_it_are_queued(managed: Managed) -> None:
    """A deleted one is no job any more, whatever it did."""
    await managed.face.put_queue("default", max_workers=1)
    running = await managed.push(does="hang")
    started = await managed.reach(running, "started")
    assert (started["ended_at"], started["is_started"]) == (None, True)
    assert started["started_at"] is not None
    waiting = await managed.push(does="hang")
    assert (await managed.status(waiting))["is_queued"] is True
    for job_id in (waiting, running):
        await managed.face.client.delete(f"/queue/default/job/{job_id}")
        assert (await managed.refusal("GET", f"/status/{job_id}"))[0] == 404


async def test_a_job_that_is_to_be_tried_again_is_scheduled(managed: Managed) -> None:
    """It still says when it was last started."""
    job_id = await managed.push(does="stumble", retry_delay=99, max_retries=1)
    shown = await managed.find(job_id, lambda shown: bool(shown["fail_count"]))
    assert (shown["status"], shown["exc_info"]) == ("scheduled", None)
    assert shown["started_at"] is not None


async def test_a_job_that_is_run_again_has_not_been_started(managed: Managed) -> None:
    """Neither its end nor its failure are told any more (contract jobs §3.2)."""
    [job_id] = await managed.fail_pull("1")
    failed = await managed.status(job_id)
    await managed.ask("POST", f"/failed/{job_id}/retry")
    shown = await managed.status(job_id)
    assert (shown["status"], shown["created_at"]) == ("queued", failed["created_at"])
    fields = ("started_at", "ended_at", "exc_info", "fail_count")
    assert [shown[name] for name in fields] == [None, None, None, 0]
    assert failed["started_at"] is not None


async def test_a_pull_job_is_followed_through_its_life(managed: Managed) -> None:
    """Deferred, waiting, handed out and completed; and failed when its lease has ended."""
    later = await managed.enqueue("later", run_at="9999-01-01T00:00:00Z")
    assert (await managed.status(later))["status"] == "scheduled"
    job_id = await managed.enqueue("my-1", payload="text")
    shown = await managed.status(job_id)
    assert list(shown) == [*KEYS, "queue", "kind", "key", "fail_count"]
    assert (shown["status"], shown["func_name"], shown["args"]) == ("queued", "q", ["text"])
    await managed.face.pull_side.fetch()
    started = await managed.status(job_id)
    assert (started["status"], started["started_at"] is None) == ("started", False)
    await managed.face.client.delete("/complete?queue=q&job_id=my-1")
    finished = await managed.reach(job_id, "finished")
    assert (finished["result"], finished["started_at"]) == (None, started["started_at"])
    assert (finished["args"], finished["key"], finished["ended_at"] is None) == (["text"], "my-1", False)
    [failed] = await managed.fail_pull("2")
    shown = await managed.status(failed)
    assert (shown["exc_info"], shown["is_failed"]) == ("lease timed out after 1 attempt", True)


async def test_a_payload_that_is_too_large_to_remember_is_left_out_of_a_finished_job(
    managed: Managed,
) -> None:
    """The answer says so; while the job is there its payload is too."""
    large = "x" * 65_537
    job_id = await managed.enqueue("1", payload=large)
    assert (await managed.status(job_id))["args"] == [large]
    await managed.face.client.delete("/complete?queue=q&job_id=1")
    shown = await managed.reach(job_id, "finished")
    assert (shown["args"], shown["kwargs"], shown["payload_omitted"]) == ([], {}, True)


@pytest.mark.parametrize(
    "payload", [b'{"a": "caf\xe9"}', b'["\\ud800", 1.0, 123456789012345678901234567890]']
)
async def test_odd_payloads_come_back_in_an_answer_that_can_be_read(
    in_memory: Managed, payload: bytes
) -> None:
    """Numbers keep their digits; what is not UTF-8 is replaced."""
    body = b'{"url": "http://worker/fail", "payload": %b}' % payload
    answer = await in_memory.face.client.post("/job/any", content=body)
    assert answer.status_code == 200
    job_id = re.findall(rb'^{"id":(\d+),', answer.content)[0].decode()
    await in_memory.reach(job_id, "failed")
    for path in (f"/status/{job_id}", "/failed"):
        answer = await in_memory.face.client.get(f"/api/v1/jobs{path}")
        assert payload.replace(b"\xe9", "\ufffd".encode()) in answer.content
        answer.content.decode()


async def test_jobs_are_counted(managed: Managed) -> None:
    """By what they do, those of both kinds together; deferred ones are in no count."""
    assert await managed.ask("GET", "/stats") == stats("default")
    await managed.face.put_queue("default", max_workers=1)
    await managed.fail("a")
    await managed.fail_pull("1", queue="default")
    await managed.reach(await managed.push(does="succeed"), "finished")
    await managed.reach(await managed.push(does="hang"), "started")
    await managed.push()
    await managed.push(run_after=99)
    await managed.enqueue("2", "default")
    await managed.enqueue("3", "other")
    shown = await managed.ask("GET", "/stats")
    assert list(shown) == list(stats("default"))
    assert shown == stats("default", queued=3, failed=2, started=1, finished=1)
    assert await managed.ask("GET", "/stats?queue=default") == stats("default", 2, 2, 1, 1)
    assert await managed.ask("GET", "/stats?queue=other") == stats("other", queued=1)
    assert await managed.ask("GET", "/stats?queue=no%20such") == stats("no such")


async def test_a_name_that_no_queue_can_have_is_a_400(in_memory: Managed) -> None:
    """There is no count for it."""
    for name in ("", "%FF", "x" * 256, "%00"):
        assert (await in_memory.refusal("GET", f"/stats?queue={name}"))[0] == 400


def stats(
    name: str, queued: int = 0, failed: int = 0, started: int = 0, finished: int = 0
) -> dict[str, object]:
    """Return the counts as they are shown."""
    return {
        "queue_name": name,
        "queued_count": queued,
        "failed_count": failed,
        "started_count": started,
        "finished_count": finished,
    }
