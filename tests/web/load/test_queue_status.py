"""The jobs that wait, by job type, at the port and over every store (contract load §4.3)."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.web.face import Face, open_face
from trioworq.core.jobs import Kind
from trioworq.core.load import TypeName
from trioworq.core.routing import Routing
from trioworq.manage.types import number
from trioworq.web.load.times import show_exact_time

EMPTY: Mapping[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}


async def status(face: Face, query: str = "") -> Any:
    """Ask for the status of the queues."""
    answer = await face.client.get(f"/v6/queue/status/{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def names(face: Face, query: str = "") -> list[str]:
    """Name the types of which jobs wait, in their order."""
    return [item["job_type"]["name"] for item in (await status(face, query))["results"]]


async def define_busy(face: Face, name: str, **fields: Any) -> None:
    """Define a queue whose only worker is busy, so that jobs wait."""
    await face.side.define(name, max_workers=1, **fields)
    await face.queues.routings.put(Routing(f"{name}/busy", name))
    await face.side.push(category=f"{name}/busy")


async def test_no_jobs_are_no_types(stored_face: Face) -> None:
    """The envelope is there all the same."""
    assert await status(stored_face) == EMPTY
    assert await status(stored_face, "?page=last") == EMPTY


async def test_a_type_is_shown_with_the_references_keys(stored_face: Face) -> None:
    """In their order; what nobody can set here is constant."""
    await define_busy(stored_face, "mail")
    await stored_face.queues.routings.put(Routing("newsletter/weekly", "mail"))
    job_id = await stored_face.side.push(category="newsletter/weekly")
    await stored_face.side.push(category="newsletter/weekly", priority=7)
    job = await stored_face.store.job("mail", job_id)
    assert job is not None
    [job_type] = await number(stored_face.store, [TypeName(Kind.PUSH, "newsletter/weekly")])
    answer = await stored_face.client.get("/v6/queue/status")
    assert answer.text == (
        '{"count":1,"next":null,"previous":null,"results":[{"job_type":{"id":' + str(job_type.id) + ","
        '"name":"newsletter/weekly","version":"1.0","title":"newsletter/weekly",'
        '"description":"push jobs to mail","is_active":true,"is_paused":false,"is_published":false,'
        '"icon_code":null,"unmet_resources":null},"count":2,'
        f'"longest_queued":"{show_exact_time(job.next_try_ms)}","highest_priority":7}}]}}'
    )


async def test_only_due_jobs_that_wait_are_counted(stored_face: Face) -> None:
    """Those that run, and those whose time has not come, are not; neither is one that is completed."""
    await define_busy(stored_face, "default")
    await stored_face.side.push(category="later", run_after_s=600)
    await stored_face.pull_side.enqueue("a", "b", "c", queue="trades")
    later_ms = stored_face.pull_side.after(600)
    await stored_face.pull_side.enqueue("d", queue="trades", run_at_ms=later_ms)
    assert (await status(stored_face))["results"][0]["count"] == 3
    await stored_face.pull_side.fetch(1, queue="trades")
    await stored_face.pull_side.pull.complete("trades", "b")
    [item] = (await status(stored_face))["results"]
    assert (item["job_type"]["name"], item["count"]) == ("trades", 1)
    assert item["job_type"]["description"] == "pull jobs of trades"


async def test_jobs_have_been_queued_since_they_were_due(stored_face: Face) -> None:
    """The one that has been due for longest counts."""
    due_ms = stored_face.pull_side.after(-3600) // 1000 * 1000
    await stored_face.pull_side.enqueue("a", queue="trades")
    await stored_face.pull_side.enqueue("b", queue="trades", run_at_ms=due_ms)
    await stored_face.pull_side.enqueue("c", queue="trades", run_at_ms=due_ms + 1000)
    [item] = (await status(stored_face))["results"]
    assert item["longest_queued"] == show_exact_time(due_ms)


async def test_the_lowest_number_is_the_highest_priority(stored_face: Face) -> None:
    """Of those that wait; running ones have had their turn."""
    await stored_face.pull_side.enqueue("a", queue="trades", priority=-7)
    await stored_face.pull_side.enqueue("b", queue="trades", priority=50)
    await stored_face.pull_side.enqueue("c", queue="trades")
    [item] = (await status(stored_face))["results"]
    assert (item["count"], item["highest_priority"]) == (3, -7)
    assert await stored_face.pull_side.fetch(1, queue="trades") == ["a"]
    [item] = (await status(stored_face))["results"]
    assert (item["count"], item["highest_priority"]) == (2, 50)


async def test_types_come_by_priority_and_age(stored_face: Face) -> None:
    """A type that cannot start comes last whatever its priority is."""
    now_ms = stored_face.pull_side.after(0)
    for queue, priority, age_s in [
        ("young", 100, 10),
        ("old", 100, 30),
        ("urgent", 1, 0),
        ("idle", 1000, 900),
        ("oldest", 100, 60),
    ]:
        await stored_face.pull_side.enqueue(
            "a", queue=queue, priority=priority, run_at_ms=now_ms - age_s * 1000
        )
    await stored_face.side.define("gone", max_workers=1)
    await stored_face.queues.routings.put(Routing("stuck", "gone"))
    await stored_face.side.push(category="stuck")
    await stored_face.side.push(category="stuck", priority=-1000)
    await stored_face.store.delete_queue("gone")
    assert await names(stored_face) == ["urgent", "oldest", "old", "young", "idle", "stuck"]
    flags = [item["job_type"]["is_paused"] for item in (await status(stored_face))["results"]]
    assert flags == [False] * 5 + [True]


async def test_a_paused_queue_comes_last(stored_face: Face) -> None:
    """And is back in its place when it is resumed; those who enqueue do not notice."""
    for queue, priority in [("first", 1), ("second", 2), ("third", 3)]:
        await stored_face.pull_side.enqueue("a", queue=queue, priority=priority)
    await define_busy(stored_face, "mail", priority=-1)
    await stored_face.queues.routings.put(Routing("news", "mail"))
    await stored_face.push("news")
    assert await names(stored_face) == ["news", "first", "second", "third"]
    for path in ("/v1/queues/first", "/queue/mail"):
        assert (await stored_face.client.post(f"{path}/pause")).status_code == 200
    await stored_face.pull_side.enqueue("b", queue="first")
    items = (await status(stored_face))["results"]
    flags = [(item["job_type"]["name"], item["job_type"]["is_paused"], item["count"]) for item in items]
    assert flags == [("second", False, 1), ("third", False, 1), ("news", True, 1), ("first", True, 2)]
    assert (await stored_face.client.post("/queue/mail/resume")).status_code == 200
    assert await names(stored_face) == ["news", "second", "third", "first"]


async def test_one_type_may_wait_in_several_queues(stored_face: Face) -> None:
    """It is one item, which names the fullest, and is not paused while any of them is in use."""
    await define_busy(stored_face, "first")
    await define_busy(stored_face, "second")
    for queue, count in [("first", 1), ("second", 2)]:
        await stored_face.queues.routings.put(Routing("mail", queue))
        for _ in range(count):
            await stored_face.side.push(category="mail")
    [item] = (await status(stored_face))["results"]
    assert (item["count"], item["job_type"]["description"]) == (3, "push jobs to second and 1 more")
    await stored_face.store.delete_queue("second")
    [item] = (await status(stored_face))["results"]
    assert item["job_type"]["is_paused"] is False


async def test_kinds_of_the_same_name_are_two_types(stored_face: Face) -> None:
    """They have numbers of their own, for good, and the load is filtered by these."""
    await define_busy(stored_face, "mail")
    await stored_face.queues.routings.put(Routing("mail", "mail"))
    await stored_face.side.push(category="mail")
    await stored_face.pull_side.enqueue("a", "b", queue="mail")
    items = (await status(stored_face))["results"]
    assert [(item["job_type"]["name"], item["count"]) for item in items] == [("mail", 1), ("mail", 2)]
    first, second = [item["job_type"]["id"] for item in items]
    assert first != second
    again = (await status(stored_face))["results"]
    assert [item["job_type"]["id"] for item in again] == [first, second]


async def test_a_category_that_nothing_takes_any_more_is_not_active() -> None:
    """Its jobs wait where they are all the same; with a default queue every category is taken."""
    async with open_face(default_queue="") as face:
        await define_busy(face, "mail")
        await face.queues.routings.put(Routing("news", "mail"))
        await face.side.push(category="news")
        [before] = (await status(face))["results"]
        await face.queues.routings.delete("news")
        [after] = (await status(face))["results"]
    flags = [(item["job_type"]["is_active"], item["job_type"]["is_paused"]) for item in (before, after)]
    assert flags == [(True, False), (False, False)]


async def test_types_come_in_pages(stored_face: Face) -> None:
    """Links lead on as those of the load do."""
    run_at_ms = stored_face.pull_side.after(-60)
    for index in range(5):
        await stored_face.pull_side.enqueue("a", queue=f"q{index}", run_at_ms=run_at_ms + index)
    first = await status(stored_face, "?page_size=2")
    assert (first["count"], first["previous"]) == (5, None)
    assert first["next"] == f"http://127.0.0.1:{stored_face.port}/v6/queue/status/?page=2&page_size=2"
    assert await names(stored_face, "?page_size=2&page=2") == ["q2", "q3"]
    assert await names(stored_face, "?page_size=2&page=last") == ["q4"]
    answer = await stored_face.client.get("/v6/queue/status?page=4&page_size=2")
    assert (answer.status_code, answer.text) == (404, '{"detail":"Invalid page."}')


@pytest.mark.parametrize("query", ["?started=x", "?job_type_id=x&ended=", "?page_size=x", "?%FF=%00"])
async def test_it_takes_nothing_but_pages(face: Face, query: str) -> None:
    """What the load takes is passed over."""
    await face.pull_side.enqueue("a", queue="trades")
    assert await names(face, query) == ["trades"]
