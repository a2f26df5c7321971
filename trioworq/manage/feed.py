"""How all queues stand, looked at once a second for all who watch, and hardly at all while nobody does."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

import trio
from attrs import define, evolve, field, frozen

from trioworq.clock import Clock
from trioworq.core.load import JobCount, QueueEnded
from trioworq.core.nodes import NO_ACTIVITY, Activity, QueueName, read_report, sum_up
from trioworq.core.overview import QueueStatus, Trouble, is_growing, trouble_of
from trioworq.manage.shared import SharedRead
from trioworq.manage.standings import NodeStatus, jobs_by_queue, place, stand, stand_nodes
from trioworq.pauses import Pauses
from trioworq.stores.interface import Store, StoreUnavailable

LOOK_INTERVAL_S = 1.0
# How long after the last who watched was given something the looks go on.
WATCHED_S = 5.0
# What queues do is kept for this long, and noted so often, watched or not, so that who comes sees what was.
TRACE_INTERVAL_S = 5.0
TRACE_POINTS = 60
BACKLOG_POINTS = 60

# A look that takes longer than this, and so many times as long as the one before, is told of meanwhile.
SLOW_S = 4.0
SLOW_LOOKS = 4

_UNKNOWN = "The store is out of reach"
_SLOW = "The store is slow to answer"


@frozen(kw_only=True)
class Snapshot:
    """How all queues stand at an instant, those first that somebody should look at.

    `number` grows with each. `trouble` says why nothing is known that is newer than `seen_ms`, and
    `lost_at_ms` since when; empty and None when all is. `seen_ms` is None before anything was ever known.
    `traces` have what went on in queues, each TRACE_INTERVAL_S, the newest last; `traced` grows with each
    such point.
    """

    number: int
    time_ms: int
    seen_ms: int | None = None
    queues: Sequence[QueueStatus] = ()
    troubles: Mapping[QueueName, Trouble] = field(factory=dict)
    nodes: Sequence[NodeStatus] = ()
    traces: Mapping[QueueName, Sequence[Activity]] = field(factory=dict)
    traced: int = 0
    trouble: str = ""
    lost_at_ms: int | None = None


@define(eq=False)
class _Traces:
    """What went on in queues of late; those where nothing did are forgotten."""

    number: int = 0
    _points: dict[QueueName, deque[Activity]] = field(factory=dict)

    def add(self, activities: Mapping[QueueName, Activity]) -> None:
        """Note what goes on now."""
        self.number += 1
        for queue in activities.keys() - self._points.keys():
            quiet = [NO_ACTIVITY] * min(self.number - 1, TRACE_POINTS - 1)
            self._points[queue] = deque(quiet, maxlen=TRACE_POINTS)
        for queue, points in list(self._points.items()):
            points.append(activities.get(queue, NO_ACTIVITY))
            if all(point == NO_ACTIVITY for point in points):
                del self._points[queue]

    def shown(self) -> Mapping[QueueName, Sequence[Activity]]:
        """Return all of them."""
        return {queue: tuple(points) for queue, points in self._points.items()}


class Feed:
    """Looks at everything; `next` is for those who watch."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        counts: SharedRead[list[JobCount]],
        ended: SharedRead[list[QueueEnded]],
        pauses: Pauses,
    ) -> None:
        self._store = store
        self._clock = clock
        self._counts = counts
        self._ended = ended
        self._pauses = pauses
        self._traces = _Traces()
        self._backlogs: defaultdict[QueueName, deque[int]] = defaultdict(lambda: deque(maxlen=BACKLOG_POINTS))
        self._latest: Snapshot | None = None
        self._looked = trio.Event()
        self._wanted = trio.Event()
        self._watched_at_s = -float("inf")
        self._took_s = 0.0
        self._is_over = False

    async def next(self, after: int = 0) -> Snapshot | None:
        """Return a snapshot with a greater number, as soon as there is one; None when the daemon stops.

        What is at hand may be some seconds old when nobody has watched. If cancelled: nothing is left behind.
        """
        while not self._is_over:
            self._watched_at_s = trio.current_time()
            self._wanted.set()
            if self._latest is not None and self._is_fresh() and self._latest.number > after:
                await trio.lowlevel.checkpoint()
                return self._latest
            await self._looked.wait()
        await trio.lowlevel.checkpoint()
        return None

    @property
    def latest(self) -> Snapshot | None:
        """What was seen last, however old that is; None before the first look."""
        return self._latest

    def _is_fresh(self) -> bool:
        return self._latest is not None and self._clock.now_ms() - self._latest.time_ms < WATCHED_S * 1000

    def leave(self) -> None:
        """Let those go who watch."""
        self._is_over = True
        self._wake()

    async def run(self) -> None:
        """Look while somebody watches, and note what goes on. Runs until cancelled."""
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self._trace)
            while True:
                if trio.current_time() - self._watched_at_s > WATCHED_S:
                    self._wanted = trio.Event()
                    self._backlogs.clear()
                await self._wanted.wait()
                began_s = trio.current_time()
                await self._publish()
                await trio.sleep_until(began_s + LOOK_INTERVAL_S)

    async def _trace(self) -> None:
        while True:
            began_s = trio.current_time()
            try:
                nodes = await self._store.nodes(self._clock.now_ms())
            except StoreUnavailable:
                nodes = []
            self._traces.add(sum_up(read_report(node.report) for node in nodes))
            await trio.sleep_until(began_s + TRACE_INTERVAL_S)

    async def _publish(self) -> None:
        began_s = trio.current_time()
        async with trio.open_nursery() as looking:
            looking.start_soon(self._tell_of_slowness)
            try:
                snapshot = await self._look()
            except StoreUnavailable:
                snapshot = self._unseen(_UNKNOWN)
            looking.cancel_scope.cancel(reason="the look has ended")
        self._took_s = trio.current_time() - began_s
        self._tell(snapshot)

    async def _tell_of_slowness(self) -> None:
        await trio.sleep(max(SLOW_S, SLOW_LOOKS * self._took_s))
        while True:
            self._tell(self._unseen(_SLOW))
            await trio.sleep(LOOK_INTERVAL_S)

    def _unseen(self, trouble: str) -> Snapshot:
        """Show what was known, as such."""
        now_ms = self._clock.now_ms()
        before = self._latest or Snapshot(number=0, time_ms=now_ms)
        lost_at_ms = now_ms if before.lost_at_ms is None else before.lost_at_ms
        return evolve(before, time_ms=now_ms, trouble=trouble, lost_at_ms=lost_at_ms)

    def _tell(self, snapshot: Snapshot) -> None:
        self._latest = evolve(snapshot, number=self._latest.number + 1 if self._latest else 1)
        self._wake()

    def _wake(self) -> None:
        self._looked.set()
        self._looked = trio.Event()

    async def _look(self) -> Snapshot:
        counts, ended = await self._counts.get(), await self._ended.get()
        now_ms = self._clock.now_ms()
        nodes = await self._store.nodes(now_ms)
        owners = await self._store.owners(now_ms)
        defined = {definition.name for definition in await self._store.queues()}
        activities = sum_up(read_report(node.report) for node in nodes)
        jobs = jobs_by_queue(counts, ended, defined, activities, self._pauses)
        await trio.lowlevel.checkpoint()
        statuses = stand(jobs, defined, owners, activities, self._pauses)
        # Of many thousands of queues each of these takes as long as others should wait for their turn.
        await trio.lowlevel.checkpoint()
        troubles = {status.queue: self._judge(status, now_ms) for status in statuses}
        await trio.lowlevel.checkpoint()
        return Snapshot(
            number=0,
            time_ms=now_ms,
            seen_ms=now_ms,
            queues=sorted(statuses, key=lambda status: place(status, troubles)),
            troubles=troubles,
            nodes=stand_nodes(nodes, owners),
            traces=self._traces.shown(),
            traced=self._traces.number,
        )

    def _judge(self, status: QueueStatus, now_ms: int) -> Trouble:
        backlog = self._backlogs[status.queue]
        backlog.append(status.waiting)
        return trouble_of(status, growing=is_growing(backlog), now_ms=now_ms)
