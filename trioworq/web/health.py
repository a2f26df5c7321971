"""`/livez` and `/readyz`, as Kubernetes asks for them; neither waits for anything.

Alive: the event loop turns, or there would be no answer. Ready: every check holds.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus

from attrs import frozen

from trioworq.web.messages import TEXT, Request, Response, Route
from trioworq.web.replies import RETRY_AFTER_S

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@frozen
class Check:
    """A condition: `trouble` says in a few words why it does not hold, and nothing when it does.

    It is asked for every request, so it has to be quick; its words go to anybody.
    """

    name: str
    trouble: Callable[[], str]


def routes(checks: Sequence[Check]) -> tuple[Route, ...]:
    """Return the routes; `checks` are those of being ready."""
    alive = _Health("livez", [Check("ping", lambda: "")])
    ready = _Health("readyz", checks)
    return (
        Route("GET", "/livez", alive.answer, scope=None, is_logged=False),
        Route("GET", "/readyz", ready.answer, scope=None, is_logged=False),
    )


@frozen
class _Health:
    _name: str
    _checks: Sequence[Check]

    async def answer(self, request: Request) -> Response:
        """Answer `ok`, or a line for each check where one fails or the query has `verbose`."""
        troubles = [(check.name, check.trouble()) for check in self._checks]
        is_well = not any(trouble for _, trouble in troubles)
        if is_well and "verbose" not in request.query:
            return Response(HTTPStatus.OK, b"ok", TEXT, _HEADERS)
        lines = [f"[-]{name} failed: {trouble}" if trouble else f"[+]{name} ok" for name, trouble in troubles]
        lines.append(f"{self._name} check {'passed' if is_well else 'failed'}\n")
        body = "\n".join(lines).encode()
        if is_well:
            return Response(HTTPStatus.OK, body, TEXT, _HEADERS)
        headers = {**_HEADERS, "Retry-After": str(RETRY_AFTER_S)}
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, body, TEXT, headers)
