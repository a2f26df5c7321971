"""Which queue takes which category: this node's copy of the store's routings (contract §1.6)."""

import trio

from trioworq.core.routing import Routing, queue_of
from trioworq.stores.interface import Store


class Routings:
    """The routings in force on this node, and the default queue for all other categories.

    What was changed here, or has been read from the store, is in force at once and does not go back to an
    older state.
    """

    def __init__(self, store: Store, default_queue: str) -> None:
        """`default_queue` is empty when there is none."""
        self._store = store
        self._default_queue = default_queue
        self._queues: dict[str, str] = {}
        # From a look at the store, or a change in it, until `_queues` shows that.
        self._changing = trio.Lock()

    def queue_of(self, category: str) -> str:
        """Name the queue for a category. Raises NoSuchRoute."""
        return queue_of(category, self._queues, self._default_queue)

    def get(self, category: str) -> Routing | None:
        """Return the routing of a category as this node knows it."""
        queue = self._queues.get(category)
        return None if queue is None else Routing(category, queue)

    def all(self) -> list[Routing]:
        """Return every routing as this node knows them."""
        return [Routing(category, queue) for category, queue in self._queues.items()]

    async def read(self) -> list[Routing]:
        """Read all routings from the store and bring them in force. Raises StoreUnavailable.

        If cancelled: those before stay in force.
        """
        async with self._changing:
            routings = await self._store.routings()
            self._queues = {routing.category: routing.queue for routing in routings}
            return routings

    async def put(self, routing: Routing) -> None:
        """Route a category. Raises NoSuchQueue when the queue is not defined, and StoreUnavailable.

        If cancelled: the routing may be stored all the same, and is in force with the next look at the store.
        """
        async with self._changing:
            await self._store.put_routing(routing)
            self._queues[routing.category] = routing.queue

    async def delete(self, category: str) -> Routing | None:
        """Remove a routing and return it. Raises StoreUnavailable. If cancelled: as for `put`."""
        async with self._changing:
            routing = await self._store.delete_routing(category)
            self._queues.pop(category, None)
            return routing
