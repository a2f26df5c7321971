"""Jobs that are pushed, and how they are all looked up."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import trio
from attrs import frozen

from tests.process.harness.assignments import QUEUES
from tests.process.harness.connection import Answer, Broken, Connection, Unsent, open_connection
from tests.process.harness.load import Load, open_load, open_pulse
from tests.process.harness.scene import Scene

PATIENCE_S = 90.0
POLL_S = 0.2
LISTS = ("grabbed", "waiting", "deferred")


@frozen
class PushSide:
    """The push side of a run; a light one has the steady stream for its load, and nothing else."""

    scene: Scene
    load: Load
    is_light: bool = False

    @property
    def runs(self) -> int:
        """How many calls the worker has had."""
        return self.scene.worker.arrivals

    def open_load(self, phase: str) -> AbstractAsyncContextManager[None]:
        """Push, delete, list and redefine."""
        return open_pulse(self.load, phase) if self.is_light else open_load(self.load, phase)

    async def is_quiet(self) -> bool:
        """Whether no list of jobs has any."""
        return not any((await self._jobs()).values())

    async def counted(self) -> dict[str, Any]:
        """Return every node's counters."""
        async with open_connection() as connection:
            answers = [
                await connection.ask(node.url, "GET", "/queues/stats") for node in self.scene.cluster.nodes
            ]
        return {"stats": [answer.value for answer in answers]}

    async def left(self) -> dict[str, Any]:
        """Return the names of the jobs, and of the failures, by queue."""
        return {"failures": await self._failures(), "jobs": await self._jobs()}

    async def _jobs(self) -> dict[str, list[str]]:
        async with open_connection() as connection:
            return {
                queue: [
                    job["payload"]["name"]
                    for what in LISTS
                    for job in await self._list(connection, queue, what)
                ]
                for queue in QUEUES
            }

    async def _failures(self) -> dict[str, list[list[Any]]]:
        async with open_connection() as connection:
            return {
                queue: [
                    [job["payload"]["name"], job["fail_count"]]
                    for job in await self._list(connection, queue, "failed")
                ]
                for queue in QUEUES
            }

    async def _list(self, connection: Connection, queue: str, what: str) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = []
        cursor = ""
        while True:
            path = f"/queue/{queue}/{what}?limit=1000&cursor={cursor}"
            page = (await insist(self.scene, connection, path)).value
            jobs += page["failed_jobs" if what == "failed" else "jobs"]
            cursor = page["next_cursor"]
            if not cursor:
                return jobs


async def insist(scene: Scene, connection: Connection, path: str) -> Answer:
    """Ask any node until one answers 200. Raises trio.TooSlowError."""
    with trio.fail_after(PATIENCE_S):
        while True:
            for node in scene.cluster.nodes:
                try:
                    answer = await connection.ask(node.url, "GET", path)
                except (Unsent, Broken):
                    continue
                if answer.status == 200:
                    return answer
            await trio.sleep(POLL_S)
