"""The job management API's endpoints (contract jobs §3.1)."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

import trio
from attrs import frozen

from trioworq.config import Config
from trioworq.core.failures import FailureFilter
from trioworq.core.jobs import FailedJob
from trioworq.manage.failed import FailedJobs, Swept
from trioworq.manage.lookup import JobLookup
from trioworq.web.manage.answers import show_done, show_failed, show_stats, show_status, show_swept
from trioworq.web.manage.queries import failures_of, is_dry_run, limit_of, name_of, offset_of
from trioworq.web.manage.views import view_of
from trioworq.web.messages import Request, Response, Route, Scope

_NOTHING = Swept(())

_Sweep = Callable[[FailureFilter], Awaitable[Swept]]

# What the statistics of all queues go by where no queue is the default one.
_WHOLE = "default"

# How many jobs are written at a time: some milliseconds' worth, in which nobody else is served.
_WRITTEN_AT_ONCE = 500


def routes(failed: FailedJobs, jobs: JobLookup, config: Config) -> tuple[Route, ...]:
    """Return every route of the API, each bound to what it asks."""
    failures = _Failures(failed)
    lookup = _Lookup(jobs, config.queue_default or _WHOLE)
    return (
        Route("GET", "/api/v1/jobs/failed", failures.all, Scope.READ),
        Route("POST", "/api/v1/jobs/failed/retry-all", failures.retry_all, Scope.ADMIN),
        Route("POST", "/api/v1/jobs/failed/{job}/retry", failures.retry, Scope.ADMIN),
        Route("DELETE", "/api/v1/jobs/failed/clear", failures.clear, Scope.ADMIN),
        Route("DELETE", "/api/v1/jobs/failed/{job}", failures.delete, Scope.ADMIN),
        Route("GET", "/api/v1/jobs/status/{job}", lookup.status, Scope.READ),
        Route("GET", "/api/v1/jobs/stats", lookup.stats, Scope.READ),
    )


@frozen
class _Failures:
    """Failed jobs."""

    _failed: FailedJobs

    async def all(self, request: Request) -> Response:
        query = request.query
        jobs = await self._failed.list(failures_of(query), offset_of(query), limit_of(query))
        return _answer(await _write(jobs))

    async def retry(self, request: Request) -> Response:
        job_id = request.arguments["job"]
        await self._failed.retry(job_id)
        return _answer(show_done(job_id, "requeued"))

    async def delete(self, request: Request) -> Response:
        job_id = request.arguments["job"]
        await self._failed.delete(job_id)
        return _answer(show_done(job_id, "deleted"))

    async def retry_all(self, request: Request) -> Response:
        return await self._sweep(request, self._failed.retry_all, "requeued")

    async def clear(self, request: Request) -> Response:
        return await self._sweep(request, self._failed.clear, "deleted")

    async def _sweep(self, request: Request, sweep: _Sweep, what: str) -> Response:
        wanted = failures_of(request.query)
        if is_dry_run(request.query):
            return _answer(show_swept(what, _NOTHING, total=await self._failed.count(wanted)))
        swept = await sweep(wanted)
        return _answer(show_swept(what, swept, total=swept.total))


@frozen
class _Lookup:
    """Any job, and how many there are; `_name` stands for all queues."""

    _jobs: JobLookup
    _name: str

    async def status(self, request: Request) -> Response:
        job = await self._jobs.find(request.arguments["job"])
        return _answer(show_status(view_of(job, self._jobs.now_ms())))

    async def stats(self, request: Request) -> Response:
        queue = name_of(request.query, "queue")
        stats = await self._jobs.stats(queue)
        return _answer(show_stats(self._name if queue is None else queue, stats))


async def _write(jobs: Sequence[FailedJob]) -> bytes:
    written: list[bytes] = []
    for start in range(0, len(jobs), _WRITTEN_AT_ONCE):
        written += map(show_failed, jobs[start : start + _WRITTEN_AT_ONCE])
        await trio.lowlevel.checkpoint()
    return b"[%b]" % b",".join(written)


def _answer(body: bytes) -> Response:
    return Response(HTTPStatus.OK, body)
