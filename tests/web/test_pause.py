"""Pausing and resuming queues of both kinds over HTTP (README 19)."""

import pytest
import trio

from tests.dispatch.push_side import SUCCESS, answering, hanging, open_memory_store, open_push_side
from tests.dispatch.tripping_store import TrippingStore
from tests.pull.pull_side import open_pull_side
from tests.web.face import CONFIG, Face, open_face, open_served, routes_of, until

pytestmark = pytest.mark.usefixtures("lane")

JOB = {"id": "1", "queue": "q", "timeout": 30}
PUSH = "/queue/default"
PULL = "/v1/queues/q"


async def change(face: Face, path: str) -> bytes:
    """Pause or resume a queue, and return the answer."""
    answer = await face.client.post(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.content


async def next_status(face: Face, wait: int = 0) -> int:
    """Ask for a job of q; return the status of the answer."""
    return int((await face.client.get(f"/next?queue=q&wait={wait}")).status_code)


@pytest.mark.parametrize(("queue", "name"), [(PUSH, b"default"), (PULL, b"q")])
async def test_the_answer_says_which_queue_is_paused(face: Face, queue: str, name: bytes) -> None:
    """Repeating it is fine; a body has no say."""
    for _ in range(2):
        assert await change(face, f"{queue}/pause") == b'{"name":"%s","paused":true}' % name
    for _ in range(2):
        assert await change(face, f"{queue}/resume") == b'{"name":"%s","paused":false}' % name
    assert (await face.client.post(f"{queue}/pause", content=b"{")).status_code == 200


async def test_an_undefined_push_queue_is_a_404() -> None:
    """The detail names it; a name that no queue can have is none."""
    async with open_face() as face:
        for name, shown in (("none", "none"), ("n" * 300, "n" * 300), ("%E3%81%82", "あ")):
            for verb in ("pause", "resume"):
                answer = await face.ask("POST", f"/queue/{name}/{verb}")
                assert answer.status == 404
                assert answer.body.decode() == f"404 Not Found\n\nNo such queue: {shown}\n"
        assert (await face.ask("POST", "/queue/a%00b/pause")).status == 404
        assert await face.store.paused_queues() == frozenset()


@pytest.mark.parametrize("name", ["n" * 256, "a%00b", "%FF"])
async def test_a_name_that_no_pull_queue_can_have_is_a_400(face: Face, name: str) -> None:
    """In one line, as everywhere on that side."""
    for verb in ("pause", "resume"):
        answer = await face.ask("POST", f"/v1/queues/{name}/{verb}")
        assert answer.status == 400
        assert b"\n" not in answer.body
    assert await face.store.paused_queues() == frozenset()


@pytest.mark.parametrize("path", [f"{PUSH}/pause", f"{PUSH}/resume", f"{PULL}/pause", f"{PULL}/resume"])
async def test_it_takes_a_post(face: Face, path: str) -> None:
    """Nothing else: looking at a queue must not pause it."""
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        answer = await face.client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


async def test_a_paused_queue_says_so(face: Face) -> None:
    """In its definition, in its counters and in both lists, as the last field; others, and later, do not."""
    await face.put_queue("other")
    plain = (await face.client.get(PUSH)).content
    await change(face, f"{PUSH}/pause")
    assert (await face.client.get(PUSH)).content == plain[:-1] + b',"is_paused":true}'
    for path in ("/queues", "/queues/stats"):
        answer = (await face.client.get(path)).json()
        queues = answer if path == "/queues/stats" else {each["name"]: each for each in answer}
        assert queues["default"]["is_paused"] is True
        assert "is_paused" not in queues["other"]
    assert list((await face.client.get(f"{PUSH}/stats")).json())[-1] == "is_paused"
    assert (await face.client.put(PUSH, content=b"{}")).json()["is_paused"] is True
    await change(face, f"{PUSH}/resume")
    for path in (PUSH, "/queues", "/queues/stats", f"{PUSH}/stats"):
        assert b"is_paused" not in (await face.client.get(path)).content


async def test_a_deleted_queue_is_shown_as_it_was_and_paused_no_more(face: Face) -> None:
    """One that is made under its name is not paused."""
    await face.put_queue("q")
    await change(face, "/queue/q/pause")
    assert (await face.client.delete("/queue/q")).json()["is_paused"] is True
    assert "is_paused" not in (await face.client.put("/queue/q", content=b"{}")).json()


async def test_pushes_to_a_paused_queue_are_answered_as_ever() -> None:
    """Their jobs wait, and run when it is resumed."""
    workers = answering(SUCCESS)
    async with open_face(workers) as face:
        await change(face, f"{PUSH}/pause")
        job_id = await face.push()
        waiting = (await face.client.get(f"{PUSH}/waiting")).json()
        assert [job["id"] for job in waiting["jobs"]] == [job_id]
        assert workers.calls == []
        await change(face, f"{PUSH}/resume")
        with trio.fail_after(5):
            await workers.wait_for_calls(1)


async def test_a_paused_pull_queue_answers_that_there_is_nothing(face: Face) -> None:
    """With a wait it holds, and is served when the queue is resumed."""
    await change(face, f"{PULL}/pause")
    assert (await face.client.post("/enqueue", json=JOB)).status_code == 202
    assert await next_status(face) == 204
    assert await next_status(face, wait=1) == 204
    statuses: list[int] = []
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            statuses.append(await next_status(face, wait=20))

        nursery.start_soon(wait)
        await until(lambda: face.pull_side.pull.waiting_workers == 1)
        await change(face, f"{PULL}/resume")
    assert statuses == [200]


async def test_while_the_store_is_away_a_pause_is_refused() -> None:
    """As anything else that is to be stored, in the shape of either family."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with (
            open_push_side(hanging(), store=store.store) as side,
            open_pull_side(side.store, pauses=side.pauses) as pull_side,
            open_served(routes_of(side, pull_side), CONFIG) as served,
        ):
            store.unplug()
            assert (await served.client.post(f"{PUSH}/pause")).status_code == 503
            assert (await served.client.post(f"{PULL}/pause")).status_code == 429
            store.plug_in()
            assert side.pauses.size == 0
