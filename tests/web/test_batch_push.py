"""Pushing many jobs at once: `POST /jobs`."""

import re
from typing import Any

import orjson
import pytest

from tests.dispatch.push_side import hanging, open_memory_store, open_push_side
from tests.dispatch.tripping_store import TrippingStore
from tests.web.face import CONFIG, Face, open_face, open_served
from trioworq.web import fireworq

pytestmark = pytest.mark.usefixtures("lane")

ID = re.compile(rb'\{"id":([0-9]+),')
GOOD = b'{"category":"mail","url":"u"}'


async def push(face: Face, body: bytes) -> list[dict[str, Any]]:
    """Push a batch that is answered with 200 and return the answers."""
    answer = await face.client.post("/jobs", content=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    answers: list[dict[str, Any]] = answer.json()
    return answers


async def stored(face: Face, queue: str = "default") -> list[str]:
    """Return the URLs of what a queue has, in the order in which it was stored."""
    return [job.url for job in sorted(await face.jobs(queue), key=lambda job: job.id)]


async def test_each_job_is_answered_as_if_pushed_alone(face: Face) -> None:
    """The answers are those of single pushes to the byte, in the order of the jobs, but for the ids."""
    jobs = [
        b'{"category": "a/b", "url": "http://w/1", "payload": { "n" : 1.0 }, "run_after": 60, "timeout": 5}',
        b'{"url": "http://w/2", "payload": "\\u3042", "retry_delay": 7, "max_retries": 3, "category": "c"}',
        b'{"category": "\xe3\x81\x82 x", "url": "http://w/3"}',
        b'{"URL": "http://w/4", "Category": "c", "other": 1, "payload": ["\\ud800"], "timeout": null}',
        b'{"category": "c", "url": "http://w/5", "payload": ["\xff"]}',
    ]
    batch = await face.client.post("/jobs", content=b"[%s]" % b" , ".join(jobs))
    assert batch.status_code == 200
    ids = [int(match[1]) for match in ID.finditer(batch.content)]
    assert ids == sorted(set(ids))
    singles: list[bytes] = []
    for job_id, job, category in zip(ids, jobs, ["a/b", "c", "あ x", "c", "c"], strict=True):
        answer = await face.client.post(f"/job/{category}", content=job)
        singles.append(ID.sub(b'{"id":%d,' % job_id, answer.content))
    assert batch.content == b"[%s]" % b",".join(singles)


async def test_what_is_asked_for_is_stored(face: Face) -> None:
    """Every field of every job reaches the store."""
    await push(
        face,
        b'[{"category":"a","url":"u1","payload":[ 1 ],"timeout":5,"retry_delay":7,"max_retries":3},'
        b'{"category":"b","url":"u2","payload":"text","run_after":60}]',
    )
    first, second = sorted(await face.jobs(), key=lambda job: job.id)
    assert (first.category, first.url, first.payload.body) == ("a", "u1", b"[ 1 ]")
    assert (first.timeout_s, first.retry_delay_s, first.retries_left) == (5, 7, 3)
    assert (second.category, second.url, second.payload.body) == ("b", "u2", b"text")
    assert second.next_try_ms - second.created_at_ms == 60_000


@pytest.mark.parametrize(
    ("bad", "status", "error"),
    [
        (b"{}", 400, "Missing field: category"),
        (b'{"category":"c"}', 400, "Missing field: url"),
        (b'{"url":"u"}', 400, "Missing field: category"),
        (b'{"category":"","url":"u"}', 400, "Missing field: category"),
        (b'{"category":null,"url":"u"}', 400, "Missing field: category"),
        (b'{"category":5,"url":"u"}', 400, "category should be a string, not number 5"),
        (b'{"category":"a\\u0000b","url":"u"}', 400, "The category contains a NUL"),
        (b'{"category":"\\ud800","url":"u"}', 400, "The category is not valid UTF-8"),
        (b'{"category":"\xff","url":"u"}', 400, "The category is not valid UTF-8"),
        (b'{"category":"%s","url":"u"}' % (b"c" * 256), 400, "The category should have 1 to 255 bytes"),
        (b'{"category":"c","url":""}', 400, "Missing field: url"),
        (b'{"category":"c","url":["u"]}', 400, "url should be a string, not array"),
        (b'{"category":"c","url":"%s"}' % (b"u" * 65_536), 400, "url should have at most 65535 bytes"),
        (b'{"category":"c","url":"u","timeout":1.0}', 400, "timeout should be an unsigned integer"),
        (b'{"category":"c","url":"u","max_retries":4294967296}', 400, "max_retries should be at most"),
        (b'{"category":"c","url":"u","run_after":9223372036854775}', 400, "run_after is out of range"),
        (b'{"category":"gone","url":"u"}', 404, "No such queue: gone"),
        (b"null", 400, "Missing field: category"),
        (b"[]", 400, "a job should be a JSON object, not array"),
        (b'"x"', 400, "a job should be a JSON object, not string"),
        (b"5", 400, "a job should be a JSON object, not number"),
        (b"true", 400, "a job should be a JSON object, not bool"),
        (b"{%s}" % b",".join([b'"u":1'] * 1001), 400, "the object has more than 1000 members"),
    ],
    ids=lambda value: ascii(value[:40]) if isinstance(value, bytes) else None,
)  # fmt: skip
async def test_a_bad_job_is_refused_alone(face: Face, bad: bytes, status: int, error: str) -> None:
    """It is answered with its index, a single push's status and the reason; its neighbours are stored."""
    await face.put_queue("gone")
    await face.client.put("/routing/gone", content=b'{"queue_name": "gone"}')
    await face.client.delete("/queue/gone")
    before, refused, after = await push(face, b"[%s,%s,%s]" % (GOOD, bad, GOOD))
    assert list(refused) == ["index", "status", "error"]
    assert (refused["index"], refused["status"]) == (1, status)
    assert refused["error"].startswith(error)
    assert before["id"] < after["id"]
    assert len(await face.jobs()) == 2


async def test_jobs_go_where_their_categories_are_routed() -> None:
    """Each to its own queue; one whose category no queue takes is a 404 of its own."""
    async with open_face(default_queue="") as face:
        for name in ("fast", "slow"):
            await face.put_queue(name)
            await face.client.put(f"/routing/{name}/x", content=orjson.dumps({"queue_name": name}))
        categories = ["fast/x", "none", "slow/x", "fast/x"]
        jobs = [{"category": category, "url": f"u{n}"} for n, category in enumerate(categories)]
        answers = await push(face, orjson.dumps(jobs))
        assert [answer.get("queue_name") for answer in answers] == ["fast", None, "slow", "fast"]
        assert answers[1] == {
            "index": 1,
            "status": 404,
            "error": "No routing of job category 'none' exists",
        }
        assert (await stored(face, "fast"), await stored(face, "slow")) == (["u0", "u3"], ["u2"])


async def test_a_payload_over_the_cap_is_refused_alone() -> None:
    """A payload that grows over the cap by being decoded is a 413 of its own."""
    async with open_face(max_body_bytes=1000) as face:
        large = b'{"category":"c","url":"u","payload":"%s"}' % (b"\xff" * 500)
        stored_one, refused = await push(face, b"[%s,%s]" % (GOOD, large))
        assert refused == {"index": 1, "status": 413, "error": "A payload should have at most 1000 bytes"}
        assert [job.id for job in await face.jobs()] == [stored_one["id"]]


@pytest.mark.parametrize("body", [b"[]", b" [ ]\n", b"[] and more"])
async def test_a_batch_of_nothing_is_answered_with_nothing(face: Face, body: bytes) -> None:
    """An empty array is no mistake."""
    answer = await face.client.post("/jobs", content=body)
    assert (answer.status_code, answer.content) == (200, b"[]")
    assert await face.jobs() == []


async def test_what_follows_the_array_is_ignored(face: Face) -> None:
    """Only the first JSON value of a body is read, here as everywhere."""
    assert len(await push(face, b"[%s] [" % GOOD)) == 1


async def test_a_batch_in_which_no_job_is_good_is_answered_all_the_same(face: Face) -> None:
    """The status is that of the batch; each job has its own."""
    answers = await push(face, b"[5,{}]")
    assert [(answer["index"], answer["status"]) for answer in answers] == [(0, 400), (1, 400)]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "EOF"),
        (b"[%s" % GOOD, "unexpected EOF"),
        (b"[%s,]" % GOOD, "invalid JSON"),
        (b"[%s %s]" % (GOOD, GOOD), "invalid JSON: expected ',' or ']' after an item"),
        (b'[%s,{"category":"c","url":"u","payload":[1,]}]' % GOOD, "invalid JSON"),
        (b'[%s,{"category":"c","url":"a\nb"}]' % GOOD, "invalid JSON"),
        (b"[%s,NaN]" % GOOD, "NaN"),
        (b"[%s," % GOOD + b"[" * 100_000, "nested too deeply"),
        (GOOD, "the body should be a JSON array, not object"),
        (b"null", "the body should be a JSON array, not null"),
        (b"\xef\xbb\xbf[]", "invalid JSON"),
    ],
)
async def test_a_body_that_is_no_array_is_refused_whole(face: Face, body: bytes, detail: str) -> None:
    """Broken JSON anywhere is a 400 for all of it, and nothing is stored."""
    answer = await face.client.post("/jobs", content=body)
    assert answer.status_code == 400
    assert answer.text.startswith("400 Bad Request\n\n")
    assert detail in answer.text
    assert await face.jobs() == []


async def test_a_batch_has_so_many_jobs_and_no_more() -> None:
    """One too many is a 413 for all of them, bad ones count too, and nothing is stored."""
    async with open_face(max_batch_jobs=3) as face:
        for items in ([GOOD] * 4, [b"5"] * 4, [GOOD, b'{"\\ud800":1}', GOOD, GOOD, b"broken"]):
            answer = await face.client.post("/jobs", content=b"[%s]" % b",".join(items))
            assert answer.status_code == 413
            assert answer.text == "413 Request Entity Too Large\n\nA batch should have at most 3 jobs\n"
        assert await face.jobs() == []
        assert len(await push(face, b"[%s]" % b",".join([GOOD] * 3))) == 3


async def test_a_thousand_jobs_are_one_batch_unless_configured_otherwise(face: Face) -> None:
    """The thousandth is taken and one more is refused."""
    jobs = [b'{"category":"c","url":"u%d"}' % number for number in range(1001)]
    refused = await face.client.post("/jobs", content=b"[%s]" % b",".join(jobs))
    assert refused.status_code == 413
    answers = await push(face, b"[%s]" % b",".join(jobs[:1000]))
    assert [answer["url"] for answer in answers] == [f"u{number}" for number in range(1000)]
    assert [answer["id"] for answer in answers] == sorted({answer["id"] for answer in answers})
    stats = (await face.client.get("/queue/default/stats")).json()
    assert stats["total_pushes"] == 1000


async def test_a_batch_is_stored_whole_or_not_at_all() -> None:
    """It is handed to the store once; while the store is away it is a 503 and nothing is stored."""
    async with open_memory_store() as real:
        tripping = TrippingStore(real)
        async with (
            open_push_side(hanging(), store=tripping.store) as side,
            open_served(fireworq.routes(side.queues, side.pauses, CONFIG)) as served,
        ):
            tripping.unplug("push")
            answer = await served.client.post("/jobs", content=b"[%s,5,%s]" % (GOOD, GOOD))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.text.startswith("503 Service Unavailable\n\n")
            tripping.plug_in()
            tripping.counts.clear()
            answer = await served.client.post("/jobs", content=b"[%s]" % b",".join([GOOD] * 100))
            assert answer.status_code == 200
            assert tripping.counts["push"] == 1
            assert side.queues.all_stats()["default"].total_pushes == 100


async def test_only_post_pushes_batches(face: Face) -> None:
    """Every other method is a 405 that names POST."""
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await face.client.request(method, "/jobs", content=b"[%s]" % GOOD)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert await face.jobs() == []
