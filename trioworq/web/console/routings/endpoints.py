"""`/console/routings`."""

import json
from http import HTTPStatus

from attrs import frozen

from trioworq.core.errors import CallerError
from trioworq.core.jobs import Kind
from trioworq.core.routing import Routing
from trioworq.web.console.desk import Desk
from trioworq.web.console.forms import Form
from trioworq.web.console.routings.listing import list_routings
from trioworq.web.console.urls import url
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE
from trioworq.web.wire import read_routing

_PATH = f"{CONSOLE}/routings"

# How many queues a field offers to choose from; others can be typed.
_OFFERED = 500


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes."""
    page = _Routings(desk)
    return (
        Route("GET", _PATH, page.show, Scope.READ),
        Route("POST", f"{_PATH}/put", page.put),
        Route("POST", f"{_PATH}/delete", page.delete),
    )


@frozen
class _Typed:
    """What stands in the form, and what is wrong with it."""

    category: str = ""
    queue: str = ""
    trouble: str = ""


@frozen
class _Routings:
    """The page, and what its forms do."""

    _desk: Desk

    async def show(self, request: Request) -> Response:
        """Answer with a page of routings, and a form with what the query says of one."""
        query = request.query
        typed = _Typed(query.get("category", ""), query.get("queue", ""))
        return await self._page(request, typed, text=query.get("text", ""), after=query.get("after", ""))

    async def put(self, request: Request) -> Response:
        """Route a category."""
        form = Form.of(request)
        category, queue = form.text("category"), form.text("queue")
        try:
            routing = read_routing(category, json.dumps({"queue_name": queue}).encode())
            await self._desk.queues.routings.put(routing)
        except CallerError as error:
            return await self._page(request, _Typed(category, queue, str(error)), text=form.text("text"))
        return self._back(form, f"{routing.category} goes to {routing.queue} now")

    async def delete(self, request: Request) -> Response:
        """Remove a routing."""
        form = Form.of(request)
        category = form.text("category")
        routing = await self._desk.queues.routings.delete(category)
        done = f"{category} is routed no more" if routing else f"There was no routing of {category}"
        return self._back(form, done)

    def _back(self, form: Form, told: str) -> Response:
        return self._desk.see_other(url(_PATH, text=form.text("text") or None), told=told)

    async def _page(self, request: Request, typed: _Typed, *, text: str, after: str = "") -> Response:
        queues = self._desk.queues
        # With what was changed on other nodes.
        await queues.definitions.catch_up()
        listing = list_routings(queues.routings.all(), text, after)
        return self._desk.page(
            request,
            "routings/routings.html",
            title="Routings",
            status=HTTPStatus.BAD_REQUEST if typed.trouble else HTTPStatus.OK,
            listing=listing,
            rows=[(routing, self._state(routing)) for routing in listing.rows],
            next_url=None
            if listing.next_after is None
            else url(_PATH, text=text or None, after=listing.next_after),
            default_queue=self._desk.config.queue_default,
            queues=sorted(queues.definitions.running)[:_OFFERED],
            text=text,
            after=after,
            typed=typed,
        )

    def _state(self, routing: Routing) -> str:
        if routing.queue not in self._desk.queues.definitions.running:
            return "undefined"
        is_paused = self._desk.management.pauses.is_paused(Kind.PUSH, routing.queue)
        return "paused" if is_paused else "active"
