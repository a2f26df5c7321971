"""`/console`."""

from functools import partial

from trioworq.web.console.desk import Desk
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes."""
    return (Route("GET", CONSOLE, partial(_show, desk), Scope.READ),)


async def _show(desk: Desk, request: Request) -> Response:
    return desk.page(request, "overview/overview.html", title="Overview")
