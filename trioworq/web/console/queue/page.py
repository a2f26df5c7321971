"""The page of a queue, and the form for a new one."""

import json
from collections.abc import Sequence
from http import HTTPStatus

from attrs import frozen

from trioworq.core.jobs import Kind
from trioworq.core.load import LoadPoint
from trioworq.core.nodes import QueueName
from trioworq.core.queues import QueueDefinition
from trioworq.web.console.desk import Desk
from trioworq.web.console.overview.endpoints import latest
from trioworq.web.console.overview.rows import word_of
from trioworq.web.console.queue.definitions import Typed, typed_anew, typed_of
from trioworq.web.console.queue.history import SPANS, USUAL_SPAN, read_history
from trioworq.web.console.queue.listing import TABS, Listing, read_listing
from trioworq.web.console.queue.live import page_cells, trace_columns, trace_of
from trioworq.web.console.queue.names import address_of, read_queue, standing_of
from trioworq.web.messages import Request, Response

# How many routings are named; the page of routings has them all.
SHOWN_ROUTINGS = 20


@frozen
class QueuePage:
    """Shows queues."""

    _desk: Desk

    async def show(self, request: Request) -> Response:
        """Answer with a queue's page, or what of it is asked for."""
        if "new" in request.query:
            return self.new(request, typed_anew(self._desk.queues.defaults, request.query.get("name", "")))
        queue = read_queue(request.query)
        match request.headers.get("hx-target"):
            case "jobs":
                return self._desk.fragment(request, "queue/jobs.html", **await self._jobs(request, queue))
            case "definition":
                return await self._definition(request, queue)
            case _:
                return await self.page(request, queue)

    def new(self, request: Request, typed: Typed) -> Response:
        """Answer with the form for a new push queue, as far as it has been filled in."""
        status = HTTPStatus.BAD_REQUEST if typed.trouble else HTTPStatus.OK
        return self._desk.page(request, "queue/new.html", title="New queue", status=status, typed=typed)

    async def page(self, request: Request, queue: QueueName, typed: Typed | None = None) -> Response:
        """Answer with a queue's page, with the form of its definition if that is to be seen."""
        definition = await self._stored(queue)
        snapshot = await latest(self._desk)
        standing = standing_of(queue, snapshot, self._desk)
        if queue.kind is Kind.PUSH and definition is None and not standing.is_known:
            return self._missing(request, queue)
        typed = typed or self._edited(request, definition)
        return self._desk.page(
            request,
            "queue/queue.html",
            title=f"{queue.name} ({word_of(queue.kind)})",
            status=HTTPStatus.BAD_REQUEST if typed and typed.trouble else HTTPStatus.OK,
            cells=page_cells(queue, snapshot, self._desk),
            definition=definition,
            typed=typed,
            stats=self._desk.queues.stats(queue.name) if queue.kind is Kind.PUSH else None,
            trace=trace_of(queue, snapshot),
            trace_plot=json.dumps(trace_columns(trace_of(queue, snapshot))),
            **await self._jobs(request, queue),
            **await self._history(request, queue),
            **await self._routed(queue),
        )

    def _missing(self, request: Request, queue: QueueName) -> Response:
        return self._desk.page(
            request,
            "queue/missing.html",
            title="No such queue",
            status=HTTPStatus.NOT_FOUND,
            name=queue.name,
        )

    async def _stored(self, queue: QueueName) -> QueueDefinition | None:
        return await self._desk.queues.store.queue(queue.name) if queue.kind is Kind.PUSH else None

    def _edited(self, request: Request, definition: QueueDefinition | None) -> Typed | None:
        """Return what the form begins with, where it is asked for by somebody who may use it."""
        is_wanted = "edit" in request.query and self._desk.rights(request).can_change
        return typed_of(definition) if is_wanted and definition else None

    async def _definition(self, request: Request, queue: QueueName) -> Response:
        definition = await self._stored(queue)
        typed = self._edited(request, definition)
        return self._desk.fragment(
            request, "queue/definition.html", definition=definition, typed=typed, **_named(queue)
        )

    async def _jobs(self, request: Request, queue: QueueName) -> dict[str, object]:
        listing = await read_listing(self._desk.management.browser, queue, request.query)
        return {**_named(queue), "listing": listing, "tabs": TABS, "here": _here(queue, listing, request)}

    async def _history(self, request: Request, queue: QueueName) -> dict[str, object]:
        span = SPANS.get(request.query.get("span", ""), USUAL_SPAN)
        interval_s = self._desk.config.load_interval
        points = await read_history(self._desk.management.load, queue, span, interval_s)
        return {
            "span": span,
            "spans": SPANS.values(),
            "interval_s": interval_s,
            "history": points,
            "history_plot": json.dumps(_columns(points)),
        }

    async def _routed(self, queue: QueueName) -> dict[str, object]:
        if queue.kind is Kind.PULL:
            return {"routings": (), "more_routings": 0, "is_default": False}
        routings = await self._desk.queues.routings.read()
        categories = sorted(routing.category for routing in routings if routing.queue == queue.name)
        return {
            "routings": categories[:SHOWN_ROUTINGS],
            "more_routings": max(0, len(categories) - SHOWN_ROUTINGS),
            "is_default": queue.name == self._desk.config.queue_default,
        }


def _named(queue: QueueName) -> dict[str, object]:
    return {"kind": word_of(queue.kind), "name": queue.name, "address": address_of(queue)}


def _here(queue: QueueName, listing: Listing, request: Request) -> str:
    """Return where to come back to after a job was changed."""
    query = {name: request.query.get(name) or None for name in ("category", "text", "cursor", "span")}
    return address_of(queue, tab=listing.tab, **query)


def _columns(points: Sequence[LoadPoint]) -> list[list[float]]:
    return [
        [point.time_ms / 1000 for point in points],
        [point.load.queued for point in points],
        [point.load.pending for point in points],
        [point.load.running for point in points],
    ]
