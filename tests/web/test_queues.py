"""Queue definitions, routings, counters and nodes over HTTP (contract §1.5–§1.8)."""

import orjson
import pytest
import trio

from tests.dispatch.push_side import SUCCESS, answering
from tests.web.face import Face, open_face

pytestmark = pytest.mark.usefixtures("lane")

PLAIN_404 = "404 Not Found\n"


async def test_a_definition_is_answered_in_order_with_its_gaps_filled(face: Face) -> None:
    """What is not given, null or 0 takes the default; the name comes from the path alone."""
    for body in (
        b"{}",
        b"null",
        b'{"polling_interval": null, "max_workers": 0, "name": "other"}',
        b"{} junk",
    ):
        answer = await face.client.put("/queue/q", content=body)
        assert answer.status_code == 200
        assert answer.content == b'{"name":"q","polling_interval":200,"max_workers":20}'


async def test_a_put_replaces_the_whole_definition(face: Face) -> None:
    """A field that is left out goes back to its default."""
    await face.put_queue("q", polling_interval=50, max_workers=3)
    assert (await face.client.get("/queue/q")).json() == {
        "name": "q", "polling_interval": 50, "max_workers": 3,
    }  # fmt: skip
    await face.put_queue("q", max_workers=4)
    assert (await face.client.get("/queue/q")).json()["polling_interval"] == 200


async def test_a_throttle_is_shown_and_sets_the_polling_interval(face: Face) -> None:
    """A throttled queue is polled every 100 ms whatever was asked for."""
    body = b'{"MAX_DISPATCHES_PER_SECOND": 2.5, "max_burst_size": 5, "polling_interval": 7}'
    answer = await face.client.put("/queue/q", content=body)
    assert answer.content == (
        b'{"name":"q","polling_interval":100,"max_workers":20,'
        b'"max_dispatches_per_second":2.5,"max_burst_size":5}'
    )


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"max_dispatches_per_second": 1}', "Cannot configure MaxDispatchesPerSecond without MaxBurstSize"),
        (b'{"max_dispatches_per_second": -1}', "MaxDispatchesPerSecond should be non-negative"),
        (b'{"max_burst_size": 1}', "Cannot configure MaxBurstSize without MaxDispatchesPerSecond"),
        (b'{"max_dispatches_per_second": 1e999, "max_burst_size": 1}', "max_dispatches_per_second"),
        (b'{"max_dispatches_per_second": "1", "max_burst_size": 1}', "max_dispatches_per_second"),
        (b'{"max_dispatches_per_second": 1, "max_burst_size": 4294967296}', "max_burst_size"),
        (b'{"max_workers": 4294967295}', "max_workers"),
        (b'{"max_workers": 18446744073709551616}', "max_workers"),
        (b'{"max_workers": -1}', "max_workers"),
        (b'{"max_workers": 1.5}', "max_workers"),
        (b'{"polling_interval": 4294967296}', "polling_interval"),
        (b'{"polling_interval": "200"}', "polling_interval"),
        (b"", "EOF"),
        (b"[]", "array"),
        (b"{", "unexpected EOF"),
    ],
)
async def test_a_bad_definition_is_refused(face: Face, body: bytes, detail: str) -> None:
    """A definition that cannot be carried out is a 400 with the reason, and none is stored."""
    answer = await face.client.put("/queue/q", content=body)
    assert answer.status_code == 400
    assert answer.text.startswith("400 Bad Request\n\n")
    assert detail in answer.text
    assert [queue.name for queue in await face.store.queues()] == ["default"]
    assert (await face.client.get("/version")).status_code == 200


@pytest.mark.parametrize("name", ["n" * 256, "%E3%81%82" * 86, "a%00b"])
async def test_a_name_that_no_store_can_hold_is_refused(face: Face, name: str) -> None:
    """More than 255 bytes, or a NUL, is a 400 on definition; such a queue is never found."""
    assert (await face.ask("PUT", f"/queue/{name}", b"{}")).status == 400
    assert (await face.ask("GET", f"/queue/{name}")).status == 404
    assert len(await face.store.queues()) == 1


@pytest.mark.parametrize("name", ["n" * 255, "%E3%81%82%20x", "a%0A", "%25", "..a", "%3Fx%23"])
async def test_a_name_may_hold_anything_but_a_slash(face: Face, name: str) -> None:
    """Long names and any decoded characters work, from definition to deletion."""
    defined = await face.ask("PUT", f"/queue/{name}", b"{}")
    assert defined.status == 200
    assert (await face.ask("GET", f"/queue/{name}/stats")).status == 200
    assert (await face.ask("DELETE", f"/queue/{name}")).body == defined.body
    assert (await face.ask("GET", f"/queue/{name}")).status == 404


async def test_queues_are_listed_by_name(face: Face) -> None:
    """The list is ordered by the bytes of the names."""
    for name in ("b", "B", "あ", "a"):
        await face.put_queue(name)
    listed = (await face.client.get("/queues")).json()
    assert [queue["name"] for queue in listed] == ["B", "a", "b", "default", "あ"]


async def test_no_queues_are_an_empty_list() -> None:
    """Lists are never null."""
    async with open_face(default_queue="") as face:
        assert (await face.client.get("/queues")).content == b"[]"
        assert (await face.client.get("/queues/stats")).content == b"{}"
        assert (await face.client.get("/routings")).content == b"[]"


async def test_deleting_a_queue_answers_it_as_it_was(face: Face) -> None:
    """A second delete, and any look at it, is a plain 404."""
    await face.put_queue("q", max_workers=3)
    gone = await face.client.delete("/queue/q")
    assert (gone.status_code, gone.json()["max_workers"]) == (200, 3)
    for answer in (await face.client.delete("/queue/q"), await face.client.get("/queue/q")):
        assert (answer.status_code, answer.text) == (404, PLAIN_404)


async def test_jobs_outlive_their_queue(face: Face) -> None:
    """A queue that is defined again has its jobs back."""
    await face.put_queue("q")
    await face.client.put("/routing/c", content=b'{"queue_name": "q"}')
    job_id = await face.push("c", run_after=100)
    await face.client.delete("/queue/q")
    assert (await face.client.get(f"/queue/q/job/{job_id}")).status_code == 404
    await face.put_queue("q")
    assert (await face.client.get(f"/queue/q/job/{job_id}")).json()["id"] == job_id
    assert (await face.client.get("/routing/c")).json()["queue_name"] == "q"


async def test_a_change_of_a_queue_does_not_wait_for_its_jobs(face: Face) -> None:
    """With a job that never ends, a PUT and a DELETE answer at once (README 7)."""
    await face.push()
    with trio.fail_after(5):
        await face.put_queue("default", max_workers=1)
        assert (await face.client.delete("/queue/default")).status_code == 200


async def test_a_routing_is_defined_read_repointed_and_deleted(face: Face) -> None:
    """Every answer has both fields; a category may hold slashes, and one in the body has no say."""
    await face.put_queue("q")
    first = await face.client.put("/routing/a/b", content=b'{"queue_name":"q","job_category":"x"}')
    assert first.content == b'{"queue_name":"q","job_category":"a/b"}'
    again = await face.client.put("/routing/a/b", content=b'{"QUEUE_NAME":"default"} junk')
    assert again.json() == {"queue_name": "default", "job_category": "a/b"}
    assert (await face.client.get("/routing/a%2Fb")).json() == again.json()
    assert (await face.client.delete("/routing/a/b")).json() == again.json()
    for answer in (await face.client.delete("/routing/a/b"), await face.client.get("/routing/a/b")):
        assert (answer.status_code, answer.text) == (404, PLAIN_404)


async def test_routings_are_listed_by_queue(face: Face) -> None:
    """The list is ordered by queue name."""
    for queue, category in (("z", "1"), ("a", "2")):
        await face.put_queue(queue)
        await face.client.put(f"/routing/{category}", content=orjson.dumps({"queue_name": queue}))
    listed = (await face.client.get("/routings")).json()
    assert listed == [
        {"queue_name": "a", "job_category": "2"},
        {"queue_name": "z", "job_category": "1"},
    ]


async def test_a_routing_to_an_undefined_queue_is_a_404(face: Face) -> None:
    """The detail names the queue, and nothing is stored."""
    answer = await face.client.put("/routing/c", content=b'{"queue_name": "none"}')
    assert (answer.status_code, answer.text) == (404, "404 Not Found\n\nNo such queue: none\n")
    assert await face.store.routings() == []


@pytest.mark.parametrize(
    "body",
    [b"{}", b"null", b'{"queue_name": null}', b'{"queue_name": ""}', b'{"queue_name": 5}', b"[]", b"", b"{"],
)
async def test_a_routing_without_a_queue_is_a_400(face: Face, body: bytes) -> None:
    """The queue must be named by a string (contract §1.24)."""
    answer = await face.client.put("/routing/c", content=body)
    assert answer.status_code == 400
    assert answer.text.startswith("400 Bad Request\n\n")
    assert await face.store.routings() == []


async def test_a_category_that_no_store_can_hold_is_no_routing(face: Face) -> None:
    """A routing's category has 255 bytes at most."""
    answer = await face.client.put("/routing/" + "c" * 256, content=b'{"queue_name": "default"}')
    assert answer.status_code == 400
    assert await face.store.routings() == []


async def test_counters_come_in_order_and_as_integers() -> None:
    """One job that ends well shows in the counters of its queue, and in those of all."""
    async with open_face(answering(SUCCESS)) as face:
        await face.push()
        await face.side.wait_until_empty()
        stats = (await face.client.get("/queue/default/stats")).json()
        assert list(stats) == [
            "total_pushes", "total_pops", "total_successes", "total_failures", "total_permanent_failures",
            "total_completes", "total_elapsed", "pushes_per_second", "pops_per_second", "outstanding_jobs",
            "total_workers", "idle_workers", "active_nodes",
        ]  # fmt: skip
        assert all(type(value) is int for value in stats.values())
        counted = {key: stats[key] for key in ("total_pushes", "total_pops", "total_successes")}
        assert counted == {"total_pushes": 1, "total_pops": 1, "total_successes": 1}
        everything = (await face.client.get("/queues/stats")).json()
        assert list(everything["default"]) == list(stats)


async def test_counters_of_all_queues_are_keyed_by_name(face: Face) -> None:
    """The keys are sorted."""
    for name in ("z", "a"):
        await face.put_queue(name)
    assert list((await face.client.get("/queues/stats")).json()) == ["a", "default", "z"]


async def test_the_node_of_a_queue_is_named(face: Face) -> None:
    """The node that dispatches a queue is shown by id and host, both strings."""
    with trio.fail_after(10):
        while (answer := await face.client.get("/queue/default/node")).status_code == 404:
            await trio.sleep(0.01)
    assert answer.content == b'{"id":"here","host":"host"}'


@pytest.mark.parametrize("view", ["stats", "node"])
async def test_an_undefined_queue_has_neither_counters_nor_a_node(face: Face, view: str) -> None:
    """The 404 says which queue is missing."""
    answer = await face.client.get(f"/queue/none/{view}")
    assert (answer.status_code, answer.text) == (404, "404 Not Found\n\nNo such queue: none\n")


async def test_a_queue_that_nobody_holds_has_no_node(face: Face) -> None:
    """The 404 says that no node is active."""
    with trio.fail_after(10):
        while True:
            await face.store.give_back("here", face.queues.now_ms())
            answer = await face.client.get("/queue/default/node")
            if answer.status_code == 404:
                break
    assert answer.text == "404 Not Found\n\nNo node is active for this queue\n"
