"""Presence marks on SQLite: locked files beside the database, which the system unlocks with the process."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.stores.nodes import LEASE_MS, NOW, Node
from trioworq.core.jobs import INT64_MAX
from trioworq.core.suspicion import Peer
from trioworq.stores.interface import Store
from trioworq.stores.sqlite.presence import forget, is_present, present
from trioworq.stores.sqlite.store import open_sqlite_store

ROOT = Path(__file__).parents[2]
HOLDS = """
import pathlib, sys, trio
from tests.stores.nodes import Node
from trioworq.stores.sqlite.store import open_sqlite_store
async def main():
    async with open_sqlite_store(pathlib.Path(sys.argv[1]), node_id="other") as store:
        await Node(store, "other").hold("q")
        print("held", end="", flush=True)
        await trio.sleep_forever()
trio.run(main)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database goes."""
    return tmp_path / "test.db"


def marks(path: Path) -> list[str]:
    """Name the mark files beside a database."""
    return sorted(file.name for file in path.parent.glob("test.db-node-*"))


async def peer(store: Store, node_id: str) -> Peer:
    """Return a node as another one sees it."""
    (found,) = [each for each in (await store.look_round(NOW)).peers if each.node_id == node_id]
    return found


async def test_mark_of_a_killed_process_is_missing(path: Path) -> None:
    """A stopped one still has it; who takes its queues removes the file."""
    async with open_sqlite_store(path, node_id="node-1") as store:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert process.stdout is not None
        async with process.stdout:
            assert await process.stdout.receive_some() == b"held"
            assert (await peer(store, "other")).is_present
            process.send_signal(signal.SIGSTOP)
            assert (await peer(store, "other")).is_present
            process.kill()
            await process.wait()
        assert not (await peer(store, "other")).is_present
        assert marks(path) == ["test.db-node-node-1", "test.db-node-other"]
        held = await Node(store).hold("q", now_ms=NOW + 1, gone={"other": INT64_MAX})
        assert set(held) == {"q"}
        assert marks(path) == ["test.db-node-node-1"]
    assert marks(path) == []


async def test_mark_of_a_live_node_is_not_removed(path: Path) -> None:
    """Somebody may take it for gone when its leases have lapsed."""
    async with (
        open_sqlite_store(path, node_id="node-1") as first,
        open_sqlite_store(path, node_id="node-2") as second,
    ):
        await Node(first).hold("q")
        await Node(second, "node-2").hold("q", now_ms=NOW + LEASE_MS, gone={"node-1": INT64_MAX})
        assert marks(path) == ["test.db-node-node-1", "test.db-node-node-2"]
        await Node(first).hold()
        assert (await peer(second, "node-1")).is_present


def test_node_without_a_mark_counts_as_present(path: Path) -> None:
    """Where files cannot be made, leases alone tell who is gone."""
    assert is_present(path, "nobody")
    path.with_name("test.db-node-odd").mkdir()
    with present(path, "odd"):
        assert is_present(path, "odd")
    forget(path, ["odd"])
    assert marks(path) == ["test.db-node-odd"]
