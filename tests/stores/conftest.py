"""The fixtures of the shared suite, which runs on every store, and of the batcher's tests."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio

from tests.stores.drivers import DRIVERS, config_of
from tests.stores.ledger import Ledger, Opener
from tests.stores.nodes import Node
from trioworq.stores.batching import Batcher
from trioworq.stores.interface import Store
from trioworq.stores.opening import open_store

OpenStore = Callable[[str], AbstractAsyncContextManager[Store]]


@pytest.fixture(params=DRIVERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store(config_of(request.param, request, tmp_path), node_id="node-1") as opened:
        yield opened


@pytest.fixture
async def node(store: Store) -> Node:
    """A node that holds queue q."""
    owner = Node(store)
    await owner.hold("q")
    return owner


@pytest.fixture(params=["sqlite", "mysql"])
def open_durable(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Open the same database, as the node that is named, as often as it is called."""
    config = config_of(request.param, request, tmp_path)
    return lambda node_id: open_store(config, node_id=node_id)


@pytest.fixture
def ledger() -> Ledger:
    """A scripted database."""
    return Ledger()


@pytest.fixture
async def running(nursery: trio.Nursery, ledger: Ledger) -> AsyncIterator[Opener]:
    """Start batchers on the ledger; they are closed at the end, so that a test that fails does not hang."""
    batchers: list[Batcher] = []

    async def start(**bounds: int) -> Batcher:
        batchers.append(Batcher(ledger.apply, **bounds))
        nursery.start_soon(batchers[-1].run)
        return batchers[-1]

    yield start
    ledger.gate.set()
    for batcher in batchers:
        batcher.close()


@pytest.fixture
def chance() -> random.Random:
    """A random source; its seed is shown when a test fails."""
    seed = random.getrandbits(32)
    print("seed", seed)  # noqa: T201
    return random.Random(seed)
