"""What a run takes place on: a database, nodes on it, a worker, and the files that are written meanwhile."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import frozen

from tests.process.harness.assignments import QUEUES
from tests.process.harness.cluster import PROGRAM, Cluster, Node, open_cluster
from tests.process.harness.connection import Connection, open_connection
from tests.process.harness.databases import Database, open_mariadb, open_sqlite
from tests.process.harness.journal import Journal, open_journal
from tests.process.harness.worker import Worker

LEDGER, RUNS, EVENTS = "ledger.jsonl", "runs.jsonl", "events.jsonl"
NODES = {"sqlite": 2, "mysql": 3}

READY_S = 60.0
POLL_S = 0.1


@frozen
class Scene:
    """All that stands; `folder` has the record, the logs and the data."""

    folder: Path
    cluster: Cluster
    worker: Worker
    ledger: Journal
    events: Journal


@asynccontextmanager
async def open_scene(
    store: str, count: int, folder: Path, *, launcher: Sequence[str] = PROGRAM
) -> AsyncIterator[Scene]:
    """Set up `count` nodes that know the queues; everything is ended on the way out, whatever happens.

    Tasks: the worker. Stops when: the block ends. Raises: what the block raises, in a group.
    """
    with (
        open_journal(folder / LEDGER) as ledger,
        open_journal(folder / RUNS) as runs,
        open_journal(folder / EVENTS) as events,
    ):
        async with (
            _open_database(store, folder) as database,
            trio.open_nursery() as workers,
            open_cluster(database, count, folder, events, launcher=launcher) as cluster,
        ):
            worker = Worker(runs)
            await workers.start(worker.run)
            await _define_queues(cluster)
            yield Scene(folder, cluster, worker, ledger, events)
            workers.cancel_scope.cancel()


@asynccontextmanager
async def _open_database(store: str, folder: Path) -> AsyncIterator[Database]:
    if store == "sqlite":
        async with open_sqlite(folder) as file:
            yield file
    else:
        async with open_mariadb(folder) as server:
            yield server


async def _define_queues(cluster: Cluster) -> None:
    """Define the queues and their routings, and wait until every node knows them and each has an owner."""
    async with open_connection() as connection:
        for queue, definition in QUEUES.items():
            await _put(connection, cluster, f"/queue/{queue}", definition)
            await _put(connection, cluster, f"/routing/{queue}", {"queue_name": queue})
        for node in cluster.nodes:
            for queue in QUEUES:
                await _wait_for(connection, node, f"/routing/{queue}")
                await _wait_for(connection, node, f"/queue/{queue}/stats")
    for queue in QUEUES:
        await cluster.wait_for_owner(queue)


async def _put(connection: Connection, cluster: Cluster, path: str, body: Any) -> None:
    answer = await connection.ask(cluster.nodes[0].url, "PUT", path, body)
    assert answer.status == 200, answer.body


async def _wait_for(connection: Connection, node: Node, path: str) -> None:
    """Wait until a node knows what was defined on another."""
    with trio.fail_after(READY_S):
        while (await connection.ask(node.url, "GET", path)).status != 200:
            await trio.sleep(POLL_S)
