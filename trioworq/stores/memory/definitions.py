"""Queues, routings and pauses in the in-memory store. Nothing here waits."""

from attrs import define, evolve, field

from trioworq.core.errors import NoSuchQueue
from trioworq.core.jobs import Kind
from trioworq.core.queues import QueueDefinition, Revision
from trioworq.core.routing import Routing


@define(eq=False)
class Definitions:
    """What is defined, and how often it has changed."""

    queues: dict[str, QueueDefinition] = field(factory=dict)
    routings: dict[str, Routing] = field(factory=dict)
    paused: set[tuple[Kind, str]] = field(factory=set)
    revision: Revision = Revision(queues=0, routings=0)
    pauses: int = 0

    def put_queue(self, definition: QueueDefinition, *, replaces: bool) -> bool:
        """Define a queue; return whether that changed anything."""
        present = self.queues.get(definition.name)
        if present == definition or (present is not None and not replaces):
            return False
        self.queues[definition.name] = definition
        self._count_queue()
        return True

    def delete_queue(self, name: str) -> QueueDefinition | None:
        """Remove a definition, and the queue's pause with it."""
        definition = self.queues.pop(name, None)
        if definition is not None:
            self._count_queue()
            self._set_paused((Kind.PUSH, name), is_paused=False)
        return definition

    def put_routing(self, routing: Routing) -> bool:
        """Route a category; return whether that changed anything. Raises NoSuchQueue."""
        if routing.queue not in self.queues:
            raise NoSuchQueue(routing.queue)
        if self.routings.get(routing.category) == routing:
            return False
        self.routings[routing.category] = routing
        self._count_routing()
        return True

    def delete_routing(self, category: str) -> Routing | None:
        """Remove a routing."""
        routing = self.routings.pop(category, None)
        if routing is not None:
            self._count_routing()
        return routing

    def set_paused(self, kind: Kind, queue: str, *, is_paused: bool) -> bool:
        """Pause or resume a queue; return whether that changed anything. Raises NoSuchQueue."""
        if kind is Kind.PUSH and queue not in self.queues:
            raise NoSuchQueue(queue)
        return self._set_paused((kind, queue), is_paused=is_paused)

    def _set_paused(self, queue: tuple[Kind, str], *, is_paused: bool) -> bool:
        if (queue in self.paused) == is_paused:
            return False
        self.paused ^= {queue}
        self.pauses += 1
        return True

    def _count_queue(self) -> None:
        self.revision = evolve(self.revision, queues=self.revision.queues + 1)

    def _count_routing(self) -> None:
        self.revision = evolve(self.revision, routings=self.revision.routings + 1)
