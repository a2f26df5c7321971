"""Endpoints for tests of the server: one that waits, one that answers at once, two that answer too much."""

import trio

from trioworq.web.messages import Request, Response, Route


class Gate:
    """An endpoint that answers when it is let."""

    def __init__(self) -> None:
        self.opened = trio.Event()
        self.waiting = 0

    async def __call__(self, _request: Request) -> Response:
        self.waiting += 1
        await self.opened.wait()
        return Response(200, b"done")

    def routes(self) -> list[Route]:
        return [Route("GET", "/gate", self)]


async def answer_ok(_request: Request) -> Response:
    """Answer at once."""
    return Response(200)


async def big(_request: Request) -> Response:
    """Answer more than any socket buffer holds."""
    return Response(200, b"x" * 50_000_000)


async def wide(_request: Request) -> Response:
    """Answer with a head that soon fills a socket's buffer."""
    return Response(200, headers={"X-Wide": "x" * 1_000_000})
