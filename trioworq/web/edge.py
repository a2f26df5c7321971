"""What both lanes do with a request: the limits that it keeps, its answer, its line in the access log."""

from http import HTTPStatus

import trio
from attrs import field, frozen

from trioworq.config import Config
from trioworq.logs import AccessLine, AccessLog, ErrorLog
from trioworq.stores.interface import StoreBroken
from trioworq.web.bodies import BodyBudget, BodyShare, Uploads
from trioworq.web.guard import Guard
from trioworq.web.messages import Request, Response, Route
from trioworq.web.replies import TooManyBodies, explain, refuse, status_of_broken_store
from trioworq.web.traffic import Traffic

# After the last answer the client gets this long to read it: closing earlier, with unread bytes of a
# refused body still coming in, would make the kernel take the answer back.
LINGER_S = 2.0

# When the server stops, a client without a request gets this long to send one more: it may be on its way
# already, and a connection that is closed before it is heard takes it along unanswered. Its answer says that
# the connection ends. A client that is idle for longer delays the stop by this much.
LAST_CALL_S = 1.0

# And one in the middle of its request, or of reading its answer, gets this long to come to the end: until
# the last is gone jobs are claimed, and running ones lose of the time that they have left (I13, I15).
LAST_WORD_S = 5.0

# A client that has ended its side of the connection may still wait for its answer, or have gone for good;
# nobody can tell. It is answered if that takes no longer than this.
PATIENCE_S = 1.0


@frozen(kw_only=True)
class Edge:
    """Between the lanes and the endpoints."""

    config: Config
    access_log: AccessLog
    error_log: ErrorLog
    guard: Guard
    traffic: Traffic = field(factory=Traffic)
    uploads: Uploads = field(factory=Uploads, init=False)
    budget: BodyBudget = field(init=False)

    @budget.default
    def _make_budget(self) -> BodyBudget:
        return BodyBudget(self.config.max_bodies_bytes)

    async def answer(self, route: Route, request: Request) -> Response:
        """Ask the endpoint; whatever it raises is answered too."""
        try:
            return await route.endpoint(request)
        except StoreBroken as error:
            return self.fault(request.path, error, status_of_broken_store(route.method, request.path))
        except Exception as error:  # noqa: BLE001  # a fault costs its own request and is logged, no more
            return self.explain(request.path, error)

    def make_room(self, path: str, response: Response, share: BodyShare) -> Response:
        """Return the answer to a request that changes nothing, or that there is no room to send it."""
        if share.grow_to(len(response.body)):
            return response
        return self.explain(path, TooManyBodies("Too many large bodies and answers are on their way"))

    def explain(self, path: str, error: Exception) -> Response:
        """Answer an error that kept a request from being answered otherwise."""
        return explain(path, error) or self.fault(path, error)

    def fault(
        self, path: str, error: Exception, status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
    ) -> Response:
        """Answer a fault of this program, and log it."""
        # The error's own words stay in the log: they may name what a client is not to know (I14).
        self.error_log.error("request failed", path=path, exc_info=error)
        return refuse(path, status)

    def log(
        self,
        *,
        remote_addr: str,
        user_agent: str | None,
        method: str,
        url: str,
        status: int,
        started_at_s: float,
    ) -> None:
        """Log a request that has been answered; `started_at_s` is by Trio's clock."""
        self.access_log.write(
            AccessLine(
                remote_addr=remote_addr,
                user_agent=user_agent,
                method=method,
                url=url,
                status=status,
                duration_ms=(trio.current_time() - started_at_s) * 1000,
            )
        )


def show_address(client: tuple[str, int] | None) -> str:
    """Write a client's address as the access log shows it; that of one that has none is empty."""
    if client is None:
        return ""
    host, port = client
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
