"""Failed jobs over HTTP: listed, run again, deleted (contract jobs §3.1–§3.3, README 12, 20)."""

import orjson
import pytest
import trio

from tests.dispatch.push_side import open_memory_store
from tests.dispatch.tripping_store import TrippingStore
from tests.web.face import open_face
from tests.web.manage.managed import JOBS, WORKER, Managed, not_failed, obedient
from trioworq.core.failures import EVERY_FAILURE
from trioworq.web.manage.answers import show_time

NOTHING = {"success": True, "total_failed": 0, "error_count": 0, "errors": []}
PUSH_KEYS = [
    "job_id", "func_name", "args", "kwargs", "created_at", "ended_at", "exc_info", "result", "queue",
    "category", "url", "kind", "fail_count",
]  # fmt: skip
PULL_KEYS = [*PUSH_KEYS[:9], "kind", "key", "fail_count"]


async def test_without_failures_there_is_nothing_to_do(managed: Managed) -> None:
    """The list is empty, and running or deleting them all is a success all the same."""
    assert await managed.ask("GET", "/failed") == []
    requeued = await managed.ask("POST", "/failed/retry-all")
    assert requeued == {**NOTHING, "requeued_count": 0, "requeued_jobs": []}
    assert list(requeued) == [
        "success", "total_failed", "requeued_count", "error_count", "requeued_jobs", "errors",
    ]  # fmt: skip
    deleted = await managed.ask("DELETE", "/failed/clear")
    assert list(deleted) == [
        "success", "total_failed", "deleted_count", "error_count", "deleted_jobs", "errors",
    ]  # fmt: skip
    assert deleted == {**NOTHING, "deleted_count": 0, "deleted_jobs": []}


async def test_failed_jobs_of_both_kinds_are_listed_oldest_first(managed: Managed) -> None:
    """Each with its fields in order, its payload as arguments, and why it failed."""
    [first] = await managed.fail("mail", payload=[1, {"a": 2}], priority=7)
    [pulled] = await managed.fail_pull("my-1", payload={"n": 1})
    [last] = await managed.fail("news/weekly", payload="text")
    shown = await managed.ask("GET", "/failed")
    assert [job["job_id"] for job in shown] == [first, pulled, last]
    assert [list(job) for job in shown] == [[*PUSH_KEYS, "priority"], PULL_KEYS, PUSH_KEYS]
    assert [(job["func_name"], job["args"], job["kwargs"], job["queue"]) for job in shown] == [
        ("mail", [1, {"a": 2}], {}, "default"),
        ("q", [], {"n": 1}, "q"),
        ("news/weekly", ["text"], {}, "default"),
    ]
    why = [job["exc_info"] for job in shown]
    assert why == ["no such thing", "lease timed out after 1 attempt", "no such thing"]
    assert [(job["result"], job["fail_count"]) for job in shown] == [(None, 1)] * 3
    assert (shown[0]["url"], shown[0]["priority"], shown[1]["key"]) == (f"{WORKER}fail", 7, "my-1")


async def test_a_failed_job_is_dated_as_the_failure_log_has_it(managed: Managed) -> None:
    """In UTC, without its zone."""
    await managed.fail("mail")
    [failed] = await managed.face.store.failed_jobs(EVERY_FAILURE, 0, 9)
    [shown] = await managed.ask("GET", "/failed")
    assert shown["created_at"] == show_time(failed.created_at_ms)
    assert shown["ended_at"] == show_time(failed.failed_at_ms)
    assert failed.failed_at_ms >= failed.created_at_ms


async def test_a_list_is_read_in_parts(managed: Managed) -> None:
    """`limit` says how many, and `offset` how many before them are left out."""
    ids = await managed.fail("a", "b", "c", "d")
    assert await managed.failed("?limit=3") == ids[:3]
    assert await managed.failed("?limit=3&offset=3") == ids[3:]
    assert await managed.failed("?offset=1&limit=2") == ids[1:3]
    assert await managed.failed("?offset=4") == []
    assert await managed.failed(f"?offset={'9' * 40}") == []
    assert await managed.failed("?limit=x") == ids


async def test_a_large_list_is_whole_and_valid(managed: Managed) -> None:
    """It is written in several parts."""
    managed.workers.calls.clear()
    await managed.face.put_queue("default", max_workers=50)
    batch = [{"category": f"c{n}", "url": f"{WORKER}fail", "payload": n} for n in range(601)]
    answer = await managed.face.client.post("/jobs", content=orjson.dumps(batch))
    ids = [str(job["id"]) for job in answer.json()]
    with trio.fail_after(30):
        while len(shown := await managed.ask("GET", "/failed")) < len(ids):
            await trio.sleep(0.05)
    assert sorted(job["job_id"] for job in shown) == sorted(ids)
    assert {job["func_name"]: job["args"] for job in shown} == {f"c{n}": [n] for n in range(601)}
    swept = await managed.ask("DELETE", "/failed/clear")
    assert (swept["deleted_count"], sorted(swept["deleted_jobs"])) == (601, sorted(ids))


async def test_lists_are_filtered(managed: Managed) -> None:
    """By the name of a queue of either kind, a category, and when a job failed."""
    await managed.face.put_queue("mail")
    await managed.face.client.put("/routing/letter", content=b'{"queue_name": "mail"}')
    letter, other = await managed.fail("letter", "other")
    [pulled] = await managed.fail_pull("1", queue="mail")
    assert await managed.failed("?queue=mail") == [letter, pulled]
    assert await managed.failed("?queue=default") == [other]
    assert await managed.failed("?queue=none") == []
    assert await managed.failed("?category=letter") == [letter]
    assert await managed.failed("?category=mail") == []
    failed_at_ms = [each.failed_at_ms for each in await managed.face.store.failed_jobs(EVERY_FAILURE, 0, 9)]
    middle = f"{failed_at_ms[1]:013}"
    expected = [job_id for job_id, at_ms in zip([letter, other, pulled], failed_at_ms, strict=True)
                if at_ms >= failed_at_ms[1]]  # fmt: skip
    assert await managed.failed(f"?failed_after={middle}") == expected
    assert await managed.failed(f"?failed_before={middle}") == [
        job_id for job_id in (letter, other, pulled) if job_id not in expected
    ]
    assert await managed.failed(f"?failed_after={middle}&queue=mail") == [
        job_id for job_id in expected if job_id != other
    ]


async def test_a_failed_job_is_run_again(managed: Managed) -> None:
    """It keeps its id, is no longer among the failures of any API, and has all its retries."""
    job_id = await managed.push(payload=[1], max_retries=2)
    await managed.reach(job_id, "failed")
    assert await managed.ask("POST", f"/failed/{job_id}/retry") == {
        "success": True,
        "job_id": job_id,
        "message": f"Job {job_id} has been requeued successfully",
    }
    failed_again = await managed.reach(job_id, "failed")
    assert (failed_again["args"], failed_again["fail_count"]) == ([1], 1)
    assert await managed.failed() == [job_id]
    assert len(managed.workers.calls) == 2


async def test_only_what_failed_is_run_again(managed: Managed) -> None:
    """A second time is one too many, and a job that waits or has finished has not failed."""
    [pulled] = await managed.fail_pull("1")
    await managed.ask("POST", f"/failed/{pulled}/retry")
    waiting, done = await managed.push(run_after=99), await managed.push(does="succeed")
    await managed.reach(done, "finished")
    for job_id in (pulled, waiting, done):
        assert await managed.refusal("POST", f"/failed/{job_id}/retry") == not_failed(job_id)
        assert await managed.refusal("DELETE", f"/failed/{job_id}") == not_failed(job_id)
        assert (await managed.status(job_id))["status"] != "failed"


async def test_a_pull_job_that_is_run_again_is_handed_out_again(managed: Managed) -> None:
    """With its key, its payload and its retries; Fireworq's lists never show it."""
    [job_id] = await managed.fail_pull("my-1", payload={"n": 1}, max_retries=0)
    await managed.ask("POST", f"/failed/{job_id}/retry")
    job = await managed.face.pull_side.fetch_one()
    assert (job.key, job.payload, str(job.id), job.fail_count) == ("my-1", b'{"n":1}', job_id, 0)
    assert await managed.ask("GET", "/failed") == []


async def test_all_failed_jobs_are_run_again(managed: Managed) -> None:
    """The answer says which, oldest first."""
    ids = [*await managed.fail("a", "b"), *await managed.fail_pull("1")]
    assert await managed.ask("POST", "/failed/retry-all") == {
        "success": True,
        "total_failed": 3,
        "requeued_count": 3,
        "error_count": 0,
        "requeued_jobs": ids,
        "errors": [],
    }
    assert await managed.face.pull_side.fetch() == ["1"]
    for job_id in ids[:2]:
        await managed.reach(job_id, "failed")
    assert len(managed.workers.calls) == 4


async def test_a_failed_job_is_deleted(managed: Managed) -> None:
    """It is nowhere any more, and a second time it is not there."""
    kept, job_id = [*await managed.fail("a"), *await managed.fail_pull("1")]
    assert await managed.ask("DELETE", f"/failed/{job_id}") == {
        "success": True,
        "job_id": job_id,
        "message": f"Job {job_id} has been deleted successfully",
    }
    assert await managed.refusal("DELETE", f"/failed/{job_id}") == not_failed(job_id)
    assert (await managed.refusal("GET", f"/status/{job_id}"))[0] == 404
    assert await managed.failed() == [kept]


async def test_all_failed_jobs_are_deleted(managed: Managed) -> None:
    """The answer says which; nothing else is touched."""
    waiting = await managed.push(run_after=99)
    ids = [*await managed.fail("a"), *await managed.fail_pull("1")]
    assert await managed.ask("DELETE", "/failed/clear") == {
        "success": True,
        "total_failed": 2,
        "deleted_count": 2,
        "error_count": 0,
        "deleted_jobs": ids,
        "errors": [],
    }
    assert await managed.failed() == []
    assert (await managed.status(waiting))["status"] == "scheduled"


@pytest.mark.parametrize(("method", "path"), [("POST", "/failed/retry-all"), ("DELETE", "/failed/clear")])
async def test_only_what_a_filter_names_is_touched(managed: Managed, method: str, path: str) -> None:
    """And a dry run touches nothing, but tells how many there are."""
    mail, news, again = await managed.fail("mail", "news", "mail")
    [pulled] = await managed.fail_pull("1", queue="mail")
    what = "requeued" if method == "POST" else "deleted"
    for query, count in (("category=mail", 2), ("queue=mail", 1), ("queue=default", 3), ("x=1", 4)):
        for dry in ("true", "1", "True"):
            assert await managed.ask(method, f"{path}?{query}&dry_run={dry}") == {
                **NOTHING,
                "total_failed": count,
                f"{what}_count": 0,
                f"{what}_jobs": [],
            }
    assert await managed.failed() == [mail, news, again, pulled]
    swept = await managed.ask(method, f"{path}?category=mail&queue=default&dry_run=false")
    assert (swept["total_failed"], swept[f"{what}_jobs"]) == (2, [mail, again])
    assert {news, pulled} <= set(await managed.failed())


@pytest.mark.parametrize(("method", "path"), [("POST", "/failed/retry-all"), ("DELETE", "/failed/clear")])
async def test_a_query_that_cannot_be_understood_touches_nothing(
    in_memory: Managed, method: str, path: str
) -> None:
    """It is a 400 that says what it should be."""
    ids = await in_memory.fail("a")
    for query in (
        "queue=",
        "queue=%FF",
        "category=",
        "failed_before=x",
        "failed_after=",
        "dry_run=yes",
        "dry_run=",
    ):
        status, detail = await in_memory.refusal(method, f"{path}?{query}")
        assert status == 400
        assert query.partition("=")[0] in detail
    assert await in_memory.failed() == ids


async def test_a_bad_page_is_a_400(in_memory: Managed) -> None:
    """As are bad filters of a list."""
    for query in ("limit=0", "limit=-1", "offset=-1", "offset=x", "queue=", "category=", "failed_after=x"):
        assert (await in_memory.refusal("GET", f"/failed?{query}"))[0] == 400


async def test_a_job_whose_queue_is_gone_stays_failed(managed: Managed) -> None:
    """One alone is a 409, one of many an error among the others; both say what is in the way."""
    await managed.face.put_queue("mail")
    await managed.face.client.put("/routing/letter", content=b'{"queue_name": "mail"}')
    lost, other = await managed.fail("letter", "other")
    await managed.face.client.delete("/queue/mail")
    why = f"Job {lost} cannot be requeued: its queue mail is not defined any more"
    assert await managed.refusal("POST", f"/failed/{lost}/retry") == (409, why)
    assert await managed.ask("POST", "/failed/retry-all") == {
        "success": False,
        "total_failed": 2,
        "requeued_count": 1,
        "error_count": 1,
        "requeued_jobs": [other],
        "errors": [{"job_id": lost, "error": why}],
    }
    assert lost in await managed.failed()


async def test_a_pull_job_whose_id_is_taken_stays_failed(managed: Managed) -> None:
    """Its client has enqueued another with the same id meanwhile."""
    [job_id] = await managed.fail_pull("my-1")
    other = await managed.enqueue("my-1")
    status, why = await managed.refusal("POST", f"/failed/{job_id}/retry")
    assert (status, why) == (
        409,
        f"Job {job_id} cannot be requeued: queue q has another job with the id my-1",
    )
    swept = await managed.ask("POST", "/failed/retry-all")
    assert (swept["success"], swept["errors"]) == (False, [{"job_id": job_id, "error": why}])
    assert (await managed.status(other))["status"] == "queued"
    assert await managed.ask("DELETE", f"/failed/{job_id}")


async def test_both_failure_logs_are_one(managed: Managed) -> None:
    """A push job that is deleted from one is gone from the other; pull jobs are in this one alone."""
    first, second = await managed.fail("a", "b")
    await managed.fail_pull("1", queue="default")
    log = (await managed.face.client.get("/queue/default/failed")).json()["failed_jobs"]
    assert [str(entry["job_id"]) for entry in log] == [second, first]
    await managed.face.client.delete(f"/queue/default/failed/{log[1]['id']}")
    assert first not in await managed.failed()
    assert await managed.refusal("POST", f"/failed/{first}/retry") == not_failed(first)
    await managed.ask("DELETE", f"/failed/{second}")
    left = (await managed.face.client.get("/queue/default/failed")).json()["failed_jobs"]
    assert left == []


async def test_a_store_out_of_reach_is_a_503() -> None:
    """On every route, in this API's shape and with a time to come back; nothing is logged as a fault."""
    async with open_memory_store() as real:
        tripping = TrippingStore(real)
        async with open_face(obedient(), store=tripping.store) as face:
            tripping.unplug(
                "failed_jobs", "failure_ids", "newest_failure_id", "count_failures", "find_job", "count_jobs",
                "count_ended",
            )  # fmt: skip
            for method, path in (
                ("GET", "/failed"),
                ("POST", "/failed/7/retry"),
                ("POST", "/failed/retry-all"),
                ("POST", "/failed/retry-all?dry_run=1"),
                ("DELETE", "/failed/7"),
                ("DELETE", "/failed/clear"),
                ("GET", "/status/7"),
                ("GET", "/stats"),
                ("GET", "/stats?queue=q"),
            ):
                answer = await face.client.request(method, JOBS + path)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert answer.json() == {"detail": "The store is out of reach for now; nothing was stored"}
            assert face.errors == []


async def test_a_large_answer_waits_for_room_like_any_other() -> None:
    """With none left it is a 503 (I13)."""
    async with open_face(obedient(), max_bodies_bytes=1) as face:
        managed = Managed(face, obedient())
        [job_id] = await managed.fail_pull("1", payload="x" * 50_000)
        assert await managed.failed() == [job_id]
        await managed.fail_pull("2", payload="x" * 50_000)
        answer = await face.client.get(f"{JOBS}/failed")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json() == {"detail": "Too many large bodies and answers are on their way"}
