"""The whole document: routes, and what their operations are."""

from collections.abc import Iterable, Mapping
from typing import Any

from trioworq import __version__
from trioworq.config import Config
from trioworq.core.jobs import INT64_MAX, NAME_MAX_BYTES
from trioworq.web.fireworq import DEFAULT_LIMIT, MAX_LIMIT
from trioworq.web.messages import VARIABLE_PART, Route, Scope
from trioworq.web.openapi import daemon, definitions, health, inspection, pushing
from trioworq.web.openapi.refusals import RESPONSES, WITHOUT_TOKEN
from trioworq.web.openapi.schemas import schemas

OPERATIONS: Mapping[str, Any] = {
    **pushing.OPERATIONS,
    **definitions.OPERATIONS,
    **inspection.OPERATIONS,
    **daemon.OPERATIONS,
    **health.OPERATIONS,
}
"""Operations by method and path, written as in the routes."""

GREEDY = "x-greedy"
"""Marks a parameter in a path that takes all the rest of it, for which OpenAPI has no form."""

_ABOUT = """\
An HTTP job queue: push a job with one POST, and the daemon POSTs its payload to your worker, retries it and
keeps what failed.

- Bodies are JSON whatever their `Content-Type`. Only the first JSON value is read. Keys match in any case, of
  equal keys the later wins, unknown keys are ignored, and `null` stands for "not given". Whole numbers are
  written in plain digits.
- Paths are matched after percent-decoding. A queue or an id is one segment; a category is all the rest of the
  path, slashes included. `//`, `/./` and `/../` are resolved first. All of this holds for escaped slashes and
  dots too.
- A `GET` operation answers `HEAD` too. An unknown path is answered `UnknownPath`, and a known one that does
  not take the method `MethodNotAllowed`; both stand among the responses of the components.
- Errors are the status line again and, where there is more to say, a blank line and one line of detail.
- After any error but a 500 nothing was stored.
"""

_TAGS = (
    (pushing.TAG, "Taking jobs."),
    (definitions.QUEUES, "Definitions of queues, their counters, and the nodes that dispatch them."),
    (definitions.ROUTINGS, "Which queue takes a category."),
    (inspection.JOBS, "Jobs that have not ended."),
    (inspection.FAILURES, "Jobs that ended in failure."),
    (daemon.TAG, "What the daemon says of itself."),
    (health.TAG, "How the daemon is, for those who look after it."),
)

_PARAMETERS: Mapping[str, Any] = {
    "q": {
        "name": "q",
        "in": "path",
        "required": True,
        "description": f"The queue's name, 1 to {NAME_MAX_BYTES} bytes of UTF-8. It is one segment of the "
        "path: no slash, escaped or not, and neither `.` nor `..`.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": NAME_MAX_BYTES,
            "pattern": r"^(?!\.{1,2}$)[^/\u0000]+$",
        },
        "example": "mail",
    },
    "category": {
        "name": "category",
        "in": "path",
        "required": True,
        GREEDY: True,
        "description": f"The job's category, 1 to {NAME_MAX_BYTES} bytes of UTF-8. It is all the rest of the "
        "path: slashes belong to it, escaped or not, which OpenAPI cannot say. Empty, `.` and `..` segments "
        "are resolved, so a category has none.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": NAME_MAX_BYTES,
            "pattern": r"^(?!\.{0,2}/)(?!.*/\.{0,2}(/|$))(?!\.{1,2}$)[^\u0000]+$",
        },
        "example": "newsletter/weekly",
    },
    "id": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The id of the job or of the entry. What is no integer of 64 bits is a 400.",
        "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": INT64_MAX},
        "example": 7,
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many items to list. More count as the most, what is not a number as not given, "
        "and less than 1 is a 400.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "The `next_cursor` of the page before; any other text is the first page.",
        "schema": {"type": "string"},
    },
    "order": {
        "name": "order",
        "in": "query",
        "description": "`asc` for the job first whose next try is due first, anything else for the opposite.",
        "schema": {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
    },
    "failureOrder": {
        "name": "order",
        "in": "query",
        "description": "`created` to sort by when the job was pushed, anything else by when it failed; "
        "newest first in both.",
        "schema": {"type": "string", "enum": ["created", "failed"], "default": "failed"},
    },
}

_TOKEN: Mapping[str, Any] = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API token, where `api_tokens_file` names a file of them; else nobody is asked for "
    "one. An operation needs one of the scopes `push`, `work`, `read` and `admin`; `admin` allows all.",
}


def write_document(routes: Iterable[Route], config: Config) -> dict[str, Any]:
    """Describe `routes`; what has no operation is left out, and seen by the tests."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "trioworq",
            "version": __version__,
            "summary": "An HTTP job queue for any language",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This daemon"}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS],
        "paths": _paths(routes, are_tokens_needed=bool(config.api_tokens_file)),
        "components": {
            "schemas": schemas(config),
            "parameters": dict(_PARAMETERS),
            "responses": dict(RESPONSES),
            "securitySchemes": {"token": _TOKEN},
        },
    }


def _paths(routes: Iterable[Route], *, are_tokens_needed: bool) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in routes:
        operation = OPERATIONS.get(f"{route.method} {route.path}")
        if operation is not None:
            names = [part[1] for part in VARIABLE_PART.finditer(route.path)]
            item = paths.setdefault(VARIABLE_PART.sub(r"{\1}", route.path), {})
            if names:
                item["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in names]
            item[route.method.lower()] = _guarded(operation, route.scope, are_tokens_needed=are_tokens_needed)
    return paths


def _guarded(operation: Any, scope: Scope | None, *, are_tokens_needed: bool) -> dict[str, Any]:
    """Return an operation with what it asks of an API token; tokens need not be asked for at all."""
    if scope is None:
        return {**operation, "security": []}
    answers = operation["responses"] | {str(status): answer for status, answer in WITHOUT_TOKEN.items()}
    needed = {"token": [scope.value]}
    return {
        **operation,
        "responses": dict(sorted(answers.items())),
        "security": [needed] if are_tokens_needed else [{}, needed],
    }
