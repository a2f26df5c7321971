"""`/console/job`: one job, and what people do to it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from attrs import frozen

from trioworq.core.errors import CallerError, NoSuchJobId
from trioworq.core.jobs import FailedJob, FinishedJob, Job, Kind, Payload, PayloadForm, kind_of
from trioworq.core.pull import PullJob
from trioworq.web.console.desk import Desk
from trioworq.web.console.forms import Form
from trioworq.web.console.job.payloads import read_payload
from trioworq.web.console.job.stage import Stage, stage_of
from trioworq.web.console.urls import url
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE, status_of

_JOB = f"{CONSOLE}/job"

_AnyJob = Job | PullJob | FailedJob | FinishedJob


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes."""
    page, repair = _JobPage(desk), _Repair(desk)
    return (
        Route("GET", _JOB, page.show, Scope.READ),
        Route("GET", f"{_JOB}/stage", page.stage, Scope.READ, is_logged=False),
        Route("GET", f"{_JOB}/payload", page.payload, Scope.READ),
        Route("POST", f"{_JOB}/run", repair.run, Scope.ADMIN),
        Route("POST", f"{_JOB}/retry", repair.retry, Scope.ADMIN),
        Route("POST", f"{_JOB}/delete", repair.delete, Scope.ADMIN),
    )


@frozen
class _JobPage:
    _desk: Desk

    async def show(self, request: Request) -> Response:
        job_id = _id_of(request)
        if not job_id:
            return self._desk.page(request, "job/unknown.html", title="Find a job", wanted="", problem="")
        return await self.answer(request, job_id)

    async def answer(
        self, request: Request, job_id: str, status: int = HTTPStatus.OK, problem: str = ""
    ) -> Response:
        """Show a job, and what kept something from being done to it."""
        try:
            job = await self._desk.management.jobs.find(job_id)
        except NoSuchJobId as error:
            return self._desk.page(
                request,
                "job/unknown.html",
                title="No such job",
                status=HTTPStatus.NOT_FOUND,
                wanted=job_id,
                problem=str(error),
            )
        payload = payload_of(job)
        return self._desk.page(
            request,
            "job/job.html",
            title=f"Job {job_id}",
            status=status,
            problem=problem,
            payload=None if payload is None else read_payload(payload),
            stage=await self._stage_of(job),
        )

    async def stage(self, request: Request) -> Response:
        """Answer with what may have changed, or that nothing has since the stage that was `seen`."""
        try:
            job = await self._desk.management.jobs.find(_id_of(request))
        except NoSuchJobId:
            return self._desk.fragment(request, "job/gone.html")
        stage = await self._stage_of(job)
        if stage.mark == request.query.get("seen"):
            return Response(HTTPStatus.NO_CONTENT)
        return self._desk.fragment(request, "job/stage.html", stage=stage)

    async def payload(self, request: Request) -> Response:
        """Answer with all that a job carries, as a file that no browser takes for a page."""
        job_id = _id_of(request)
        job = await self._desk.management.jobs.find(job_id)
        payload = _part_of(job, request.query.get("part", "payload"))
        if payload is None:
            raise NoSuchJobId(job_id)
        ending = "json" if payload.form is PayloadForm.JSON else "bin"
        name = f'attachment; filename="job-{job_id}.{ending}"'
        return Response(
            HTTPStatus.OK, payload.body, "application/octet-stream", {"Content-Disposition": name}
        )

    async def _stage_of(self, job: _AnyJob) -> Stage:
        management = self._desk.management
        last_error = await management.jobs.last_error(job) if isinstance(job, Job) else None
        is_paused = management.pauses.is_paused(_kind_of(job), job.queue)
        return stage_of(job, management.jobs.now_ms(), is_paused=is_paused, last_error=last_error)


@frozen
class _Repair:
    """Each changes a job and shows where the browser came from: its page, or a list that has it."""

    _desk: Desk

    async def run(self, request: Request) -> Response:
        return await self._do(request, self._desk.management.repair.run_now, "is due now")

    async def retry(self, request: Request) -> Response:
        return await self._do(request, self._desk.management.failed.retry, "waits to be run again")

    async def delete(self, request: Request) -> Response:
        return await self._do(request, self._desk.management.repair.delete, "has been deleted")

    async def _do(self, request: Request, change: Callable[[str], Awaitable[object]], done: str) -> Response:
        form = Form.of(request)
        job_id = form.text("id")
        try:
            await change(job_id)
        except CallerError as error:
            status = status_of(error) or HTTPStatus.CONFLICT
            return await _JobPage(self._desk).answer(request, job_id, status, str(error))
        back = form.text("back")
        return self._desk.see_other(back or url(_JOB, id=job_id), told=f"Job {job_id} {done}")


def _id_of(request: Request) -> str:
    return request.query.get("id", "").strip()


def payload_of(job: _AnyJob) -> Payload | None:
    """Return what a job carries; None when that has not been kept."""
    return Payload(PayloadForm.JSON, job.payload) if isinstance(job, PullJob) else job.payload


def _part_of(job: _AnyJob, part: str) -> Payload | None:
    match part:
        case "payload":
            return payload_of(job)
        case "state" if isinstance(job, PullJob) and job.saved_state is not None:
            return Payload(PayloadForm.JSON, job.saved_state)
        case _:
            return None


def _kind_of(job: _AnyJob) -> Kind:
    return kind_of(None if isinstance(job, Job) else job.key)
