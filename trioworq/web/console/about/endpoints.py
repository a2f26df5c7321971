"""`/console/about`."""

import platform
from collections import Counter
from collections.abc import Sequence

import trio
from attrs import frozen

from trioworq.config import FIREWORQ_VERSION
from trioworq.manage.standings import NodeStatus
from trioworq.stores.interface import Schema, StoreUnavailable
from trioworq.web.console.about.libraries import libraries
from trioworq.web.console.desk import Desk
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE

_LIMITS = (
    "max_connections",
    "max_header_bytes",
    "max_body_bytes",
    "max_bodies_bytes",
    "max_batch_jobs",
    "request_timeout_s",
    "dispatch_timeout_ceiling_s",
    "dispatch_max_reply_bytes",
    "shutdown_timeout",
)


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the route."""
    return (Route("GET", f"{CONSOLE}/about", _About(desk).show, Scope.READ),)


@frozen
class _Cluster:
    """What the store tells of itself and of the nodes on it."""

    schema: Schema
    nodes: Sequence[NodeStatus]


@frozen
class _About:
    """The page."""

    _desk: Desk

    async def show(self, request: Request) -> Response:
        """Answer with the page, also while the store is away."""
        desk, shown = self._desk, self._desk.config.shown()
        now_ms = desk.queues.now_ms()
        return desk.page(
            request,
            "about/about.html",
            title="About",
            fireworq_version=FIREWORQ_VERSION,
            python_version=platform.python_version(),
            trio_version=trio.__version__,
            driver=desk.config.driver.value,
            cluster=await self._cluster(now_ms),
            node_id=desk.about.node_id,
            started_at_ms=desk.about.started_at_ms,
            up_ms=now_ms - desk.about.started_at_ms,
            has_tokens=desk.guard.tokens is not None,
            console=desk.config.console.value,
            limits=[(name, int(shown[name])) for name in _LIMITS],
            libraries=libraries(),
        )

    async def _cluster(self, now_ms: int) -> _Cluster | None:
        store = self._desk.queues.store
        try:
            schema = await self._desk.about.schema()
            nodes = await store.nodes(now_ms)
            owners = await store.owners(now_ms)
        except StoreUnavailable:
            return None
        queues = Counter(owner.node_id for owner in owners.values())
        return _Cluster(schema, [NodeStatus(node.id, node.host, queues[node.id]) for node in nodes])
