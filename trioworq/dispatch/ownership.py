"""Holding the leases of queues: a queue is dispatched by one node at a time, and each node has its share.

Correctness rests on the lease rows and their epochs alone (design §5). What is seen by looking round only
makes the change of owners fast: that a node is gone, that a queue is free.
"""

import math
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress

import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.core.leases import Hold
from trioworq.core.suspicion import Suspicion
from trioworq.dispatch.dispatcher import Dispatcher
from trioworq.logs import ErrorLog
from trioworq.pauses import Pauses
from trioworq.stores.interface import Sighting, Store, StoreUnavailable

LEASE_MS = 3000
RENEWAL_INTERVAL_S = 1.0
# A node that is leaving looks more often at what it can give back.
LEAVING_INTERVAL_S = 0.1

LOOK_INTERVAL_S = 0.2
# What took longer says that the store has been away, or that we have. The others then have a lease's time to
# renew theirs: else who came back first would have everything, and run the jobs of all others again.
SLOW_S = 1.0

# How long a queue is kept from claiming so that it can go to another node; jobs that take longer stay where
# they are, and so does their queue, until it is tried again.
LETTING_GO_S = 0.5
LETTING_GO_AGAIN_S = 10.0
# How long a queue that was let go is left to the others.
LEFT_TO_OTHERS_S = 2.0


@frozen
class Node:
    """This process among the others on the same store."""

    id: str
    host: str

    @classmethod
    def here(cls, node_id: str) -> "Node":
        """Name this process by `node_id` and this machine's host name."""
        return cls(node_id, socket.gethostname())


class Ownership:
    """What this node owns. `keep` and `look_out` are its tasks."""

    def __init__(
        self,
        dispatchers: Mapping[str, Dispatcher],
        *,
        node: Node,
        store: Store,
        clock: Clock,
        error_log: ErrorLog,
        pauses: Pauses,
    ) -> None:
        """`dispatchers` are those of all queues that run here; they may change at any time.

        `pauses` hear of what other nodes have paused or resumed.
        """
        self._dispatchers = dispatchers
        self._node = node
        self._store = store
        self._clock = clock
        self._error_log = error_log
        self._pauses = pauses
        self._held: frozenset[str] = frozenset()
        self._gone: Mapping[str, int] = {}
        self._suspicion = Suspicion()
        self._deletions: int | None = None
        self._patient_until_s = -math.inf
        # Until when, by Trio's clock, a queue is not asked for, and until when it is not let go again.
        self._left_until_s: dict[str, float] = {}
        self._kept_until_s: dict[str, float] = {}
        self._is_leaving = False
        self._hurry, self._hurried = trio.open_memory_channel[None](1)

    def hurry(self) -> None:
        """Ask for a round at once: a queue has been defined, or has ended."""
        # Blocked means that a round is due already.
        with suppress(trio.WouldBlock):
            self._hurry.send_nowait(None)

    def leave(self) -> None:
        """Start no more jobs and take no more queues; give each back as soon as no job runs here."""
        self._is_leaving = True
        self._hold_all_back()
        self.hurry()

    def _hold_all_back(self) -> None:
        for dispatcher in self._dispatchers.values():
            dispatcher.hold_back()

    # Holding.

    async def keep(self) -> None:
        """Take and renew leases, and make dispatchers active or backups. Runs until cancelled.

        The leases then stay until they lapse or are given back.
        """
        while True:
            started_at_s = trio.current_time()
            try:
                await self._give_back(self._finished())
                surplus = await self._hold()
                if names := self._movable(surplus):
                    await self._let_go(names)
            except StoreUnavailable as error:
                # Claims name their epoch, so a lease that lapses meanwhile can do no harm (I7).
                self._be_patient()
                self._error_log.warning("cannot renew the leases of queues; trying again", reason=str(error))
            interval_s = LEAVING_INTERVAL_S if self._is_leaving else RENEWAL_INTERVAL_S
            with trio.move_on_at(started_at_s + interval_s):
                await self._hurried.receive()

    def _finished(self) -> Collection[str]:
        """Name the queues that are held and have nothing left to do here; those are held no more."""
        ended = self._held.difference(self._dispatchers)
        if not self._is_leaving:
            return ended
        # Again in each round, for the sake of queues that have been defined meanwhile.
        self._hold_all_back()
        quiet = {
            name for name in self._held.intersection(self._dispatchers) if self._dispatchers[name].is_quiet
        }
        for name in quiet:
            self._dispatchers[name].own(None)
            self._left_until_s[name] = math.inf
        return ended | quiet

    async def _hold(self) -> int:
        """Renew what is held and take what is free; return how many queues are beyond our share."""
        asked_at_s = trio.current_time()
        left = self._left_to_others()
        names = [name for name in self._dispatchers if name not in left]
        gone, self._gone = self._gone, {}
        held = await self._store.hold(
            Hold(
                self._node.id,
                self._node.host,
                tuple(self._dispatchers),
                self._clock.now_ms(),
                LEASE_MS,
                left=left,
                gone=gone,
                is_leaving=self._is_leaving,
                is_patient=asked_at_s < self._patient_until_s,
            )
        )
        if trio.current_time() - asked_at_s > SLOW_S:
            self._be_patient()
        self._held = frozenset(held.tenures)
        for name in names:
            if name in self._dispatchers:
                self._dispatchers[name].own(held.tenures.get(name))
        return held.surplus

    def _left_to_others(self) -> frozenset[str]:
        now_s = trio.current_time()
        return frozenset(name for name, until_s in self._left_until_s.items() if until_s > now_s)

    async def _give_back(self, names: Collection[str]) -> None:
        if names:
            await self._store.give_back(self._node.id, self._clock.now_ms(), sorted(names))
            self._held = self._held.difference(names)

    # Letting go.

    def _movable(self, surplus: int) -> Sequence[str]:
        """Choose the queues to let go: those with the fewest running jobs, as they move fastest."""
        if not surplus:
            return ()
        now_s = trio.current_time()
        ready = [
            name
            for name in self._held.intersection(self._dispatchers)
            if self._kept_until_s.get(name, now_s) <= now_s
        ]
        return sorted(ready, key=lambda name: (self._dispatchers[name].running_jobs, name))[:surplus]

    async def _let_go(self, names: Sequence[str]) -> None:
        """Have queues that are quiet in time go to other nodes; the others stay.

        If cancelled: the queues stay here, and do not claim any more.
        """
        going = {name: self._dispatchers[name] for name in names}
        for dispatcher in going.values():
            dispatcher.hold_back()
        with trio.move_on_after(LETTING_GO_S):
            await _wait_until_quiet(going.values())
        now_s = trio.current_time()
        quiet = [name for name, dispatcher in going.items() if dispatcher.is_quiet]
        for name in quiet:
            going[name].own(None)
            self._left_until_s[name] = now_s + LEFT_TO_OTHERS_S
        for name, dispatcher in going.items():
            if not self._is_leaving:
                dispatcher.go_on()
            self._kept_until_s[name] = now_s + LETTING_GO_AGAIN_S
        await self._give_back(quiet)

    # Looking round.

    async def look_out(self) -> None:
        """Notice what other nodes have let go, deleted or paused, or that they are gone.

        Runs until cancelled.
        """
        while True:
            await trio.sleep(LOOK_INTERVAL_S)
            started_at_s = trio.current_time()
            try:
                sighting = await self._store.look_round(self._clock.now_ms())
                await self._pauses.catch_up(sighting.pauses)
                await self._cut_off_deleted(sighting.deletions)
            except StoreUnavailable:
                # `keep` says so.
                self._be_patient()
                continue
            if trio.current_time() - started_at_s > SLOW_S:
                self._be_patient()
            self._act_on(sighting)

    def _be_patient(self) -> None:
        """Give the others time to come back: the store has been away for everybody, as far as we know."""
        self._patient_until_s = trio.current_time() + LEASE_MS / 1000
        self._suspicion.distrust_until(self._clock.now_ms() + LEASE_MS)

    def _act_on(self, sighting: Sighting) -> None:
        own = [peer for peer in sighting.peers if peer.node_id == self._node.id]
        others = [peer for peer in sighting.peers if peer.node_id != self._node.id]
        self._gone = self._suspicion.judge(others, self._clock.now_ms())
        if self._gone and not self._is_leaving:
            # What was let go for their sake is ours to take again.
            self._left_until_s.clear()
        free = sighting.free.intersection(self._dispatchers) - self._left_to_others() - self._held
        # Without our own mark others may take us for gone: the round, as any write, connects again.
        if self._gone or free or not all(peer.is_present for peer in own):
            self.hurry()

    async def _cut_off_deleted(self, deletions: int) -> None:
        """End the calls of jobs that were deleted, on whichever node (I12)."""
        if self._deletions == deletions:
            return
        for dispatcher in list(self._dispatchers.values()):
            running = dispatcher.running_ids()
            for job_id in await self._store.missing_jobs(running) if running else ():
                dispatcher.cancel_run(job_id)
        self._deletions = deletions


async def _wait_until_quiet(dispatchers: Iterable[Dispatcher]) -> None:
    for dispatcher in dispatchers:
        await dispatcher.wait_until_quiet()
