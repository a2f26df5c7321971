"""Who owns which queue of the in-memory store. One process is all there is, but tests run several nodes."""

from collections.abc import Collection

from attrs import define, evolve, field

from trioworq.core import leases
from trioworq.core.leases import Hold
from trioworq.core.nodes import LiveNode
from trioworq.core.queues import Owner
from trioworq.core.suspicion import Peer


@define(eq=False)
class Ownership:
    """The nodes and their leases. Nothing here waits."""

    _leases: dict[str, Owner] = field(factory=dict)
    _nodes: dict[str, int] = field(factory=dict)  # node id → when it no longer counts as live, in ms
    _reports: dict[str, LiveNode] = field(factory=dict)  # by node id

    def epoch(self, queue: str) -> int | None:
        """Return the epoch of a queue, held or not; None when it has never been held."""
        lease = self._leases.get(queue)
        return None if lease is None else lease.epoch

    def owner(self, queue: str, now_ms: int) -> Owner | None:
        """Return who holds a queue."""
        lease = self._leases.get(queue)
        return lease if lease is not None and lease.expires_at_ms > now_ms else None

    def hold(self, hold: Hold) -> leases.LeasePlan:
        """Take or renew leases; return which."""
        for node_id, seen_ms in hold.gone.items():
            if self._nodes.get(node_id, 0) <= seen_ms:
                self.give_back(node_id, hold.now_ms, None)
        expires_at_ms = hold.now_ms + hold.lease_ms
        if hold.is_leaving:
            self._forget(hold.node_id)
        else:
            self._nodes[hold.node_id] = expires_at_ms
        live = [node_id for node_id, end_ms in self._nodes.items() if end_ms > hold.now_ms]
        planned = leases.plan(hold, self._leases, live)
        for queue, epoch in (planned.renewed | planned.taken).items():
            self._leases[queue] = Owner(hold.node_id, hold.host, epoch, expires_at_ms)
        return planned

    def give_back(self, node_id: str, now_ms: int, queues: Collection[str] | None) -> None:
        """End leases of a node; all of them, and its place among the live ones, when no queues are named."""
        for queue, lease in self._leases.items():
            if lease.node_id == node_id and (queues is None or queue in queues):
                self._leases[queue] = evolve(lease, expires_at_ms=min(now_ms, lease.expires_at_ms))
        if queues is None:
            self._forget(node_id)

    def _forget(self, node_id: str) -> None:
        self._nodes.pop(node_id, None)
        self._reports.pop(node_id, None)

    def report(self, told: LiveNode) -> None:
        """Keep what a node says of itself, if it has a place."""
        if told.id in self._nodes:
            self._reports[told.id] = told

    def nodes(self, now_ms: int) -> list[LiveNode]:
        """Return the nodes that are live, ordered by host and id."""
        live = [node_id for node_id, end_ms in self._nodes.items() if end_ms > now_ms]
        told = [self._reports.get(node_id, LiveNode(node_id, "")) for node_id in live]
        return sorted(told, key=lambda node: (node.host, node.id))

    def owners(self, now_ms: int) -> dict[str, Owner]:
        """Return who holds which queue."""
        return {queue: lease for queue, lease in self._leases.items() if lease.expires_at_ms > now_ms}

    def free(self, now_ms: int) -> frozenset[str]:
        """Name the queues whose leases have ended."""
        return frozenset(queue for queue, lease in self._leases.items() if lease.expires_at_ms <= now_ms)

    def peers(self) -> list[Peer]:
        """Return the nodes that count as live; one that has ended has taken all this with it."""
        return [Peer(node_id, end_ms, is_present=True) for node_id, end_ms in self._nodes.items()]
