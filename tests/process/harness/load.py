"""The clients of a run. Each request is in the ledger before it is sent, and its answer before it is used."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import trio
from attrs import asdict, define, field

from tests.process.harness.assignments import (
    MIXED,
    PULSE,
    QUEUES,
    REDEFINED,
    REDEFINED_WORKERS,
    Assignment,
    draw,
)
from tests.process.harness.cluster import Cluster, Node
from tests.process.harness.connection import Answer, Connection, open_connection
from tests.process.harness.ledger import Call, Ledger

PUSHERS = 3
PULSES = 4
PULSE_S = 0.2
PULSE_ANSWER_S = 2.0
PAUSE_S = 0.1
BATCHES = 0.1
BATCH_SIZES = (2, 5, 20)


@define(eq=False)
class Load:
    """What the clients share. The ledger has a line for each request, and one for what came of it."""

    cluster: Cluster
    ledger: Ledger
    worker_url: str
    rng: random.Random
    # Jobs that were acknowledged and might still be there.
    recent: list[tuple[Assignment, int]] = field(factory=list)

    async def push(self, connection: Connection, node: Node, jobs: Sequence[Assignment]) -> bool:
        """Push one job, or several as a batch; return whether they were acknowledged."""
        orders = [{"category": job.queue, **job.order(self.worker_url)} for job in jobs]
        path, body = ("/jobs", orders) if len(orders) > 1 else (f"/job/{jobs[0].queue}", orders[0])
        call = Call(node.label, node.url, "POST", path, body)
        facts = [asdict(job) for job in jobs]
        answer = await self.ledger.ask(connection, "push", call, _told, jobs=facts)
        if answer is None or answer.status != 200:
            return False
        stored = zip(jobs, _ids(answer), strict=True)
        self.recent += [(job, job_id) for job, job_id in stored if job_id is not None]
        del self.recent[:-100]
        return True

    async def ask(
        self,
        connection: Connection,
        event: str,
        node: Node,
        method: str,
        path: str,
        body: Any = None,
        **facts: Any,
    ) -> Answer | None:
        """Send a request, and keep in the ledger what was asked and what came of it; None for no answer."""
        call = Call(node.label, node.url, method, path, body)
        return await self.ledger.ask(connection, event, call, **facts)

    def any_node(self) -> Node:
        """Return any node, dead and stalled ones too: a client cannot know."""
        return self.rng.choice(self.cluster.nodes)


def _told(answer: Answer) -> dict[str, Any]:
    return {"ids": _ids(answer)}


def _ids(answer: Answer) -> list[int | None]:
    value = answer.value
    return [item.get("id") for item in (value if isinstance(value, list) else [value])]


@asynccontextmanager
async def open_load(load: Load, phase: str) -> AsyncIterator[None]:
    """Have clients at work while the block runs; they end their requests before it is left.

    `phase` is part of the names of the jobs. Tasks: the clients. Stops when: the block ends. Raises: what
    the block raises, in a group.
    """
    over = trio.Event()
    async with trio.open_nursery() as clients:
        _start_pulse(clients, load, phase, over)
        for number in range(PUSHERS):
            clients.start_soon(_push, load, f"{phase}-{number}", over)
        for act, pause_s in ((_delete, 0.3), (_forget, 2.0), (_look, 0.5), (_redefine, 1.0)):
            clients.start_soon(_repeat, load, act, pause_s, over)
        yield
        over.set()


@asynccontextmanager
async def open_pulse(load: Load, phase: str) -> AsyncIterator[None]:
    """Do as `open_load` does, with nothing but the steady stream."""
    over = trio.Event()
    async with trio.open_nursery() as clients:
        _start_pulse(clients, load, phase, over)
        yield
        over.set()


def _start_pulse(clients: trio.Nursery, load: Load, phase: str, over: trio.Event) -> None:
    for number in range(PULSES):
        clients.start_soon(_pulse, load, f"{phase}-pulse{number}", over)


async def _pulse(load: Load, name: str, over: trio.Event) -> None:
    """Push one small job after the other, to nodes that can answer."""
    async with open_connection(PULSE_ANSWER_S) as connection:
        for number in count():
            if over.is_set():
                return
            if serving := load.cluster.serving:
                job = Assignment(name=f"{name}-{number}", queue=PULSE)
                await load.push(connection, load.rng.choice(serving), [job])
            await trio.sleep(PULSE_S)


async def _push(load: Load, name: str, over: trio.Event) -> None:
    """Push all sorts of jobs, alone and in batches."""
    numbers = count()
    async with open_connection() as connection:
        while not over.is_set():
            size = load.rng.choice(BATCH_SIZES) if load.rng.random() < BATCHES else 1
            jobs = [draw(load.rng, f"{name}-{next(numbers)}") for _ in range(size)]
            await load.push(connection, load.any_node(), jobs)
            await trio.sleep(load.rng.uniform(0, PAUSE_S))


async def _repeat(
    load: Load,
    act: Callable[[Load, Connection], Awaitable[None]],
    pause_s: float,
    over: trio.Event,
) -> None:
    async with open_connection() as connection:
        while not over.is_set():
            await act(load, connection)
            await trio.sleep(load.rng.uniform(0, 2 * pause_s))


async def _delete(load: Load, connection: Connection) -> None:
    """Delete a job that was pushed a moment ago, whatever has become of it."""
    slow = [(job, number) for job, number in load.recent if job.hold_ms > 100 or job.run_after_s]
    if not slow:
        return
    job, job_id = load.rng.choice(slow)
    load.recent.remove((job, job_id))
    path = f"/queue/{job.queue}/job/{job_id}"
    await load.ask(connection, "delete", load.any_node(), "DELETE", path, name=job.name)


async def _forget(load: Load, connection: Connection) -> None:
    """Delete an entry of the failure log."""
    node = load.any_node()
    answer = await load.ask(connection, "list", node, "GET", f"/queue/{MIXED}/failed?limit=20")
    if answer is None or answer.status != 200 or not answer.value["failed_jobs"]:
        return
    entry = load.rng.choice(answer.value["failed_jobs"])
    facts = {"name": entry["payload"]["name"], "fail_count": entry["fail_count"], "entry": entry["id"]}
    await load.ask(connection, "forget", node, "DELETE", f"/queue/{MIXED}/failed/{entry['id']}", **facts)


async def _look(load: Load, connection: Connection) -> None:
    """Read a list or the counters."""
    queue = load.rng.choice(tuple(QUEUES))
    what = load.rng.choice(("grabbed", "waiting", "deferred", "failed", "stats"))
    await load.ask(connection, "list", load.any_node(), "GET", f"/queue/{queue}/{what}")


async def _redefine(load: Load, connection: Connection) -> None:
    """Change a queue's definition."""
    definition = {"max_workers": load.rng.randint(*REDEFINED_WORKERS)}
    await load.ask(connection, "define", load.any_node(), "PUT", f"/queue/{REDEFINED}", definition)
