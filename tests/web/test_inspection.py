"""Lists of jobs, single jobs and the failure log over HTTP (contract §1.10, §1.11)."""

import base64
from datetime import datetime
from typing import Any

import orjson
import pytest

from tests.dispatch.push_side import FAILURE, PERMANENT, ScriptedWorkers, answering, hanging
from tests.web.face import Face, open_face, until

pytestmark = pytest.mark.usefixtures("lane")

JOB_KEYS = [
    "id", "category", "url", "payload", "status", "created_at", "next_try", "timeout", "fail_count",
    "max_retries", "retry_delay",
]  # fmt: skip
FAILURE_KEYS = [
    "id", "job_id", "category", "url", "payload", "result", "fail_count", "failed_at", "created_at",
]  # fmt: skip
PLAIN_404 = "404 Not Found\n"


async def listed(face: Face, target: str) -> dict[str, Any]:
    """Return a list."""
    answer = await face.client.get(f"/queue/default/{target}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_jobs_are_listed_by_what_they_do() -> None:
    """A running, a waiting and a deferred job each appear in one list only."""
    workers = hanging()
    async with open_face(workers) as face:
        await face.put_queue("default", max_workers=1)
        running = await face.push(payload=[1])
        await workers.wait_for_calls(1)
        waiting = await face.push(payload="text", max_retries=3, retry_delay=9, timeout=8)
        deferred = await face.push(run_after=1000)
        shown = {each: (await listed(face, each))["jobs"] for each in ("grabbed", "waiting", "deferred")}
        assert {each: [job["id"] for job in jobs] for each, jobs in shown.items()} == {
            "grabbed": [running], "waiting": [waiting], "deferred": [deferred],
        }  # fmt: skip
        assert [jobs[0]["status"] for jobs in shown.values()] == ["grabbed", "claimed", "claimed"]
        [job] = shown["waiting"]
        assert list(job) == JOB_KEYS
        assert (job["payload"], job["max_retries"], job["retry_delay"], job["timeout"]) == ("text", 3, 9, 8)
        assert job["fail_count"] == 0


async def test_an_empty_list_has_a_cursor_all_the_same(face: Face) -> None:
    """Neither key is ever missing or null."""
    for kind in ("grabbed", "waiting", "deferred"):
        assert (await face.client.get(f"/queue/default/{kind}")).content == b'{"jobs":[],"next_cursor":""}'
    failed = await face.client.get("/queue/default/failed")
    assert failed.content == b'{"failed_jobs":[],"next_cursor":""}'


@pytest.mark.parametrize(
    "payload", [b'"123"', b'"null"', b'"{\\"a\\": 1}"', b'""', b"123", b"1.0", b'{"a":[1e5]}', b"false"]
)
async def test_a_payload_is_given_back_as_it_came(face: Face, payload: bytes) -> None:
    """A string stays a string and a number keeps its digits (README 6)."""
    await face.client.post("/job/c", content=b'{"url":"u","run_after":99,"payload":%s}' % payload)
    answer = await face.client.get("/queue/default/deferred")
    assert b'"url":"u","payload":%s,"status"' % payload in answer.content


@pytest.mark.parametrize(
    "body", [b'{"url":"u","run_after":99}', b'{"url":"u","run_after":99,"payload":null}']
)
async def test_an_absent_payload_is_left_out(face: Face, body: bytes) -> None:
    """There is no key where no payload was given (contract §1.24)."""
    await face.client.post("/job/c", content=body)
    [job] = (await listed(face, "deferred"))["jobs"]
    assert "payload" not in job


async def test_times_are_rfc_3339(face: Face) -> None:
    """Times carry a zone and up to three digits of the second's fraction."""
    job_id = await face.push(run_after=60)
    shown = (await face.client.get(f"/queue/default/job/{job_id}")).json()
    [job] = await face.jobs()
    for key, stored_ms in (("created_at", job.created_at_ms), ("next_try", job.next_try_ms)):
        assert round(datetime.fromisoformat(shown[key]).timestamp() * 1000) == stored_ms


@pytest.mark.parametrize("order", ["asc", "desc", "", "ASC", "other"])
async def test_paging_shows_each_job_once(face: Face, order: str) -> None:
    """Pages follow (next_try, id), newest first unless `asc` is asked for, and skip nothing (README 5)."""
    delays = [300, 100, 200, 100, 300, 100]
    for delay in delays:
        await face.push(run_after=delay)
    expected = sorted((job.next_try_ms, job.id) for job in await face.jobs())
    if order != "asc":
        expected.reverse()
    seen: list[int] = []
    cursor = ""
    while True:
        page = await listed(face, f"deferred?limit=2&order={order}&cursor={cursor}")
        seen += [job["id"] for job in page["jobs"]]
        if not (cursor := page["next_cursor"]):
            break
        next_try, job_id = base64.b64decode(cursor).split(b",")
        assert (int(next_try), int(job_id)) == expected[len(seen)]
    assert seen == [job_id for _, job_id in expected]


@pytest.mark.parametrize("cursor", ["garbage", "%20", "MTIz", "LTEsLTE%3D", "=", "%FF"])
async def test_a_cursor_that_cannot_be_read_is_the_first_page(face: Face, cursor: str) -> None:
    """Bad base64 and bad shapes count as none."""
    job_id = await face.push(run_after=60)
    answer = await face.ask("GET", f"/queue/default/deferred?cursor={cursor}")
    assert [job["id"] for job in orjson.loads(answer.body)["jobs"]] == [job_id]


@pytest.mark.parametrize("kind", ["deferred", "failed"])
async def test_a_limit_below_one_is_refused(face: Face, kind: str) -> None:
    """0 and negative limits are a 400 with the reason (README 5)."""
    for limit in ("0", "-1", "-2", "-999999999999"):
        answer = await face.client.get(f"/queue/default/{kind}?limit={limit}")
        assert (answer.status_code, answer.text) == (400, "400 Bad Request\n\nlimit should be at least 1\n")


async def test_a_limit_that_is_no_number_is_a_hundred(face: Face) -> None:
    """Garbage and nothing count as 100; the first of equal parameters counts."""
    for _ in range(101):
        await face.push(run_after=60)
    for query in (
        "",
        "?limit=",
        "?limit=abc",
        "?limit=1.5",
        "?limit=%2B",
        "?limit=1e3",
        "?limit=" + "9" * 40,
    ):
        page = await listed(face, f"deferred{query}")
        assert len(page["jobs"]) == 100
        assert page["next_cursor"]
    assert len((await listed(face, "deferred?limit=%2B7&limit=9"))["jobs"]) == 7


async def test_a_limit_has_a_ceiling(face: Face) -> None:
    """More than a thousand counts as a thousand, however much more."""
    for number in range(1001):
        await face.side.push(category=str(number), run_after_s=60)
    page = await listed(face, "deferred?limit=1000000000000")
    assert len(page["jobs"]) == 1000
    assert page["next_cursor"]


@pytest.mark.parametrize("kind", ["deferred", "failed"])
async def test_a_page_of_large_payloads_ends_early(kind: str) -> None:
    """A page holds at most 16 MiB of payloads, or one item, and its cursor leads on to the rest (I13)."""
    workers = answering(PERMANENT)
    async with open_face(workers) as face:
        sizes = [7_000_000, 7_000_000, 7_000_000, 16_777_000, 10]
        delay = 60 if kind == "deferred" else 0
        for number, size in enumerate(sizes):
            await face.push(run_after=delay, payload=f"{number}" + "x" * size)
            if kind == "failed":
                await workers.wait_for_calls(number + 1)
                await face.side.wait_until_empty()
        pages: list[str] = []
        cursor = ""
        while not pages or cursor:
            page = await listed(face, f"{kind}?limit=1000&cursor={cursor}")
            pages.append("".join(item["payload"][0] for item in page["jobs" if delay else "failed_jobs"]))
            cursor = page["next_cursor"]
        assert pages == ["43", "21", "0"]


@pytest.mark.parametrize("path", ["grabbed", "waiting", "deferred", "failed", "job/1", "failed/1"])
async def test_an_undefined_queue_has_no_lists(face: Face, path: str) -> None:
    """The 404 has no detail."""
    answer = await face.client.get(f"/queue/none/{path}")
    assert (answer.status_code, answer.text) == (404, PLAIN_404)


@pytest.mark.parametrize("kind", ["job", "failed"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_bad_id_is_refused_before_the_queue_is_looked_at(face: Face, kind: str, method: str) -> None:
    """Text, and what 64 bits do not hold, is a plain 400, even for a queue that does not exist."""
    for bad in (
        "x",
        "1.0",
        "1e3",
        "9223372036854775808",
        "-9223372036854775809",
        "%20" + "1",
        "1_0",
        "٣",
        "+",
    ):
        answer = await face.client.request(method, f"/queue/none/{kind}/{bad}")
        assert (answer.status_code, answer.text) == (400, "400 Bad Request\n")


@pytest.mark.parametrize("kind", ["job", "failed"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_id_of_nothing_is_a_404(face: Face, kind: str, method: str) -> None:
    """Any 64-bit number is an id; where there is nothing of that id, the 404 is plain."""
    for number in ("0", "-1", "+2", "02", "9223372036854775807", "-9223372036854775808"):
        answer = await face.client.request(method, f"/queue/default/{kind}/{number}")
        assert (answer.status_code, answer.text) == (404, PLAIN_404)


async def test_a_job_is_shown_and_deleted(face: Face) -> None:
    """Delete answers the job as it was; after that it is gone."""
    job_id = await face.push(run_after=60)
    shown = await face.client.get(f"/queue/default/job/0{job_id}")
    assert (await face.client.delete(f"/queue/default/job/{job_id}")).content == shown.content
    assert (await face.client.get(f"/queue/default/job/{job_id}")).status_code == 404
    assert await face.jobs() == []


async def test_deleting_a_running_job_cancels_its_call() -> None:
    """The worker is hung up on, and no failure is logged (README 8)."""
    workers = hanging()
    async with open_face(workers) as face:
        job_id = await face.push()
        await workers.wait_for_calls(1)
        answer = await face.client.delete(f"/queue/default/job/{job_id}")
        assert answer.json()["status"] == "grabbed"
        await until(lambda: workers.in_flight == 0)
        assert (await listed(face, "failed"))["failed_jobs"] == []


async def fail_jobs(face: Face, workers: ScriptedWorkers, count: int) -> list[int]:
    """Push jobs that fail for good and return their ids."""
    ids = [await face.push(payload={"n": number}) for number in range(count)]
    await workers.wait_for_calls(count)
    await face.side.wait_until_empty()
    return ids


async def test_a_permanent_failure_is_logged_with_its_result() -> None:
    """An entry has all keys in order; it counts the attempts, the last included."""
    workers = answering(FAILURE)
    async with open_face(workers) as face:
        job_id = await face.push(payload="p", max_retries=2)
        await workers.wait_for_calls(3)
        await face.side.wait_until_empty()
        [entry] = (await listed(face, "failed"))["failed_jobs"]
        assert list(entry) == FAILURE_KEYS
        assert list(entry["result"]) == ["status", "code", "message"]
        assert entry["result"] == {"status": "failure", "code": 200, "message": "not today"}
        assert (entry["job_id"], entry["payload"], entry["fail_count"]) == (job_id, "p", 3)
        one = await face.client.get(f"/queue/default/failed/{entry['id']}")
        assert one.json() == entry
        assert (await face.client.delete(f"/queue/default/failed/{entry['id']}")).json() == entry
        assert (await face.client.delete(f"/queue/default/failed/{entry['id']}")).status_code == 404


@pytest.mark.parametrize("order", ["", "?order=failed", "?order=created"])
async def test_failures_are_paged_newest_first(order: str) -> None:
    """Each entry is shown once, by failure id or by the job's age; the cursor holds both."""
    workers = answering(PERMANENT)
    async with open_face(workers) as face:
        ids = await fail_jobs(face, workers, 5)
        entries = (await listed(face, f"failed{order}"))["failed_jobs"]
        assert sorted(entry["job_id"] for entry in entries) == ids
        if order == "?order=created":
            assert [entry["job_id"] for entry in entries] == ids[::-1]
        else:
            numbers = [entry["id"] for entry in entries]
            assert numbers == sorted(numbers, reverse=True)
        paged: list[dict[str, Any]] = []
        cursor = ""
        while len(paged) < 5:
            page = await listed(face, f"failed{order or '?'}&limit=2&cursor={cursor}")
            paged += page["failed_jobs"]
            cursor = page["next_cursor"]
        assert paged == entries
        assert cursor == ""
