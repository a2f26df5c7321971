"""The clients of the pull side. Each request is in the ledger before it is sent."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import trio
from attrs import asdict, define

from tests.process.harness.cluster import Cluster, Node
from tests.process.harness.connection import Connection, open_connection
from tests.process.harness.ledger import Call, Ledger
from tests.process.harness.pull import verbs
from tests.process.harness.pull.assignments import PULSE, Assignment, draw

CLIENTS = 2
PULSES = 3
PULSE_S = 0.2
PULSE_ANSWER_S = 2.0
PAUSE_S = 0.15
BATCHES = 0.1
BATCH_SIZES = (2, 5, 20)
# Of the jobs that wait for their time, how many are enqueued once more meanwhile.
REPEATED = 0.2


@define(eq=False)
class Clients:
    """What the clients share."""

    cluster: Cluster
    ledger: Ledger
    rng: random.Random
    enqueued: int = 0

    async def enqueue(
        self, connection: Connection, node: Node, jobs: Sequence[Assignment], event: str = "enqueue"
    ) -> bool:
        """Enqueue jobs; return whether they were acknowledged."""
        orders = [job.order(job.run_after_s) for job in jobs]
        call = Call(node.label, node.url, *verbs.enqueue(self.rng, orders))
        answer = await self.ledger.ask(connection, event, call, jobs=[asdict(job) for job in jobs])
        is_done = answer is not None and answer.status == 202
        self.enqueued += is_done * len(jobs)
        return is_done

    def any_node(self) -> Node:
        """Return any node, dead and stalled ones too: a client cannot know."""
        return self.rng.choice(self.cluster.nodes)


@asynccontextmanager
async def open_clients(clients: Clients, phase: str, *, is_light: bool = False) -> AsyncIterator[None]:
    """Have clients at work while the block runs; they end their requests before it is left.

    `phase` is part of the names of the jobs; a light load is the steady stream alone. Tasks: the clients.
    Stops when: the block ends. Raises: what the block raises, in a group.
    """
    over = trio.Event()
    async with trio.open_nursery() as at_work:
        for number in range(PULSES):
            at_work.start_soon(_pulse, clients, f"pull-{phase}-pulse{number}", over)
        for number in range(0 if is_light else CLIENTS):
            at_work.start_soon(_enqueue, clients, f"pull-{phase}-{number}", over)
        yield
        over.set()


async def _pulse(clients: Clients, name: str, over: trio.Event) -> None:
    """Enqueue one small job after the other, at nodes that can answer."""
    async with open_connection(PULSE_ANSWER_S) as connection:
        for number in count():
            if over.is_set():
                return
            if serving := clients.cluster.serving:
                job = Assignment(name=f"{name}-{number}", queue=PULSE)
                await clients.enqueue(connection, clients.rng.choice(serving), [job])
            await trio.sleep(PULSE_S)


async def _enqueue(clients: Clients, name: str, over: trio.Event) -> None:
    """Enqueue all sorts of jobs, alone and in batches, and now and then one that is there already."""
    numbers = count()
    async with open_connection() as connection:
        while not over.is_set():
            size = clients.rng.choice(BATCH_SIZES) if clients.rng.random() < BATCHES else 1
            jobs = [draw(clients.rng, f"{name}-{next(numbers)}") for _ in range(size)]
            is_done = await clients.enqueue(connection, clients.any_node(), jobs)
            if is_done and size == 1 and jobs[0].run_after_s and clients.rng.random() < REPEATED:
                await clients.enqueue(connection, clients.any_node(), jobs, event="repeat")
            await trio.sleep(clients.rng.uniform(0, PAUSE_S))
