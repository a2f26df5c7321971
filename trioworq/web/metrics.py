"""`GET /metrics`, for Prometheus."""

from collections.abc import Callable

from attrs import frozen

from trioworq.dispatch.summary import Summary
from trioworq.pull.counters import PullCounters
from trioworq.stores.commits import Commits
from trioworq.web.messages import Request, Response, Route, Scope
from trioworq.web.traffic import Traffic


@frozen(kw_only=True)
class Sources:
    """Where the numbers stand; they are read when somebody asks, and counted without that."""

    driver: str
    summary: Callable[[], Summary]
    commits: Callable[[], Commits]
    store_trouble: Callable[[], str]
    traffic: Traffic
    pulled: PullCounters
    waiting_workers: Callable[[], int]
    paused_queues: Callable[[], int]


def routes(sources: Sources) -> tuple[Route, ...]:
    """Return the route."""
    return (Route("GET", "/metrics", _Metrics(sources).answer, Scope.READ, is_logged=False),)


class _Metrics:
    """The numbers in either of Prometheus' formats; what writes them is loaded at the first request."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._write: Callable[[str], Response] | None = None

    async def answer(self, request: Request) -> Response:
        """Answer in the format that the client takes."""
        if self._write is None:
            from trioworq.web.exposition import Exposition

            self._write = Exposition(self._sources).write
        return self._write(request.headers.get("accept", ""))
