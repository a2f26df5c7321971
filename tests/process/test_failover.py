"""What an owner that was stalled can do, and what becomes of a call whose job is deleted."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
import trio

from tests.process.harness.assignments import MIXED, ONE, PULSE, Assignment, Kind
from tests.process.harness.cluster import Cluster, Node
from tests.process.harness.connection import Answer, Connection, open_connection
from tests.process.harness.databases import SqliteFile
from tests.process.harness.evidence import Run, read_runs
from tests.process.harness.scene import NODES, Scene, open_scene

# How soon an owner that stands still is replaced.
STALL_GAP_S = 4.0
PATIENCE_S = 30.0
POLL_S = 0.05


async def push(connection: Connection, scene: Scene, node: Node, job: Assignment) -> Answer:
    """Push a job to a node."""
    answer = await connection.ask(node.url, "POST", f"/job/{job.queue}", job.order(scene.worker.url))
    assert answer.status == 200
    return answer


async def runs_of(scene: Scene, name: str, count: int) -> Sequence[Run]:
    """Wait until a job has begun so many runs, and return them."""
    with trio.fail_after(PATIENCE_S):
        while len(runs := [run for run in read_runs(scene.folder) if run.name == name]) < count:
            await trio.sleep(POLL_S)
    return runs


def is_locked(cluster: Cluster) -> bool:
    """Whether a node holds SQLite's write lock, as one that is stalled in a transaction does."""
    if not isinstance(cluster.database, SqliteFile):
        return False
    with closing(sqlite3.connect(cluster.database.path, timeout=0.5, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


async def stall_outside_of_a_transaction(scene: Scene, node: Node) -> None:
    """SIGSTOP a node that holds no lock of SQLite's: nobody could do anything until it goes on."""
    node.stall()
    while is_locked(scene.cluster):
        node.resume()
        await trio.sleep(POLL_S)
        node.stall()


async def test_an_idle_stalled_owner_is_replaced_on_sqlite(tmp_path: Path) -> None:
    """In time, unless it stands still in a transaction: SQLite's lock is its own as long as it lives."""
    async with open_scene("sqlite", 2, tmp_path) as scene, open_connection() as connection:
        owner = await scene.cluster.wait_for_owner(PULSE)
        await stall_outside_of_a_transaction(scene, owner)
        stalled_at_s = trio.current_time()
        (other,) = scene.cluster.serving
        await push(connection, scene, other, Assignment(name="a", queue=PULSE))
        (run,) = await runs_of(scene, "a", 1)
        assert trio.current_time() - stalled_at_s <= STALL_GAP_S
        assert run.node == other.label
        owner.resume()


@pytest.mark.parametrize("store", NODES)
async def test_i07_an_owner_that_was_stalled_can_do_nothing(store: str, tmp_path: Path) -> None:
    """The outcome that it finds when it goes on is dropped: the next owner is running the job (I7)."""
    async with open_scene(store, NODES[store], tmp_path) as scene, open_connection() as connection:
        owner = await scene.cluster.wait_for_owner(ONE)
        # Without retries: the first run's outcome would be a failure for good.
        job = Assignment(name="a", queue=ONE, kind=Kind.FLAKY, fails=1, hold_ms=2500)
        await push(connection, scene, owner, job)
        await runs_of(scene, "a", 1)
        await stall_outside_of_a_transaction(scene, owner)
        _, second = await runs_of(scene, "a", 2)
        assert second.node != owner.label
        with trio.fail_after(PATIENCE_S):
            while (await runs_of(scene, "a", 2))[0].how != "failure":
                await trio.sleep(POLL_S)
        owner.resume()
        await wait_until_empty(connection, owner, ONE)
        assert [run.how for run in await runs_of(scene, "a", 2)] == ["failure", "success"]
        assert (await connection.ask(owner.url, "GET", f"/queue/{ONE}/failed")).value["failed_jobs"] == []


async def wait_until_empty(connection: Connection, node: Node, queue: str) -> None:
    """Wait until all jobs of a queue have ended."""
    with trio.fail_after(PATIENCE_S):
        while await listed(connection, node, queue):
            await trio.sleep(POLL_S)


async def listed(connection: Connection, node: Node, queue: str) -> int:
    """Count the jobs of a queue that have not ended."""
    answers = [
        await connection.ask(node.url, "GET", f"/queue/{queue}/{what}")
        for what in ("grabbed", "waiting", "deferred")
    ]
    return sum(len(answer.value["jobs"]) for answer in answers)


@pytest.mark.parametrize("store", NODES)
async def test_i12_the_call_of_a_deleted_job_is_cancelled_within_a_second(store: str, tmp_path: Path) -> None:
    """Whichever node answers the deletion; the failure that it would have been is not logged (I12)."""
    async with open_scene(store, NODES[store], tmp_path) as scene, open_connection() as connection:
        owner = await scene.cluster.wait_for_owner(MIXED)
        other = next(node for node in scene.cluster.serving if node is not owner)
        for name, node in (("a", owner), ("b", other)):
            job = Assignment(name=name, queue=MIXED, kind=Kind.PERMANENT, hold_ms=20_000)
            answer = await push(connection, scene, owner, job)
            await runs_of(scene, name, 1)
            deleted_at_s = trio.current_time()
            path = f"/queue/{MIXED}/job/{answer.value['id']}"
            assert (await connection.ask(node.url, "DELETE", path)).status == 200
            with trio.fail_after(PATIENCE_S):
                while not (await runs_of(scene, name, 1))[0].how:
                    await trio.sleep(POLL_S)
            assert trio.current_time() - deleted_at_s <= 1.0
            assert (await runs_of(scene, name, 1))[0].how == "cut off"
        assert (await connection.ask(owner.url, "GET", f"/queue/{MIXED}/failed")).value["failed_jobs"] == []
