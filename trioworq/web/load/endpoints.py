"""What is asked of the load (contract load §4.2, §4.3)."""

from collections.abc import Sequence
from http import HTTPStatus

import orjson
from attrs import frozen

from trioworq.core.load import LoadPoint
from trioworq.manage.load import LoadBoard
from trioworq.web.load.answers import show_point, show_queued
from trioworq.web.load.paging import Whole, fetch_page, show_page
from trioworq.web.load.queries import Query, period_of, types_of
from trioworq.web.messages import Endpoint, Request, Response, Route, Scope

LOAD = "/v6/load/"
QUEUE_STATUS = "/v6/queue/status/"

ALLOWED = "GET, HEAD, OPTIONS"


def routes(board: LoadBoard) -> tuple[Route, ...]:
    """Return every route of the API; each is there with the slash at its end and without."""
    load = _Load(board)
    return (
        *_both_ways(LOAD, load.series, _About("Job Load", "The load over time.").tell),
        *_both_ways(QUEUE_STATUS, load.queued, _About("Queue Status", "Waiting jobs, by job type.").tell),
    )


def _both_ways(path: str, get: Endpoint, about: Endpoint) -> tuple[Route, ...]:
    return tuple(
        Route(method, spelling, endpoint, Scope.READ)
        for method, endpoint in (("GET", get), ("OPTIONS", about))
        for spelling in (path, path.removesuffix("/"))
    )


@frozen
class _About:
    """What is at a path, as the original's framework tells it."""

    _name: str
    _description: str

    async def tell(self, _request: Request) -> Response:
        shown = {
            "name": self._name,
            "description": self._description,
            "renders": ["application/json"],
            "parses": [],
        }
        return Response(HTTPStatus.OK, orjson.dumps(shown), headers={"Allow": ALLOWED})


@frozen
class _Load:
    _board: LoadBoard

    async def series(self, request: Request) -> Response:
        query = Query.of(request)
        period, types = period_of(query, self._board.now_ms()), types_of(query)

        async def fetch(offset: int, limit: int) -> tuple[int, Sequence[LoadPoint]]:
            return await self._board.series(period.first_ms, period.last_ms, types, offset, limit)

        page = await fetch_page(query, fetch)
        return _answer(show_page(request, query, page, [show_point(point) for point in page.items]))

    async def queued(self, request: Request) -> Response:
        query = Query.of(request)
        types = Whole(await self._board.queued_types())
        page = await fetch_page(query, types.fetch)
        return _answer(show_page(request, query, page, [show_queued(each) for each in page.items]))


def _answer(shape: object) -> Response:
    return Response(HTTPStatus.OK, orjson.dumps(shape))
