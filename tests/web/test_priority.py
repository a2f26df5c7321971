"""Priorities of push jobs and their queues over HTTP (README 9)."""

from typing import Any

import orjson
import pytest

from tests.dispatch.push_side import PERMANENT, answering
from tests.web.face import Face, open_face, until

pytestmark = pytest.mark.usefixtures("lane")

BAD = [
    (b"1000001", "priority should be between -1000000 and 1000000"),
    (b"-1000001", "priority should be between -1000000 and 1000000"),
    (b"99999999999999999999", "priority should be between -1000000 and 1000000"),
    (b"1" * 400, "priority should be an integer, not number 1"),
    (b"1.0", "priority should be an integer, not number 1.0"),
    (b"1e2", "priority should be an integer, not number 1e2"),
    (b'"5"', "priority should be an integer, not string"),
    (b"true", "priority should be an integer, not bool"),
    (b"[5]", "priority should be an integer, not array"),
]


async def shown(face: Face, path: str) -> dict[str, Any]:
    """Return what a path shows."""
    answer = await face.client.get(path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("priority", [-1_000_000, -1, 0, 7, 99, 101, 1_000_000])
async def test_a_priority_that_was_given_is_stored_and_shown_last(face: Face, priority: int) -> None:
    """In the answer to the push, in lists and alone."""
    answer = await face.client.post("/job/c", content=b'{"url":"u","priority":%d}' % priority)
    assert answer.content.endswith(b',"max_retries":0,"priority":%d}' % priority)
    [job] = await face.jobs()
    assert job.priority == priority
    alone = await shown(face, f"/queue/default/job/{job.id}")
    assert (list(alone)[-1], alone["priority"]) == ("priority", priority)
    listed = [
        job
        for kind in ("grabbed", "waiting")
        for job in (await shown(face, f"/queue/default/{kind}"))["jobs"]
    ]
    assert listed == [alone]


@pytest.mark.parametrize("given", [b"", b',"priority":null', b',"priority":100', b',"Priority":100'])
async def test_the_usual_priority_is_not_shown(face: Face, given: bytes) -> None:
    """So strict clients see nothing that they do not know."""
    answer = await face.client.post("/job/c", content=b'{"url":"u"%s}' % given)
    assert answer.status_code == 200
    [job] = await face.jobs()
    assert job.priority == 100
    assert b"priority" not in answer.content
    assert "priority" not in await shown(face, f"/queue/default/job/{job.id}")


@pytest.mark.parametrize(("source", "detail"), BAD)
async def test_a_bad_priority_of_a_push_is_refused(face: Face, source: bytes, detail: str) -> None:
    """With the reason, alone and in a batch, whose other jobs are stored; alone nothing is."""
    answer = await face.client.post("/job/c", content=b'{"url":"u","priority":%s}' % source)
    assert answer.status_code == 400
    assert answer.text.startswith(f"400 Bad Request\n\n{detail}")
    assert await face.jobs() == []
    batch = await face.client.post(
        "/jobs", content=b'[{"category":"c","url":"u","priority":%s},{"category":"c","url":"v"}]' % source
    )
    refused, stored = batch.json()
    assert (refused["index"], refused["status"]) == (0, 400)
    assert refused["error"].startswith(detail)
    assert [job.id for job in await face.jobs()] == [stored["id"]]


async def test_each_job_of_a_batch_has_its_own_priority(face: Face) -> None:
    """Given or its queue's."""
    await face.put_queue("default", priority=5)
    jobs = [{"category": "c", "url": "u", **given} for given in ({"priority": 1}, {}, {"priority": 100})]
    answers = (await face.client.post("/jobs", content=orjson.dumps(jobs))).json()
    assert [each.get("priority") for each in answers] == [1, 5, None]
    stored = sorted(await face.jobs(), key=lambda job: job.id)
    assert [job.priority for job in stored] == [1, 5, 100]


async def test_a_queue_gives_its_priority_to_jobs_that_have_none(face: Face) -> None:
    """From its definition on; those that wait keep what they had, and a job's own goes first."""
    before = await face.push(run_after=60)
    await face.put_queue("default", priority=-3)
    after = await face.push(run_after=60)
    own = await face.push(run_after=60, priority=100)
    await face.put_queue("default", priority=8)
    assert {job.id: job.priority for job in await face.jobs()} == {before: 100, after: -3, own: 100}
    assert (await shown(face, f"/queue/default/job/{after}"))["priority"] == -3


async def test_a_queues_priority_is_shown_where_it_is_not_the_usual(face: Face) -> None:
    """After the rest of its definition; a definition without it, or with null, goes back to the usual."""
    answer = await face.client.put("/queue/q", content=b'{"PRIORITY": -5}')
    assert answer.content == b'{"name":"q","polling_interval":200,"max_workers":20,"priority":-5}'
    assert (await shown(face, "/queue/q"))["priority"] == -5
    listed = (await face.client.get("/queues")).json()
    assert [(queue["name"], queue.get("priority")) for queue in listed] == [("default", None), ("q", -5)]
    for body in (b'{"priority": 100}', b"{}", b'{"priority": null}'):
        await face.put_queue("q", priority=-5)
        answer = await face.client.put("/queue/q", content=body)
        assert answer.content == b'{"name":"q","polling_interval":200,"max_workers":20}'


@pytest.mark.parametrize(("source", "detail"), BAD)
async def test_a_bad_priority_of_a_queue_is_refused(face: Face, source: bytes, detail: str) -> None:
    """Nothing is defined."""
    answer = await face.client.put("/queue/q", content=b'{"priority":%s}' % source)
    assert answer.status_code == 400
    assert answer.text.startswith(f"400 Bad Request\n\n{detail}")
    assert [queue.name for queue in await face.store.queues()] == ["default"]


async def test_a_failure_shows_the_priority_of_its_job() -> None:
    """Where it is not the usual."""
    async with open_face(answering(PERMANENT)) as face:
        await face.push(priority=7)
        await face.push()
        stats = face.queues.summary
        await until(lambda: stats().failed == 2)
        failed = (await shown(face, "/queue/default/failed"))["failed_jobs"]
        assert sorted(entry.get("priority", 100) for entry in failed) == [7, 100]
        (entry,) = [entry for entry in failed if "priority" in entry]
        assert await shown(face, f"/queue/default/failed/{entry['id']}") == entry
