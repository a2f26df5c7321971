"""Nodes that share a database."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio

from tests.dispatch.push_side import SUCCESS, PushSide, answering, open_push_side
from trioworq.config import Config
from trioworq.dispatch.runs import Caller
from trioworq.stores.opening import open_store

NEVER_MS = 3_600_000

OpenNode = Callable[..., AbstractAsyncContextManager[PushSide]]


def node_opener(config: Config) -> OpenNode:
    """Return what opens nodes, each with connections of its own to the database of `config`.

    They do not look for changed definitions by themselves unless told to.
    """

    @asynccontextmanager
    async def open_one(
        node_id: str,
        workers: Caller | None = None,
        *,
        default_queue: str = "",
        refresh_interval_ms: int = NEVER_MS,
    ) -> AsyncIterator[PushSide]:
        async with (
            open_store(config, node_id=node_id) as store,
            open_push_side(
                workers or answering(SUCCESS),
                store=store,
                node_id=node_id,
                default_queue=default_queue,
                refresh_interval_ms=refresh_interval_ms,
            ) as side,
        ):
            yield side

    return open_one


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after a while."""
    with trio.fail_after(20):
        while not condition():
            await trio.sleep(0.01)
