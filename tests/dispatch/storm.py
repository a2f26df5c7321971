"""A cluster in a storm, on a mocked clock: nodes that stall, lose the store, crash, leave and join."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import trio
from attrs import define, evolve, field

from tests.dispatch.push_side import SUCCESS, PushSide, open_push_side, order
from trioworq.clock import Clock
from trioworq.core.errors import CallerError
from trioworq.core.queues import QueueDefinition
from trioworq.core.results import Result
from trioworq.stores.interface import JobQuery, JobSet, Sighting, Store, StoreUnavailable

NODES = (1, 4)
WORKERS = 3
THROTTLED, RATE, BURST = "throttled", 2.0, 3
QUEUES = (*"abcdefg", THROTTLED)

# From a verdict to its record in the store, and from the end of a trouble to when all is as before: leases
# that the others have taken meanwhile are missed with the next renewal.
SETTLE_S = 0.5
RECOVERY_S = 2.0
# A call of a deleted job has ended by then (I12).
CANCELLED_S = 1.0


def definition_of(queue: str) -> QueueDefinition:
    """Return what a queue is defined as."""
    rate, burst = (RATE, BURST) if queue == THROTTLED else (0.0, 0)
    return QueueDefinition(queue, 200, WORKERS, rate, burst)


@define(eq=False)
class Run:
    """A call of a worker."""

    job: int
    queue: str
    node: "Node"
    began_at_s: float
    ended_at_s: float = float("inf")


@define(eq=False)
class Node:
    """A node, its way to the store, its worker, and its troubles."""

    id: str
    storm: "Storm"
    side: PushSide | None = None
    is_marked: bool = True
    has_crashed: bool = False
    troubles: list[tuple[float, float]] = field(factory=list)
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    started: trio.Event = field(factory=trio.Event)
    leaving: trio.Event = field(factory=trio.Event)
    ended: trio.Event = field(factory=trio.Event)
    # While it is cut off the store refuses; while it is not `connected` nobody answers.
    is_cut_off: bool = False
    connected: trio.Event = field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.connected.set()

    @property
    def is_well(self) -> bool:
        """Whether it could be given another trouble."""
        return self.connected.is_set() and not self.is_cut_off and not self.leaving.is_set()

    def is_excused(self, began_at_s: float, ended_at_s: float) -> bool:
        """Whether it was in trouble in this span of time, or just before or after."""
        return any(
            begin_s <= ended_at_s + SETTLE_S and began_at_s <= end_s + RECOVERY_S
            for begin_s, end_s in self.troubles
        )

    @asynccontextmanager
    async def trouble(self) -> AsyncIterator[None]:
        """Remember that the node is in trouble while the block runs."""
        began_at_s = trio.current_time()
        self.troubles.append((began_at_s, float("inf")))
        place = len(self.troubles) - 1
        try:
            yield
        finally:
            self.troubles[place] = (began_at_s, trio.current_time())

    # The store, as this node has it.

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: object) -> object:
            await self._pass()
            answer = await getattr(self.storm.store, name)(*arguments)
            # What was carried out is told when the node can be told.
            await self._pass()
            return answer

        return call

    async def _pass(self) -> None:
        await trio.lowlevel.checkpoint()
        await self.connected.wait()
        if self.is_cut_off:
            raise StoreUnavailable("cut off")

    async def look_round(self, now_ms: int) -> Sighting:
        """Look, and see marks as the storm has them."""
        await self._pass()
        sighting = await self.storm.store.look_round(now_ms)
        marks = {node.id: node.is_marked for node in self.storm.every}
        return evolve(
            sighting,
            peers=[evolve(peer, is_present=marks[peer.node_id]) for peer in sighting.peers],
        )

    # The worker.

    async def post(
        self, url: str, body: bytes, _timeout_s: int, scope: trio.CancelScope | None = None
    ) -> Result:
        """Work for a while."""
        run = Run(int(body), url.rsplit("/", 1)[1], self, trio.current_time())
        self.storm.runs.append(run)
        try:
            with scope or trio.CancelScope():
                await trio.sleep(self.storm.dice.choice((0.0, 0.01, 0.1, 0.3, 2.0)))
        finally:
            run.ended_at_s = trio.current_time()
        return SUCCESS


@define(eq=False)
class Storm:
    """The cluster, what is done to it, and what came of it."""

    dice: random.Random
    store: Store
    clock: Clock
    tasks: trio.Nursery
    every: list[Node] = field(factory=list)
    runs: list[Run] = field(factory=list)
    # Jobs are numbered here: the last number, the acknowledged ones, each by its id, when some were deleted.
    numbers: int = 0
    pushed: set[int] = field(factory=set)
    by_id: dict[int, int] = field(factory=dict)
    deleted: dict[int, float] = field(factory=dict)

    @property
    def nodes(self) -> list[Node]:
        """Those that run and are not to end."""
        return [node for node in self.every if node.started.is_set() and not node.leaving.is_set()]

    @property
    def well(self) -> list[Node]:
        """Those that are in no trouble."""
        return [node for node in self.nodes if node.is_well]

    # What is done.

    async def join(self) -> None:
        """Start a node."""
        if len(self.nodes) < NODES[1]:
            node = Node(f"node-{len(self.every)}", self)
            self.every.append(node)
            self.tasks.start_soon(self._live, node)
            await node.started.wait()

    async def _live(self, node: Node) -> None:
        store = cast("Store", node)
        with node.scope:
            async with open_push_side(
                node, store=store, node_id=node.id, default_queue="", clock=self.clock
            ) as node.side:
                node.started.set()
                await node.leaving.wait()
                with trio.move_on_after(1.0) as patience:
                    await node.side.queues.drain()
                if patience.cancelled_caught:
                    node.troubles.append((trio.current_time(), trio.current_time()))
        node.is_marked = False
        node.ended.set()

    async def leave(self) -> None:
        """Stop a node in order; jobs that take long are cut off."""
        if len(self.well) > NODES[0]:
            self.dice.choice(self.well).leaving.set()

    async def crash(self) -> None:
        """End a node at once: it says nothing more to anybody."""
        if len(self.well) > NODES[0]:
            node = self.dice.choice(self.well)
            node.troubles.append((trio.current_time(), trio.current_time()))
            node.is_cut_off, node.is_marked = True, False
            node.leaving.set()
            node.scope.cancel()

    async def cut_off(self) -> None:
        """Let a node lose its connections for a while, and with them its mark."""
        if self.well:
            self.tasks.start_soon(self._cut_off, [self.dice.choice(self.well)], self.dice.uniform(0.05, 5))

    async def outage(self) -> None:
        """Let the store be away for everybody."""
        if self.well:
            self.tasks.start_soon(self._cut_off, self.well, self.dice.uniform(0.1, 6))

    async def _cut_off(self, nodes: list[Node], for_s: float) -> None:
        for node in nodes:
            self.tasks.start_soon(self._cut_one_off, node, for_s + self.dice.uniform(0, 0.3))

    async def _cut_one_off(self, node: Node, for_s: float) -> None:
        async with node.trouble():
            node.is_cut_off, node.is_marked = True, False
            await trio.sleep(for_s)
            if not node.leaving.is_set():
                node.is_cut_off, node.is_marked = False, True

    async def stall(self) -> None:
        """Let a node stand still: its mark stays, and nobody answers it."""
        if self.well:
            self.tasks.start_soon(self._stall, self.dice.choice(self.well), self.dice.uniform(0.1, 8))

    async def _stall(self, node: Node, for_s: float) -> None:
        async with node.trouble():
            node.connected = trio.Event()
            await trio.sleep(for_s)
            node.connected.set()

    async def push(self) -> None:
        """Push some jobs by way of any node."""
        if self.well:
            node, queue = self.dice.choice(self.well), self.dice.choice(QUEUES)
            for _ in range(self.dice.randint(1, 2 if queue == THROTTLED else 6)):
                self.numbers += 1
                self.tasks.start_soon(self._push, node, queue, self.numbers)

    async def _push(self, node: Node, queue: str, number: int) -> None:
        assert node.side is not None
        job = order(
            f"http://worker/{queue}", queue, b"%d" % number, run_after_s=self.dice.choice((0, 0, 0, 1))
        )
        try:
            job_id = (await node.side.queues.push(job)).id
        except (StoreUnavailable, CallerError):
            return
        self.pushed.add(number)
        self.by_id[job_id] = number

    async def define(self) -> None:
        """Make a queue that was removed, by way of any node."""
        if self.well:
            await self._define(self.dice.choice(self.well), self.dice.choice(QUEUES))

    async def define_all(self) -> None:
        """Make all queues, by way of any node."""
        for queue in QUEUES:
            await self._define(self.dice.choice(self.well), queue)

    async def _define(self, node: Node, name: str) -> None:
        assert node.side is not None
        await node.side.queues.definitions.define(definition_of(name))

    async def undefine(self) -> None:
        """Remove a queue, by way of any node."""
        if self.well:
            side = self.dice.choice(self.well).side
            assert side is not None
            # A queue that is made anew has a full throttle, which is not what is judged here.
            await side.queues.definitions.undefine(self.dice.choice(QUEUES[:-1]))

    async def delete_job(self) -> None:
        """Delete a running job, by way of any node."""
        running = [run for run in self.runs[-50:] if run.ended_at_s == float("inf")]
        if self.well and running:
            run = self.dice.choice(running)
            side = self.dice.choice(self.well).side
            assert side is not None
            for job_id in [each for each, number in self.by_id.items() if number == run.job]:
                if await side.queues.delete_job(run.queue, job_id) is not None:
                    self.deleted[run.job] = trio.current_time()

    # What came of it.

    def never_run(self) -> set[int]:
        """Return the acknowledged jobs that nobody has run or deleted (I1)."""
        return self.pushed - {run.job for run in self.runs} - self.deleted.keys()

    def unexplained_repetitions(self) -> dict[int, list[Run]]:
        """Return the jobs that ran again although the node before was well."""
        runs: dict[int, list[Run]] = {}
        for run in self.runs:
            runs.setdefault(run.job, []).append(run)
        return {
            job: each
            for job, each in runs.items()
            if any(not run.node.is_excused(run.began_at_s, run.ended_at_s) for run in each[:-1])
        }

    def excess(self) -> list[tuple[str, float]]:
        """Return where more jobs of a queue ran than it has workers, but for nodes in trouble (I6)."""
        found = []
        for queue in QUEUES:
            changes = sorted(
                (at_s, change)
                for run in self.runs
                if run.queue == queue and not run.node.is_excused(run.began_at_s, run.ended_at_s)
                for at_s, change in ((run.began_at_s, 1), (run.ended_at_s, -1))
            )
            in_flight = 0
            for at_s, change in changes:
                in_flight += change
                if in_flight > WORKERS:
                    found.append((queue, at_s))
        return found

    def hasty_starts(self) -> list[float]:
        """Return when the throttled queue started more than its rate and burst allow (I6)."""
        tokens, at_s, found = float(BURST), 0.0, []
        for run in self.runs:
            if run.queue == THROTTLED and not run.node.is_excused(run.began_at_s, run.ended_at_s):
                tokens = min(BURST, tokens + (run.began_at_s - at_s) * RATE) - 1
                at_s = run.began_at_s
                if tokens < -1e-6:
                    found.append(at_s)
        return found

    def late_calls(self) -> list[int]:
        """Return the deleted jobs whose calls went on (I12)."""
        return [
            run.job
            for run in self.runs
            if run.job in self.deleted
            and run.ended_at_s > self.deleted[run.job] + CANCELLED_S
            and not run.node.is_excused(run.began_at_s, run.ended_at_s)
        ]

    async def left(self) -> list[int]:
        """Return the jobs that the store still has."""
        now_ms = self.clock.now_ms()
        pages = [
            await self.store.jobs(JobQuery(queue, jobs, now_ms, 1000)) for queue in QUEUES for jobs in JobSet
        ]
        return [self.by_id.get(job.id, -job.id) for page in pages for job in page.items]

    async def spread(self) -> Counter[str]:
        """Count the queues of each node that runs."""
        counts = Counter({node.id: 0 for node in self.nodes})
        for queue in QUEUES:
            owner = await self.store.owner(queue, self.clock.now_ms())
            counts["nobody" if owner is None else owner.node_id] += 1
        return counts
