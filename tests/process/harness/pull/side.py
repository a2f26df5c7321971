"""The pull side of a run: its clients and its workers, and what the store says of its jobs."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any

import trio
from attrs import frozen

from tests.process.harness.databases import Database
from tests.process.harness.journal import open_journal
from tests.process.harness.ledger import Ledger
from tests.process.harness.pull.clients import Clients, open_clients
from tests.process.harness.pull.crew import Crew, open_crew
from tests.process.harness.scene import Scene

LEDGER = "pull-ledger.jsonl"
WORKERS = "workers"

# There is no list of pull jobs to ask a daemon for.
_JOBS = "SELECT pull_key FROM job WHERE kind = 1"
_FAILURES = "SELECT pull_key, fail_count, result_message FROM failure WHERE kind = 1"


@frozen
class PullSide:
    """The pull side; a light one has the steady stream for its load, and nothing else."""

    database: Database
    clients: Clients
    crew: Crew
    is_light: bool

    @property
    def runs(self) -> int:
        """How many jobs have been stored; who has begun them is in other processes."""
        return self.clients.enqueued

    def open_load(self, phase: str) -> AbstractAsyncContextManager[None]:
        """Enqueue."""
        return open_clients(self.clients, phase, is_light=self.is_light)

    async def is_quiet(self) -> bool:
        """Whether the store has no jobs."""
        return not await self.database.read(_JOBS)

    async def counted(self) -> dict[str, Any]:
        """Return the jobs of which the store still knows after the calm phase."""
        return {"pull_jobs": [_text(name) for (name,) in await self.database.read(_JOBS)]}

    async def left(self) -> dict[str, Any]:
        """Return the names of the jobs that the store has, and the failures."""
        failures = await self.database.read(_FAILURES)
        return {
            **await self.counted(),
            "pull_failures": [[_text(name), count, _text(message)] for name, count, message in failures],
        }


@asynccontextmanager
async def open_pull_side(scene: Scene, seed: int, *, is_light: bool = False) -> AsyncIterator[PullSide]:
    """Start the workers; they fetch until the block ends."""
    cluster = scene.cluster
    await trio.Path(scene.folder / WORKERS).mkdir()
    with open_journal(scene.folder / LEDGER) as journal:
        async with open_crew(scene.folder / WORKERS, seed, [node.url for node in cluster.nodes]) as crew:
            clients = Clients(cluster, Ledger(journal), Random(seed))
            yield PullSide(cluster.database, clients, crew, is_light)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
