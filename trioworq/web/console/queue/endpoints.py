"""`/console/queue`: the page of a queue, and what its forms do."""

from attrs import frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Kind
from trioworq.core.nodes import QueueName
from trioworq.core.queues import QueueDefinition
from trioworq.web.console.desk import Desk
from trioworq.web.console.forms import Form
from trioworq.web.console.overview.endpoints import latest
from trioworq.web.console.queue.definitions import body_of, sent
from trioworq.web.console.queue.names import QUEUE, address_of, read_queue, standing_of
from trioworq.web.console.queue.page import QueuePage
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE
from trioworq.web.wire import read_definition


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes of queues."""
    page, changes = QueuePage(desk), _Changes(desk)
    return (
        Route("GET", QUEUE, page.show, Scope.READ),
        Route("GET", f"{QUEUE}/delete", changes.ask),
        Route("POST", f"{QUEUE}/new", changes.create),
        Route("POST", f"{QUEUE}/define", changes.define),
        Route("POST", f"{QUEUE}/delete", changes.delete),
        Route("POST", f"{QUEUE}/pause", changes.pause),
        Route("POST", f"{QUEUE}/resume", changes.resume),
    )


@frozen
class _Changes:
    """Each change is followed by the page of the queue, or by the form with what is wrong in it."""

    _desk: Desk

    async def create(self, request: Request) -> Response:
        """Define a queue that is not there yet."""
        form = Form.of(request)
        try:
            definition = await self._read_new(form)
        except InvalidRequest as error:
            return QueuePage(self._desk).new(request, sent(form, str(error)))
        await self._desk.queues.definitions.define(definition)
        there = address_of(QueueName(Kind.PUSH, definition.name))
        return self._desk.see_other(there, told="The queue is defined")

    async def _read_new(self, form: Form) -> QueueDefinition:
        definition = read_definition(form.text("name"), body_of(form), self._desk.queues.defaults)
        if await self._desk.queues.store.queue(definition.name) is not None:
            raise InvalidRequest("There is a queue of this name already")
        return definition

    async def define(self, request: Request) -> Response:
        """Define a queue, as it has been or not."""
        form = Form.of(request)
        queue = _queue(form)
        try:
            definition = read_definition(queue.name, body_of(form), self._desk.queues.defaults)
        except InvalidRequest as error:
            return await QueuePage(self._desk).page(request, queue, sent(form, str(error)))
        await self._desk.queues.definitions.define(definition)
        return self._desk.see_other(address_of(queue), told="The definition is in force")

    async def ask(self, request: Request) -> Response:
        """Say what becomes of jobs and routings before a definition is deleted."""
        queue = read_queue({**request.query, "kind": "push"})
        definition = await self._desk.queues.store.queue(queue.name)
        if definition is None:
            return await QueuePage(self._desk).page(request, queue)
        routings = await self._desk.queues.routings.read()
        snapshot = await latest(self._desk)
        standing = standing_of(queue, snapshot, self._desk)
        return self._desk.page(
            request,
            "queue/delete.html",
            title=f"Delete {queue.name}",
            name=queue.name,
            address=address_of(queue),
            routings=sum(routing.queue == queue.name for routing in routings),
            is_default=queue.name == self._desk.config.queue_default,
            status_of_queue=standing.status,
        )

    async def delete(self, request: Request) -> Response:
        """Delete a definition."""
        queue = _queue(Form.of(request))
        definition = await self._desk.queues.definitions.undefine(queue.name)
        done = "has been deleted" if definition else "was not defined"
        return self._desk.see_other(CONSOLE, told=f"The definition of {queue.name} {done}")

    async def pause(self, request: Request) -> Response:
        """Start no more jobs of a queue."""
        queue = _queue(Form.of(request))
        await self._desk.management.pauses.pause(queue.kind, queue.name)
        return self._desk.see_other(address_of(queue), told="The queue is paused: no jobs are started")

    async def resume(self, request: Request) -> Response:
        """Start jobs of a queue again."""
        queue = _queue(Form.of(request))
        await self._desk.management.pauses.resume(queue.kind, queue.name)
        return self._desk.see_other(address_of(queue), told="The queue is resumed")


def _queue(form: Form) -> QueueName:
    return read_queue({name: form.text(name) for name in ("kind", "name")})
