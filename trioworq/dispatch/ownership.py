"""Holding the leases of queues: a queue is dispatched by one node at a time (design §5)."""

import socket
from collections.abc import Mapping

import trio
from attrs import frozen

from trioworq.clock import Clock
from trioworq.dispatch.dispatcher import Dispatcher
from trioworq.logs import ErrorLog
from trioworq.stores.interface import Hold, Store, StoreUnavailable

LEASE_MS = 3000
RENEWAL_INTERVAL_S = 1.0


@frozen
class Node:
    """This process among the others on the same store."""

    id: str
    host: str

    @classmethod
    def here(cls, node_id: str) -> "Node":
        """Name this process by `node_id` and this machine's host name."""
        return cls(node_id, socket.gethostname())


async def hold_leases(
    dispatchers: Mapping[str, Dispatcher],
    *,
    node: Node,
    store: Store,
    clock: Clock,
    error_log: ErrorLog,
    hurry: trio.MemoryReceiveChannel[None],
) -> None:
    """Take and renew the lease of every queue that runs here, and make its dispatcher active or a backup.

    Runs until cancelled; the leases then stay until they lapse or are given back. A message on `hurry`
    asks for a round at once, for a queue that has just been defined. `dispatchers` may change meanwhile.
    """
    while True:
        started_at_s = trio.current_time()
        await _hold_all(dispatchers, node=node, store=store, clock=clock, error_log=error_log)
        with trio.move_on_at(started_at_s + RENEWAL_INTERVAL_S):
            await hurry.receive()


async def _hold_all(
    dispatchers: Mapping[str, Dispatcher], *, node: Node, store: Store, clock: Clock, error_log: ErrorLog
) -> None:
    names = tuple(dispatchers)
    if not names:
        await trio.lowlevel.checkpoint()
        return
    try:
        tenures = await store.hold(Hold(node.id, node.host, names, clock.now_ms(), LEASE_MS))
    except StoreUnavailable as error:
        # Claims name their epoch, so a lease that lapses meanwhile can do no harm (I7).
        error_log.warning("cannot renew the leases of queues; trying again", reason=str(error))
        return
    for name in names:
        if name in dispatchers:
            dispatchers[name].own(tenures.get(name))
