"""The pull side's endpoints: verbs, bare and under `/v1`, and the later REST routes (contract pull §2.2)."""

from http import HTTPStatus

from attrs import evolve, frozen

from trioworq.config import Config
from trioworq.core.jobs import Kind
from trioworq.core.pull import PullOrder
from trioworq.pauses import Pauses
from trioworq.pull.jobs import PullJobs
from trioworq.web.messages import TEXT, Request, Response, Route, Scope
from trioworq.web.pull.answers import show_job, show_jobs, show_pause
from trioworq.web.pull.orders import Reader
from trioworq.web.pull.queries import job_of, limit_of, queue_of, run_of, wait_of

JOB_ID_HEADER = "Trioworq-Job-Id"

_ACCEPTED = Response(HTTPStatus.ACCEPTED, content_type=TEXT)
_DONE = Response(HTTPStatus.OK, content_type=TEXT)
_NOTHING = Response(HTTPStatus.NO_CONTENT)


def routes(jobs: PullJobs, pauses: Pauses, config: Config) -> tuple[Route, ...]:
    """Return every route of the API, each bound to the jobs and the options in force."""
    pull = _Pull(jobs, Reader(config.max_batch_jobs))
    queues = _Queues(pauses)
    verbs = (
        Route("POST", "/enqueue", pull.enqueue, Scope.PUSH, is_hot=True),
        Route("POST", "/enqueue/batch", pull.enqueue_batch, Scope.PUSH, is_hot=True),
        Route("GET", "/next", pull.fetch, Scope.WORK, is_safe=False, is_hot=True),
        Route("PATCH", "/heartbeat", pull.heartbeat, Scope.WORK, is_hot=True),
        Route("POST", "/reschedule", pull.reschedule, Scope.WORK),
        Route("DELETE", "/complete", pull.complete, Scope.WORK, is_hot=True),
        Route("GET", "/health", pull.health, scope=None, is_logged=False),
    )
    one = "/v1/queues/{q}/jobs/{job_id...}"
    return (
        *verbs,
        *(evolve(route, path=f"/v1{route.path}") for route in verbs),
        Route("POST", "/v1/queues/jobs", pull.enqueue_array, Scope.PUSH, is_hot=True),
        Route("PUT", "/v1/queues/jobs", pull.reschedule, Scope.WORK),
        Route("GET", "/v1/queues/{q}/jobs", pull.fetch, Scope.WORK, is_safe=False, is_hot=True),
        Route("GET", one, pull.get, Scope.WORK),
        Route("PATCH", one, pull.heartbeat, Scope.WORK, is_hot=True),
        Route("DELETE", one, pull.complete, Scope.WORK, is_hot=True),
        Route("POST", "/v1/queues/{q}/pause", queues.pause, Scope.ADMIN),
        Route("POST", "/v1/queues/{q}/resume", queues.resume, Scope.ADMIN),
    )


@frozen
class _Pull:
    _jobs: PullJobs
    _read: Reader

    async def enqueue(self, request: Request) -> Response:
        return await self._enqueue(self._read.order(request.body))

    async def enqueue_batch(self, request: Request) -> Response:
        return await self._enqueue_many(self._read.orders(request.body))

    async def enqueue_array(self, request: Request) -> Response:
        """One job is enqueued as such, and may be in conflict; of many, those that are there are skipped."""
        orders = self._read.orders(request.body)
        return await (self._enqueue(orders[0]) if len(orders) == 1 else self._enqueue_many(orders))

    async def _enqueue(self, order: PullOrder) -> Response:
        job_id = await self._jobs.enqueue(order)
        return evolve(_ACCEPTED, headers={JOB_ID_HEADER: str(job_id)})

    async def _enqueue_many(self, orders: list[PullOrder]) -> Response:
        await self._jobs.enqueue_many(orders)
        return _ACCEPTED

    async def fetch(self, request: Request) -> Response:
        queue, limit, wait_s = queue_of(request), limit_of(request.query), wait_of(request.query)
        jobs = await self._jobs.fetch(queue, limit, wait_s, request.has_left)
        return Response(HTTPStatus.OK, show_jobs(jobs)) if jobs else _NOTHING

    async def health(self, request: Request) -> Response:
        return _DONE

    async def get(self, request: Request) -> Response:
        return Response(HTTPStatus.OK, show_job(await self._jobs.job(*job_of(request))))

    async def heartbeat(self, request: Request) -> Response:
        queue, key = job_of(request)
        await self._jobs.heartbeat(queue, key, self._read.saved_state(request.body), run_of(request.query))
        return _ACCEPTED

    async def reschedule(self, request: Request) -> Response:
        order, run = self._read.rescheduling(request.body)
        await self._jobs.reschedule(order, run_of(request.query) or run)
        return _ACCEPTED

    async def complete(self, request: Request) -> Response:
        await self._jobs.complete(*job_of(request), run_of(request.query))
        return _DONE


@frozen
class _Queues:
    """Queues as a whole; there is one of any name."""

    _pauses: Pauses

    async def pause(self, request: Request) -> Response:
        name = queue_of(request)
        await self._pauses.pause(Kind.PULL, name)
        return Response(HTTPStatus.OK, show_pause(name, is_paused=True))

    async def resume(self, request: Request) -> Response:
        name = queue_of(request)
        await self._pauses.resume(Kind.PULL, name)
        return Response(HTTPStatus.OK, show_pause(name, is_paused=False))
