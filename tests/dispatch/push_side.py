"""A push side for tests: the real queues over the in-memory store, with workers that follow a script."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field

from tests.kept_logs import keep_logs
from trioworq.clock import Clock
from trioworq.config import Config, Driver
from trioworq.core.jobs import NO_PAYLOAD, Order, Payload, PayloadForm
from trioworq.core.queues import QueueDefaults, QueueDefinition
from trioworq.core.results import Result, ResultStatus
from trioworq.dispatch.ownership import Node
from trioworq.dispatch.queues import Queues, QueueSettings, open_queues
from trioworq.dispatch.runs import Caller
from trioworq.pauses import Pauses
from trioworq.stores.interface import JobQuery, JobSet, Store
from trioworq.stores.opening import open_store

SUCCESS = Result(ResultStatus.SUCCESS, 200, "done")
FAILURE = Result(ResultStatus.FAILURE, 200, "not today")
PERMANENT = Result(ResultStatus.PERMANENT_FAILURE, 200, "never")
DEFAULTS = QueueDefaults(polling_interval_ms=200, max_workers=20)


@define
class Call:
    """One POST that a worker got."""

    url: str
    body: bytes
    timeout_s: int
    at_s: float


@define(eq=False)
class ScriptedWorkers:
    """Workers that answer as `answer` says, and remember what they were asked."""

    answer: Callable[[Call], Awaitable[Result]]
    calls: list[Call] = field(factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def post(
        self, url: str, body: bytes, timeout_s: int, scope: trio.CancelScope | None = None
    ) -> Result:
        with scope or trio.CancelScope():
            return await self._post(url, body, timeout_s)
        return SUCCESS

    async def _post(self, url: str, body: bytes, timeout_s: int) -> Result:
        call = Call(url, body, timeout_s, trio.current_time())
        self.calls.append(call)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self.answer(call)
        finally:
            self.in_flight -= 1

    async def wait_for_calls(self, count: int) -> None:
        """Wait until `count` calls have begun."""
        with trio.fail_after(3600):
            while len(self.calls) < count:
                await trio.sleep(0.001)


def answering(*results: Result, after_s: float = 0.0) -> ScriptedWorkers:
    """Return workers that take `after_s` and give the results in turn, the last one for ever."""
    left = list(results)

    async def answer(_call: Call) -> Result:
        result = left.pop(0) if len(left) > 1 else left[0]
        await trio.sleep(after_s)
        return result

    return ScriptedWorkers(answer)


def hanging() -> ScriptedWorkers:
    """Return workers that never answer."""

    async def answer(_call: Call) -> Result:
        await trio.sleep_forever()
        return SUCCESS

    return ScriptedWorkers(answer)


@define(eq=False)
class PushSide:
    """The parts of one running push side."""

    queues: Queues
    store: Store
    pauses: Pauses
    queue_lines: list[dict[str, Any]]
    error_lines: list[Any]

    async def push(self, url: str = "http://worker/", category: str = "any", **fields: Any) -> int:
        """Push a job and return its id."""
        job = await self.queues.push(order(url, category, **fields))
        return job.id

    async def define(self, name: str, max_workers: int = 20, **fields: Any) -> None:
        """Define a queue."""
        definition = QueueDefinition(name, fields.pop("polling_interval_ms", 200), max_workers, **fields)
        await self.queues.definitions.define(definition)

    async def jobs(self, kind: JobSet, queue: str = "default") -> list[int]:
        """Return the ids of a list."""
        query = JobQuery(queue, kind, self.queues.now_ms(), limit=10_000, ascending=True)
        return [job.id for job in (await self.store.jobs(query)).items]

    async def wait_until_empty(self, queue: str = "default") -> None:
        """Wait until no job of the queue is left, and none is being counted and logged."""
        with trio.fail_after(3600):
            # Twice, as a job may go from a list that is still to be read to one that has been.
            while await self._has_jobs(queue) or await self._has_jobs(queue):
                await trio.sleep(0.01)

    async def _has_jobs(self, queue: str) -> bool:
        await trio.testing.wait_all_tasks_blocked()
        return any([await self.jobs(kind, queue) for kind in JobSet])


def order(
    url: str = "http://worker/", category: str = "any", payload: bytes | None = None, **fields: Any
) -> Order:
    """Return an order, with every number zero unless given."""
    given = NO_PAYLOAD if payload is None else Payload(PayloadForm.JSON, payload)
    return Order(category=category, url=url, payload=given, **fields)


@asynccontextmanager
async def open_memory_store() -> AsyncIterator[Store]:
    """Open an empty in-memory store."""
    async with open_store(Config(driver=Driver.IN_MEMORY), node_id="test") as store:
        yield store


@asynccontextmanager
async def open_push_side(
    workers: Caller,
    *,
    store: Store | None = None,
    node_id: str = "here",
    default_queue: str = "default",
    refresh_interval_ms: int = 1000,
    clock: Clock | None = None,
    is_remembered: bool = True,
) -> AsyncIterator[PushSide]:
    """Run queues over `store`, or over an in-memory store of their own.

    Nodes that share a store on a mocked clock share a `clock` too, as each would begin at the wall's time.
    """
    if store is None:
        async with (
            open_memory_store() as own,
            open_push_side(
                workers,
                store=own,
                node_id=node_id,
                default_queue=default_queue,
                refresh_interval_ms=refresh_interval_ms,
                clock=clock,
                is_remembered=is_remembered,
            ) as side,
        ):
            yield side
        return
    clock = clock or Clock()
    kept = keep_logs(clock)
    settings = QueueSettings(default_queue, DEFAULTS, refresh_interval_ms, is_remembered)
    pauses = Pauses(store)
    async with open_queues(
        node=Node(node_id, "host"),
        store=store,
        workers=workers,
        clock=clock,
        logs=kept.logs,
        settings=settings,
        pauses=pauses,
    ) as queues:
        yield PushSide(queues, store, pauses, kept.queue_lines, kept.errors)
