"""Requests and responses as plain values, so that an endpoint knows no framework (design §6)."""

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping
from enum import Enum

from attrs import field, frozen

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"
EVENTS = "text/event-stream"

VARIABLE_PART = re.compile(r"\{(\w+)(\.\.\.)?\}")
"""A part of a route's path that is not literal; see Route."""


def _stays() -> bool:
    return False


class Headers(Mapping[str, str]):
    """A request's headers by name, whatever its case; several of a name are one list, as HTTP has it."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._values: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            before = self._values.get(name)
            self._values[name] = value if before is None else f"{before}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


_NO_HEADERS = Headers()


class Scope(Enum):
    """What an API token allows; a route asks for one of these."""

    PUSH = "push"
    WORK = "work"
    READ = "read"
    ADMIN = "admin"


@frozen
class Request:
    """One request, read to its end.

    `arguments` are the variable parts of the path, percent-decoded; `query` has the first value of each
    key, where bytes that are not UTF-8 are lone surrogates, and `query_string` all that was sent of it;
    `body` is as sent, whatever its content type says. `host` is what the client called this server, which
    may be anything, and `is_secure` whether it speaks TLS with it. `headers`, and `scopes`, which are what
    the client's token allows, or all where no tokens are asked for, are for routes that are not hot: the
    intake lane leaves them out. `has_left` tells whether the client has hung up by now, or at least said
    that no more will come.
    """

    method: str
    path: str
    arguments: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    query_string: bytes = b""
    host: bytes = b""
    is_secure: bool = False
    headers: Mapping[str, str] = _NO_HEADERS
    scopes: frozenset[Scope] = frozenset()
    has_left: Callable[[], bool] = _stays


@frozen
class Response:
    """One answer; the content length and connection headers are the server's business.

    `cookies` are the values of `Set-Cookie`. With `events` the answer has no `body`, but sends what comes of
    them as it comes, without end; that, and cookies, are for routes that are not hot. What iterates over
    `events` ends with the client, and has an `aclose` that does not wait.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(factory=dict)
    cookies: tuple[str, ...] = ()
    events: AsyncIterable[bytes] | None = None


@frozen
class Refusal(Response):
    """The answer to what is not done; `detail` says why, for those who show it in a shape of their own."""

    detail: str = ""


Endpoint = Callable[[Request], Awaitable[Response]]


@frozen
class Route:
    """One endpoint: `path` is literal but for `{name}`, one segment, and `{name...}`, all the rest.

    A GET route also answers HEAD, unless it is not `is_safe`, since what it does cannot be undone (RFC 9110,
    §9.2.1). `scope` is what a token has to allow where tokens are asked for: the most, unless a route says
    less; None lets everybody in. `is_logged` is False for what monitors ask for all day. `is_hot` has the
    intake lane serve it where it can (design §6).
    """

    method: str
    path: str
    endpoint: Endpoint
    scope: Scope | None = Scope.ADMIN
    is_logged: bool = True
    is_safe: bool = True
    is_hot: bool = False
