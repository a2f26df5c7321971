"""Carries out a plan: a calm phase, faults one by one under load, and a quiet end. All it leaves is files."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import trio
from attrs import asdict, define, frozen

from tests.process.harness.assignments import QUEUES
from tests.process.harness.connection import Answer, Broken, Connection, Unsent, open_connection
from tests.process.harness.faults import Site, faults
from tests.process.harness.journal import open_journal
from tests.process.harness.load import Load, open_load, open_pulse
from tests.process.harness.scene import Scene, open_scene

PLAN = "plan.jsonl"

# How long after the last fault everything may take to end.
QUIET_S = 90.0
PAUSE_S = (0.3, 1.0)
POLL_S = 0.2
LISTS = ("grabbed", "waiting", "deferred")

Say = Callable[[str], None]


@frozen(kw_only=True)
class Plan:
    """A run: `faults` one by one, in this order, then any others until `minutes` are over.

    A light one has the steady stream for its load, and nothing else.
    """

    store: str
    nodes: int
    seed: int
    calm_s: float
    faults: tuple[str, ...] = ()
    minutes: float = 0.0
    is_light: bool = False


@define(eq=False)
class Running:
    """A run under way."""

    plan: Plan
    scene: Scene
    load: Load
    site: Site
    say: Say

    async def calm(self) -> None:
        """Load without faults, to an end; then the counters of all nodes have to agree with the ledger."""
        async with self._open_load("calm"):
            await trio.sleep(self.plan.calm_s)
        await self._wait_until_quiet()
        self.scene.events.note("calm", stats=await self._stats(), sizes=self._sizes())

    async def break_things(self) -> None:
        """Load with one fault after the other."""
        known = faults(self.plan.store)
        async with self._open_load("broken"):
            for name in self._names():
                await trio.sleep(self.site.rng.uniform(*PAUSE_S))
                self.scene.events.note("fault began", fault=name)
                self.say(f"{name}, after {self.scene.worker.arrivals} runs")
                await known[name](self.site)
                self.scene.events.note("fault ended", fault=name)
                await self._mend()

    def _open_load(self, phase: str) -> AbstractAsyncContextManager[None]:
        return open_pulse(self.load, phase) if self.plan.is_light else open_load(self.load, phase)

    def _names(self) -> Iterator[str]:
        """Each fault of the plan; then any, until the time is over."""
        ends_at_s = time.monotonic() + self.plan.minutes * 60
        yield from self.plan.faults
        while time.monotonic() < ends_at_s:
            yield self.site.rng.choice(sorted(faults(self.plan.store)))

    async def _mend(self) -> None:
        """Start again what has ended and should not have; its end is in the record."""
        for node in self.scene.cluster.nodes:
            if not node.is_alive and node.has_process:
                self.say(f"{node.label} has ended: {node.output()[-1000:]}")
                self.scene.events.note("crashed", node=node.label)
                await node.wait()
                await node.start()

    async def end(self) -> None:
        """Wait until all is quiet, note what the store holds then, and stop the nodes in order."""
        await self._wait_until_quiet()
        end = {"failures": await self._failures(), "jobs": await self._jobs(), "sizes": self._sizes()}
        self.scene.events.note("quiet", **end, shown=await self._shown())
        for node in self.scene.cluster.nodes:
            await node.terminate()

    async def _wait_until_quiet(self) -> None:
        with trio.move_on_after(QUIET_S):
            while any((await self._jobs()).values()):
                await trio.sleep(POLL_S)

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
            page = (await self._insist(connection, path)).value
            jobs += page["failed_jobs" if what == "failed" else "jobs"]
            cursor = page["next_cursor"]
            if not cursor:
                return jobs

    async def _stats(self) -> list[dict[str, dict[str, int]]]:
        async with open_connection() as connection:
            answers = [
                await connection.ask(node.url, "GET", "/queues/stats") for node in self.scene.cluster.nodes
            ]
        return [answer.value for answer in answers]

    async def _shown(self) -> str:
        """Return what a node tells of itself to anybody."""
        async with open_connection() as connection:
            answers = [await self._insist(connection, path) for path in ("/settings", "/stats", "/version")]
        return "".join(answer.body.decode() for answer in answers)

    async def _insist(self, connection: Connection, path: str) -> Answer:
        """Ask any node until one answers."""
        with trio.fail_after(QUIET_S):
            while True:
                for node in self.scene.cluster.nodes:
                    try:
                        answer = await connection.ask(node.url, "GET", path)
                    except (Unsent, Broken):
                        continue
                    if answer.status == 200:
                        return answer
                await trio.sleep(POLL_S)

    def _sizes(self) -> list[dict[str, int]]:
        """Return what each node takes of the machine."""
        processes = [psutil.Process(node.pid) for node in self.scene.cluster.nodes]
        return [
            {
                "memory": process.memory_info().rss,
                "files": process.num_fds(),
                "threads": process.num_threads(),
            }
            for process in processes
        ]


async def carry_out(plan: Plan, folder: Path, say: Say) -> None:
    """Do what `plan` says and leave the record, the logs and the data in `folder`, which must exist.

    If cancelled, or when something of the harness breaks: the processes are ended, and the record is there
    as far as it came.
    """
    with open_journal(folder / PLAN) as plans:
        plans.note("plan", **asdict(plan))
    async with open_scene(plan.store, plan.nodes, folder) as scene:
        load = Load(scene.cluster, scene.ledger, scene.worker.url, random.Random(plan.seed + 1))
        running = Running(plan, scene, load, Site(scene.cluster, random.Random(plan.seed)), say)
        await running.calm()
        await running.break_things()
        await running.end()
