"""`/console/new`."""

from http import HTTPStatus

from attrs import frozen

from trioworq.core.errors import CallerError, NoSuchRoute
from trioworq.core.failures import NotFailed
from trioworq.core.jobs import Kind
from trioworq.stores.interface import StoreUnavailable
from trioworq.web.console.desk import Desk
from trioworq.web.console.forms import Form
from trioworq.web.console.new_job.bodies import body_of
from trioworq.web.console.new_job.likeness import like
from trioworq.web.console.new_job.typed import Typed, begun, sent
from trioworq.web.console.urls import url
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.pull.orders import Reader
from trioworq.web.replies import CONSOLE
from trioworq.web.wire import read_order

_PATH = f"{CONSOLE}/new"
_KINDS = {"push": Kind.PUSH, "pull": Kind.PULL}

# What a link may fill in.
_GIVEN = ("category", "queue")


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes."""
    page = _NewJob(desk, Reader(desk.config.max_batch_jobs))
    return (
        Route("GET", _PATH, page.show, Scope.READ),
        Route("GET", f"{_PATH}/queue", page.queue, Scope.READ, is_logged=False),
        Route("POST", f"{_PATH}/push", page.push, Scope.PUSH),
        Route("POST", f"{_PATH}/pull", page.pull, Scope.PUSH),
    )


@frozen
class _Way:
    """Where jobs of a category go: a queue, or why nowhere."""

    queue: str = ""
    is_paused: bool = False
    trouble: str = ""


@frozen
class _NewJob:
    """The page, and what its forms do."""

    _desk: Desk
    _reader: Reader

    async def show(self, request: Request) -> Response:
        """Answer with a form for a job of a kind, perhaps for a queue, or for one like another."""
        query = request.query
        if "from" in query:
            return self._page(request, like(await self._desk.management.jobs.find(query["from"])))
        given = {name: query[name] for name in _GIVEN if name in query}
        return self._page(request, begun(_KINDS.get(query.get("kind", ""), Kind.PUSH), given))

    async def queue(self, request: Request) -> Response:
        """Say where the jobs of a category go, while it is typed."""
        way = self._way(request.query.get("category", ""))
        return self._desk.fragment(request, "new_job/way.html", way=way)

    async def push(self, request: Request) -> Response:
        """Push a job."""
        form, desk = Form.of(request), self._desk
        try:
            body = body_of(
                form,
                texts=["url"],
                numbers=["run_after", "timeout", "max_retries", "retry_delay", "priority"],
            )
            order = read_order(form.text("category"), body)
            job = await desk.queues.push(order)
        except CallerError as error:
            return self._page(request, sent(Kind.PUSH, form, str(error)))
        return await self._done(request, form, job.id, job.queue)

    async def pull(self, request: Request) -> Response:
        """Enqueue a job for workers that fetch."""
        form, desk = Form.of(request), self._desk
        try:
            body = body_of(
                form, texts=["id", "queue", "run_at"], numbers=["timeout", "max_retries", "priority"]
            )
            order = self._reader.order(body)
            job_id = await desk.pull.enqueue(order)
        except CallerError as error:
            return self._page(request, sent(Kind.PULL, form, str(error)))
        return await self._done(request, form, job_id, order.queue)

    async def _done(self, request: Request, form: Form, job_id: int, queue: str) -> Response:
        """Lead to the job, unless it may be gone already and forgotten."""
        told = f"Job {job_id} is in queue {queue}"
        if form.text("instead") and self._desk.rights(request).can_change:
            told += await self._without(form.text("failed"))
        is_remembered = self._desk.config.finished_ttl > 0
        return self._desk.see_other(url(f"{CONSOLE}/job", id=job_id) if is_remembered else _PATH, told=told)

    async def _without(self, failed: str) -> str:
        """Delete the failed job that the new one takes the place of; say what came of it."""
        try:
            await self._desk.management.failed.delete(failed)
        except (NotFailed, StoreUnavailable):
            # The new one is there whatever becomes of this.
            return f"; failed job {failed} could not be deleted, or was not there any more"
        return f"; failed job {failed} is deleted"

    def _page(self, request: Request, typed: Typed) -> Response:
        is_push = typed.kind is Kind.PUSH
        return self._desk.page(
            request,
            "new_job/push.html" if is_push else "new_job/pull.html",
            title="New job",
            status=HTTPStatus.BAD_REQUEST if typed.trouble else HTTPStatus.OK,
            typed=typed,
            kind="push" if is_push else "pull",
            way=self._way(typed.values["category"]) if is_push else None,
            max_body_bytes=self._desk.config.max_body_bytes,
        )

    def _way(self, category: str) -> _Way | None:
        if not category:
            return None
        queues = self._desk.queues
        try:
            queue = queues.routings.queue_of(category)
        except NoSuchRoute as error:
            return _Way(trouble=str(error))
        if queue not in queues.definitions.running:
            return _Way(queue, trouble="This queue is not defined")
        return _Way(queue, self._desk.management.pauses.is_paused(Kind.PUSH, queue))
