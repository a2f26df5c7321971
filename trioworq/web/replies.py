"""Every refusal, in the shape of the API family that its path belongs to (contract §1.3, README 4).

Fireworq: `404 Not Found`, and after a blank line the detail, if any. Pull, under `/v1/` and at its bare
verbs: one plain line, which nothing ends. Manage and load, under `/api/v1/` and `/v6/`: `{"detail": …}`.
"""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

import orjson

from trioworq.core.errors import CallerError, Conflict, InvalidRequest, NotFound
from trioworq.stores.interface import StoreUnavailable
from trioworq.web.messages import JSON, TEXT, Refusal, Response

RETRY_AFTER_S = 1
CONSOLE = "/console"

_STORE_IS_AWAY = "The store is out of reach for now; nothing was stored"

# Of the pull side, beside all that is under `/v1/`.
_VERBS = frozenset(
    {"/enqueue", "/enqueue/batch", "/next", "/heartbeat", "/reschedule", "/complete", "/health"}
)
# Line ends are among them; the last ones turn the direction of what follows.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NO_SUCH_PAGE = "404 page not found"

_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
_LOAD = "/v6/"
_NOT_FOUND_DETAIL = {"/api/v1/": "Not Found", _LOAD: "Not found."}
_DETAIL_PREFIXES = tuple(_NOT_FOUND_DETAIL)


class BodyTooLarge(CallerError):
    """The body, or the payload that it stands for, has more bytes than are taken."""


class BodyTooSlow(CallerError):
    """The body did not come whole in time."""

    def __init__(self) -> None:
        super().__init__("The body did not come in time")


class TooManyBodies(CallerError):
    """Other bodies take all the memory that there is for them."""


_STATUS: Mapping[type[Exception], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    TooManyBodies: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: Exception) -> HTTPStatus | None:
    """Return the status of an error that the caller is to know of; None for a fault of this program."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)


def explain(path: str, error: Exception) -> Response | None:
    """Answer an error that the caller is to know of; None for one that is a fault of this program."""
    status = status_of(error)
    if status is None:
        return None
    # A store's own words may name the database.
    detail = _STORE_IS_AWAY if isinstance(error, StoreUnavailable) else str(error)
    if status is not HTTPStatus.SERVICE_UNAVAILABLE:
        return refuse(path, status, detail)
    if is_pull(path):
        # What its clients take for something that passes (contract pull §2.5).
        status = HTTPStatus.TOO_MANY_REQUESTS
    return refuse(path, status, detail, {"Retry-After": str(RETRY_AFTER_S)})


def status_of_broken_store(method: str, path: str) -> HTTPStatus:
    """Return the status for a fault of the store's: its own on the pull side, but for what only reads."""
    if is_pull(path) and method != "GET":
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.INTERNAL_SERVER_ERROR


def refuse(path: str, status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a status and, where the family shows one, a detail."""
    more = headers or {}
    title = f"{status} {HTTPStatus(status).phrase}"
    if has_detail(path):
        body = orjson.dumps({"detail": detail or HTTPStatus(status).phrase})
        return Response(status, body, JSON, more)
    if is_pull(path):
        return Response(status, _in_one_line(detail or title), TEXT, {**_NOSNIFF, **more})
    text = f"{title}\n\n{detail}\n" if detail else f"{title}\n"
    # A query may hold bytes that are not UTF-8, and a detail what a query holds.
    return Refusal(status, text.encode(errors="replace"), TEXT, {**_NOSNIFF, **more}, detail=detail)


def is_console(path: str) -> bool:
    """Whether a path belongs to the console, which gives refusals a shape of its own where it is on."""
    return path == CONSOLE or path.startswith(f"{CONSOLE}/")


def no_such_page(path: str) -> Response:
    """Answer a path that no route takes."""
    for prefix, detail in _NOT_FOUND_DETAIL.items():
        if path.startswith(prefix):
            return refuse(path, HTTPStatus.NOT_FOUND, detail)
    if is_pull(path):
        return refuse(path, HTTPStatus.NOT_FOUND, _NO_SUCH_PAGE)
    return Refusal(HTTPStatus.NOT_FOUND, f"{_NO_SUCH_PAGE}\n".encode(), TEXT, _NOSNIFF)


def has_detail(path: str) -> bool:
    """Whether a path belongs to managing or to the load, whose errors are in JSON."""
    return path.startswith(_DETAIL_PREFIXES)


def no_such_method(path: str, method: str, allowed: Iterable[str]) -> Response:
    """Answer a method that a known path does not take."""
    detail = f'Method "{method}" not allowed.' if path.startswith(_LOAD) else ""
    return refuse(path, HTTPStatus.METHOD_NOT_ALLOWED, detail, {"Allow": ", ".join(sorted(allowed))})


def is_pull(path: str) -> bool:
    """Whether a path belongs to the pull side."""
    return path.startswith("/v1/") or path in _VERBS


def _in_one_line(text: str) -> bytes:
    """Write a text that may show a client's own names: what ends lines or moves a terminal is escaped."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text).encode()
