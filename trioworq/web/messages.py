"""Requests and responses as plain values, so that an endpoint knows no framework (design §6)."""

import re
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum

from attrs import field, frozen

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

VARIABLE_PART = re.compile(r"\{(\w+)(\.\.\.)?\}")
"""A part of a route's path that is not literal; see Route."""


def _stays() -> bool:
    return False


@frozen
class Request:
    """One request, read to its end.

    `arguments` are the variable parts of the path, percent-decoded; `query` has the first value of each
    key, where bytes that are not UTF-8 are lone surrogates, and `query_string` all that was sent of it;
    `body` is as sent, whatever its content type says. `host` is what the client called this server, which
    may be anything, and `is_secure` whether it speaks TLS with it. `accept` is the header's value, for
    routes that are not hot: the intake lane leaves it out. `has_left` tells whether the client has hung up
    by now, or at least said that no more will come.
    """

    method: str
    path: str
    arguments: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    query_string: bytes = b""
    host: bytes = b""
    is_secure: bool = False
    accept: str = ""
    has_left: Callable[[], bool] = _stays


@frozen
class Response:
    """One answer; the content length and connection headers are the server's business."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(factory=dict)


Endpoint = Callable[[Request], Awaitable[Response]]


class Scope(Enum):
    """What an API token allows; a route asks for one of these."""

    PUSH = "push"
    WORK = "work"
    READ = "read"
    ADMIN = "admin"


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
