"""Many failures run again or removed: counted and confirmed first, and watched while it is done."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from attrs import evolve, frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import FailureFilter
from trioworq.manage.sweeps import MAX_SWEEPS, Sweep, SweepKind, TooManySweeps
from trioworq.web.console.desk import Desk
from trioworq.web.console.failures.choice import FIELDS, read_choice, read_ids, terms_of, write_choice
from trioworq.web.console.forms import Form
from trioworq.web.console.urls import url
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.paths import query_pairs
from trioworq.web.replies import CONSOLE

_FAILURES = f"{CONSOLE}/failures"
_SWEEP = f"{_FAILURES}/sweep"

_TITLES = {SweepKind.RETRY: "Retry failed jobs", SweepKind.DELETE: "Delete failed jobs"}


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes."""
    sweeping = _Sweeping(desk)
    return (
        Route("GET", f"{_FAILURES}/confirm", sweeping.confirm, Scope.ADMIN),
        Route("POST", _SWEEP, sweeping.start, Scope.ADMIN),
        Route("GET", _SWEEP, sweeping.show, Scope.READ),
        Route("GET", f"{_SWEEP}/progress", sweeping.progress, Scope.READ, is_logged=False),
        Route("POST", f"{_SWEEP}/stop", sweeping.stop, Scope.ADMIN),
    )


@frozen
class _Sweeping:
    _desk: Desk

    async def confirm(self, request: Request) -> Response:
        """Show what would be done, to how many; what fails from now on is left out."""
        action = _action_of(request.query)
        wanted = self._choice_of(request)
        if "ticked" in request.query and wanted.job_ids is None:
            # Without this, no box would stand for all of them.
            return self._desk.see_other(request.query.get("back", _FAILURES), told="No job was selected")
        if wanted.newest_id is None:
            wanted = evolve(wanted, newest_id=await self._desk.management.failed.newest_id())
        return await self._ask(request, action, wanted)

    async def start(self, request: Request) -> Response:
        """Begin what has been confirmed. Without the newest failure that was counted, nothing has been."""
        form = Form.of(request)
        fields = {name: form.text(name) for name in ("action", *FIELDS) if form.texts(name)}
        action = _action_of(fields)
        wanted = read_choice(fields, self._desk.management.jobs.now_ms())
        if wanted.newest_id is None:
            raise InvalidRequest("The form does not say which failures were counted")
        total = await self._desk.management.failed.count(wanted)
        try:
            sweep = self._desk.management.sweeps.start(action, wanted, total)
        except TooManySweeps:
            return await self._ask(request, action, wanted, is_busy=True)
        return self._desk.see_other(address_of(sweep))

    async def show(self, request: Request) -> Response:
        """Show how far it has come; of one that this node does not know, how much there is left to do."""
        sweep = self._desk.management.sweeps.find(request.query.get("id", ""))
        if sweep is not None:
            return self._desk.page(
                request,
                "failures/sweep.html",
                title=_TITLES[sweep.kind],
                terms=terms_of(sweep.wanted),
                **self._values(sweep),
            )
        action, wanted = _action_of(request.query), self._choice_of(request)
        return self._desk.page(
            request,
            "failures/unknown.html",
            title=_TITLES[action],
            status=HTTPStatus.NOT_FOUND,
            action=action.value,
            fields=write_choice(wanted),
            terms=terms_of(wanted),
            total=await self._desk.management.failed.count(wanted),
        )

    async def progress(self, request: Request) -> Response:
        sweep = self._desk.management.sweeps.find(request.query.get("id", ""))
        if sweep is None:
            # As when the node has been started anew: the page knows what to say.
            return Response(HTTPStatus.OK, headers={"HX-Refresh": "true"})
        return self._desk.fragment(request, "failures/progress.html", **self._values(sweep))

    async def stop(self, request: Request) -> Response:
        sweep = self._desk.management.sweeps.find(Form.of(request).text("id"))
        if sweep is None:
            return self._desk.see_other(_FAILURES, told="This is not known here, or ended long ago")
        sweep.stop()
        return self._desk.see_other(address_of(sweep))

    async def _ask(
        self, request: Request, action: SweepKind, wanted: FailureFilter, *, is_busy: bool = False
    ) -> Response:
        busy = (
            f"{MAX_SWEEPS} such tasks are at work already, which is as many as there may be; try again later"
        )
        return self._desk.page(
            request,
            "failures/confirm.html",
            title=_TITLES[action],
            status=HTTPStatus.CONFLICT if is_busy else HTTPStatus.OK,
            action=action.value,
            fields=write_choice(wanted),
            terms=terms_of(wanted),
            total=await self._desk.management.failed.count(wanted),
            problem=busy if is_busy else "",
        )

    def _choice_of(self, request: Request) -> FailureFilter:
        """Return what a query asks for; jobs may also be named one by one, as by the boxes of a list."""
        wanted = read_choice(request.query, self._desk.management.jobs.now_ms())
        ticked = [value for name, value in query_pairs(request.query_string) if name == "job"]
        return evolve(wanted, job_ids=read_ids(ticked)) if ticked else wanted

    def _values(self, sweep: Sweep) -> dict[str, Any]:
        now_ms = self._desk.management.jobs.now_ms()
        worked_ms = (sweep.ended_at_ms or now_ms) - sweep.began_at_ms
        seen = sweep.done + sweep.failed
        return {
            "sweep": sweep,
            "fields": write_choice(sweep.wanted),
            "seen": seen,
            "worked_ms": worked_ms,
            "per_second": seen * 1000 / worked_ms if worked_ms else None,
        }


def address_of(sweep: Sweep) -> str:
    """Return where a sweep can be watched; what it is about is in there, for nodes that do not know it."""
    return url(_SWEEP, id=sweep.id, action=sweep.kind.value, **write_choice(sweep.wanted))


def _action_of(fields: Mapping[str, str]) -> SweepKind:
    try:
        return SweepKind(fields.get("action", ""))
    except ValueError:
        raise InvalidRequest("What is to be done should be retry or delete") from None
