"""Carries out a plan: a calm phase, faults one by one under load, and a quiet end. All it leaves is files."""

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import trio
from attrs import asdict, define, field, frozen

from tests.process.harness.connection import open_connection
from tests.process.harness.faults import Site, faults
from tests.process.harness.journal import open_journal
from tests.process.harness.ledger import Ledger
from tests.process.harness.load import Load
from tests.process.harness.operators.clients import open_operators
from tests.process.harness.pull.side import open_pull_side
from tests.process.harness.push_side import PushSide, insist
from tests.process.harness.scene import Scene, open_scene
from tests.process.harness.sides import Mode, Side

PLAN = "plan.jsonl"

# How long after the last fault everything may take to end.
QUIET_S = 90.0
PAUSE_S = (0.3, 1.0)
POLL_S = 0.2

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
    mode: Mode = field(default=Mode.PUSH, converter=Mode)
    faults: tuple[str, ...] = ()
    minutes: float = 0.0
    is_light: bool = False


@define(eq=False)
class Running:
    """A run under way."""

    plan: Plan
    scene: Scene
    sides: Sequence[Side]
    site: Site
    say: Say

    async def calm(self) -> None:
        """Load without faults, to an end; then the counters of all nodes have to agree with the ledger."""
        async with self._open_load("calm"):
            await trio.sleep(self.plan.calm_s)
        await self._wait_until_quiet()
        counted = {name: fact for side in self.sides for name, fact in (await side.counted()).items()}
        self.scene.events.note("calm", sizes=self._sizes(), **counted)

    async def break_things(self) -> None:
        """Load with one fault after the other."""
        known = faults(self.plan.store, self.plan.mode)
        async with self._open_load("broken"):
            for name in self._names():
                await trio.sleep(self.site.rng.uniform(*PAUSE_S))
                self.scene.events.note("fault began", fault=name)
                self.say(f"{name}, after {sum(side.runs for side in self.sides)} runs")
                await known[name](self.site)
                self.scene.events.note("fault ended", fault=name)
                await self._mend()

    @asynccontextmanager
    async def _open_load(self, phase: str) -> AsyncIterator[None]:
        async with AsyncExitStack() as loads:
            for side in self.sides:
                await loads.enter_async_context(side.open_load(phase))
            yield

    def _names(self) -> Iterator[str]:
        """Each fault of the plan; then any, until the time is over."""
        ends_at_s = time.monotonic() + self.plan.minutes * 60
        yield from self.plan.faults
        while time.monotonic() < ends_at_s:
            yield self.site.rng.choice(sorted(faults(self.plan.store, self.plan.mode)))

    async def _mend(self) -> None:
        """Start again what has ended and should not have; its end is in the record."""
        for node in self.scene.cluster.nodes:
            if not node.is_alive and node.has_process:
                self.say(f"{node.label} has ended: {node.output()[-1000:]}")
                self.scene.events.note("crashed", node=node.label)
                await node.wait()
                await node.start()

    async def end(self) -> None:
        """Wait until all is quiet, note what the store holds then, and stop the nodes."""
        await self._wait_until_quiet()
        left = {name: fact for side in self.sides for name, fact in (await side.left()).items()}
        self.scene.events.note("quiet", sizes=self._sizes(), shown=await self._shown(), **left)
        async with trio.open_nursery() as stopping:
            for node in self.scene.cluster.nodes:
                stopping.start_soon(node.terminate)

    async def _wait_until_quiet(self) -> None:
        with trio.move_on_after(QUIET_S):
            for side in self.sides:
                while not await side.is_quiet():
                    await trio.sleep(POLL_S)

    async def _shown(self) -> str:
        """Return what a node tells of itself to anybody."""
        async with open_connection() as connection:
            answers = [
                await insist(self.scene, connection, path) for path in ("/settings", "/stats", "/version")
            ]
        return "".join(answer.body.decode() for answer in answers)

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
    async with AsyncExitStack() as opened:
        scene = await opened.enter_async_context(open_scene(plan.store, plan.nodes, folder))
        sides: list[Side] = []
        crew = None
        if plan.mode.pushes:
            load = Load(scene.cluster, Ledger(scene.ledger), scene.worker.url, random.Random(plan.seed + 1))
            sides.append(PushSide(scene, load, plan.is_light))
        if plan.mode.pulls:
            opening = open_pull_side(scene, plan.seed + 2, is_light=plan.is_light)
            pull_side = await opened.enter_async_context(opening)
            sides.append(pull_side)
            crew = pull_side.crew
        if not plan.is_light:
            operators = open_operators(scene.cluster, folder, plan.seed + 3, plan.mode)
            sides.append(await opened.enter_async_context(operators))
        site = Site(scene.cluster, random.Random(plan.seed), crew)
        running = Running(plan, scene, sides, site, say)
        await running.calm()
        await running.break_things()
        await running.end()
