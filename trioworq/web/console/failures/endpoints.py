"""`/console/failures`: what has failed, in groups or one by one."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from attrs import frozen

from trioworq.core.cursors import decode
from trioworq.core.errors import InvalidRequest
from trioworq.core.failures import EVERY_FAILURE, FailureFilter, error_of
from trioworq.web.console.desk import Desk
from trioworq.web.console.failures import sweeping
from trioworq.web.console.failures.choice import fields_of, read_choice, terms_of
from trioworq.web.console.urls import url
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE

ROWS = 50

_FAILURES = f"{CONSOLE}/failures"


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes."""
    return (Route("GET", _FAILURES, _Failures(desk).show, Scope.READ), *sweeping.routes(desk))


@frozen
class _Failures:
    _desk: Desk

    async def show(self, request: Request) -> Response:
        fields = fields_of(request.query)
        try:
            wanted = read_choice(fields, self._desk.management.jobs.now_ms())
        except InvalidRequest as error:
            return self._page(request, EVERY_FAILURE, fields, problem=str(error), total=None)
        total = await self._desk.management.failed.count(wanted)
        if request.query.get("view") == "jobs":
            return await self._list(request, wanted, fields, total)
        groups = await self._desk.management.browser.groups(wanted, ROWS)
        left = total - sum(group.count for group in groups)
        return self._page(request, wanted, fields, total=total, groups=groups, left=max(0, left))

    async def _list(
        self, request: Request, wanted: FailureFilter, fields: Mapping[str, str], total: int
    ) -> Response:
        cursor = decode(request.query.get("cursor", ""))
        page = await self._desk.management.browser.failures(wanted, ROWS, cursor)
        here: Mapping[str, object] = {**fields, "view": "jobs"}
        rest = page.next_cursor
        return self._page(
            request,
            wanted,
            fields,
            total=total,
            failures=[(failed, error_of(failed.result)) for failed in page.items],
            first=url(_FAILURES, **here) if cursor else None,
            next=url(_FAILURES, **here, cursor=rest.encode()) if rest else None,
            here=url(_FAILURES, **here, cursor=cursor.encode() if cursor else None),
        )

    def _page(
        self, request: Request, wanted: FailureFilter, fields: Mapping[str, str], **values: Any
    ) -> Response:
        is_wrong = bool(values.get("problem"))
        return self._desk.page(
            request,
            "failures/failures.html",
            title="Failures",
            status=HTTPStatus.BAD_REQUEST if is_wrong else HTTPStatus.OK,
            fields=fields,
            terms=terms_of(wanted),
            sweeps=[sweep for sweep in self._desk.management.sweeps.all() if not sweep.is_over],
            **{"problem": "", "groups": None, "failures": None, "left": 0, **values},
        )
