"""Queues of both kinds that are paused on one node, as another node on the same database sees them."""

import trio

from tests.dispatch.push_side import SUCCESS, PushSide, answering, hanging
from tests.dispatch.shared_database import OpenNode, until
from tests.pull.pull_side import open_pull_side
from trioworq.core.jobs import Kind
from trioworq.core.routing import Routing
from trioworq.stores.interface import JobSet

# Longer than a pause may take to reach another node, and a job to start there.
SURELY_S = 1.5


async def defined(side: PushSide) -> None:
    """Define a queue, and wait until the node dispatches it."""
    await side.define("q")
    await side.queues.routings.put(Routing("any", "q"))
    await until(lambda: is_active(side))


def is_active(side: PushSide) -> bool:
    """Whether a node dispatches the queue."""
    stats = side.queues.stats("q")
    return stats is not None and stats.active_nodes == 1


async def test_a_push_queue_paused_on_one_node_starts_nothing_on_another(open_node: OpenNode) -> None:
    """Within a second; it goes on there as soon when it is resumed here."""
    workers = answering(SUCCESS)
    async with open_node("owner", workers) as owner, open_node("other", hanging()) as other:
        await defined(owner)
        await other.pauses.pause(Kind.PUSH, "q")
        with trio.fail_after(1):
            await until(lambda: owner.pauses.is_paused(Kind.PUSH, "q"))
        await owner.push()
        await trio.sleep(SURELY_S)
        assert workers.calls == []
        assert len(await owner.jobs(JobSet.WAITING, "q")) == 1
        await other.pauses.resume(Kind.PUSH, "q")
        with trio.fail_after(1):
            await workers.wait_for_calls(1)
        await owner.wait_until_empty("q")


async def test_a_pull_queue_paused_on_one_node_hands_out_nothing_on_another(open_node: OpenNode) -> None:
    """A worker that waits there is served within a second of the end of the pause."""
    async with (
        open_node("a") as a,
        open_node("b") as b,
        open_pull_side(a.store, pauses=a.pauses) as here,
        open_pull_side(b.store, pauses=b.pauses) as there,
        trio.open_nursery() as nursery,
    ):
        await a.pauses.pause(Kind.PULL, "q")
        with trio.fail_after(1):
            await until(lambda: b.pauses.is_paused(Kind.PULL, "q"))
        got: list[str] = []

        async def wait() -> None:
            got.extend(await there.fetch(wait_s=20))

        nursery.start_soon(wait)
        await here.enqueue("a")
        assert await there.fetch() == []
        await trio.sleep(SURELY_S)
        assert got == []
        await a.pauses.resume(Kind.PULL, "q")
        with trio.fail_after(1):
            await until(lambda: got == ["a"])


async def test_a_pause_is_there_when_a_node_starts(open_node: OpenNode) -> None:
    """Whoever made it may be gone."""
    workers = answering(SUCCESS)
    async with open_node("before", hanging()) as before:
        await defined(before)
        await before.pauses.pause(Kind.PUSH, "q")
        await before.pauses.pause(Kind.PULL, "p")
        await before.push()
    async with open_node("after", workers) as after:
        assert after.pauses.size == 2
        await until(lambda: is_active(after))
        await trio.sleep(SURELY_S)
        assert workers.calls == []
        await after.pauses.resume(Kind.PUSH, "q")
        await after.wait_until_empty("q")


async def test_a_pause_goes_with_its_queue_on_all_nodes(open_node: OpenNode) -> None:
    """Deleted on one and made anew there, it is not paused on the other either."""
    async with open_node("a") as a, open_node("b") as b:
        await defined(a)
        await b.queues.definitions.require("q")
        await b.pauses.pause(Kind.PUSH, "q")
        await a.queues.definitions.undefine("q")
        await a.define("q")
        assert await a.store.paused_queues() == frozenset()
        await until(lambda: not b.pauses.is_paused(Kind.PUSH, "q"))
