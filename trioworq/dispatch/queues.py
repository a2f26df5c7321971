"""Every queue of this node: definitions and routings in force, running dispatchers, pushes and stats."""

from collections.abc import Mapping

from attrs import frozen

from trioworq.core.jobs import Job, Payload
from trioworq.core.queues import Owner, QueueDefaults, QueueDefinition
from trioworq.core.routing import Routing
from trioworq.core.stats import QueueStats
from trioworq.stores.interface import Store


@frozen
class Order:
    """What a client asks for in a push; every number has been checked."""

    category: str
    url: str
    payload: Payload
    run_after_s: int = 0
    timeout_s: int = 0
    retry_delay_s: int = 0
    max_retries: int = 0


class Queues:
    """The push side as the web sees it. Reads of jobs and failures go to `store` directly."""

    store: Store
    defaults: QueueDefaults

    def now_ms(self) -> int:
        """Return the time by which jobs are due."""
        raise NotImplementedError

    async def push(self, order: Order) -> tuple[int, str]:
        """Store a job and return (id, queue) once it is durable.

        Raises NoSuchRoute, NoSuchQueue, InvalidRequest (run_after out of range), StoreUnavailable.
        """
        raise NotImplementedError

    async def find(self, name: str) -> QueueDefinition | None:
        """Return a queue's definition from the store, shared by all nodes."""
        raise NotImplementedError

    async def require(self, name: str) -> None:
        """Raise NoSuchQueue unless the queue is defined; one defined on another node is started here."""
        raise NotImplementedError

    async def define(self, definition: QueueDefinition) -> None:
        """Define or redefine a queue; in force on this node when this returns."""
        raise NotImplementedError

    async def undefine(self, name: str) -> QueueDefinition | None:
        """Remove a definition and return it; running jobs go on to their end."""
        raise NotImplementedError

    def routing(self, category: str) -> Routing | None:
        """Return the routing of a category as this node knows it."""
        raise NotImplementedError

    async def route(self, routing: Routing) -> None:
        """Route a category. Raises NoSuchQueue when the queue is not defined."""
        raise NotImplementedError

    async def unroute(self, category: str) -> Routing | None:
        """Remove a routing and return it."""
        raise NotImplementedError

    def stats(self, name: str) -> QueueStats | None:
        """Return the counters of a queue that runs here."""
        raise NotImplementedError

    def all_stats(self) -> Mapping[str, QueueStats]:
        """Return the counters of every queue that runs here, by name, sorted."""
        raise NotImplementedError

    async def owner(self, name: str) -> Owner | None:
        """Return the node that dispatches a queue; None when none does. Raises NoSuchQueue."""
        raise NotImplementedError

    async def delete_job(self, queue: str, job_id: int) -> Job | None:
        """Remove a job and return it; a running one has its call cancelled (I12)."""
        raise NotImplementedError
