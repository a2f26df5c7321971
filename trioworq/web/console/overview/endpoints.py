"""`/console`."""

from attrs import frozen

from trioworq.web.console.desk import Desk
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.replies import CONSOLE


def routes(desk: Desk) -> tuple[Route, ...]:
    """Return the routes."""
    overview = _Overview(desk)
    return (Route("GET", CONSOLE, overview.show, Scope.READ),)


@frozen
class _Overview:
    """The page."""

    _desk: Desk

    async def show(self, request: Request) -> Response:
        """Answer with the page."""
        return self._desk.page(request, "overview/overview.html", title="Overview")
