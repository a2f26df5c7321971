"""`GET /openapi.json`."""

from collections.abc import Sequence

import orjson

from trioworq.config import Config
from trioworq.web.messages import Request, Response, Route, Scope


def described(routes: Sequence[Route], config: Config) -> tuple[Route, ...]:
    """Return `routes` and the one that describes them all, itself included."""
    return (*routes, _Description(routes, config).route)


class _Description:
    """The document, made when it is first asked for: most daemons never are, and it takes memory."""

    def __init__(self, routes: Sequence[Route], config: Config) -> None:
        self.route = Route("GET", "/openapi.json", self._get, Scope.READ)
        self._routes = (*routes, self.route)
        self._config = config
        self._body: bytes | None = None

    async def _get(self, _request: Request) -> Response:
        if self._body is None:
            from trioworq.web.openapi.document import write_document

            self._body = orjson.dumps(write_document(self._routes, self._config))
        return Response(200, self._body)
