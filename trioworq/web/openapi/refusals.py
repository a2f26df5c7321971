"""The answers that are errors: status, headers and shape (contract §1.3)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from trioworq.web.messages import TEXT
from trioworq.web.replies import RETRY_AFTER_S, no_such_page

_NOSNIFF = {
    "X-Content-Type-Options": {
        "description": "Browsers are to believe the content type.",
        "required": True,
        "schema": {"type": "string", "const": "nosniff"},
    }
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before another try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1, "examples": [RETRY_AFTER_S]},
    }
}
_ALLOW = {
    "Allow": {
        "description": "The methods that the path takes.",
        "required": True,
        "schema": {"type": "string", "examples": ["DELETE, GET, HEAD, PUT"]},
    }
}


def refusal(
    status: HTTPStatus, why: str, detail: str = "", headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Describe an error in the shape of most paths; `detail` is an example of its last line."""
    title = f"{status.value} {status.phrase}"
    return {
        "description": why,
        "headers": {**_NOSNIFF, **(headers or {})},
        "content": {
            TEXT: {
                "schema": {"type": "string", "pattern": rf"^{title}\n(\n[^\n]+\n)?$"},
                "example": f"{title}\n\n{detail}\n" if detail else f"{title}\n",
            }
        },
    }


def not_found(why: str, detail: str = "") -> dict[int, Any]:
    """Describe the 404 of an operation."""
    return {404: refusal(HTTPStatus.NOT_FOUND, why, detail)}


_CHALLENGE = {
    "WWW-Authenticate": {
        "description": "What is wanted (RFC 6750); with a token that was not good enough, why.",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
    }
}
_UNKNOWN_PATH = no_such_page("/").body.decode()

RESPONSES: Mapping[str, Any] = {
    "BadRequest": refusal(
        HTTPStatus.BAD_REQUEST,
        "Broken JSON, a value of the wrong type or out of range, a bad id or limit, a path that is not "
        "UTF-8, or a request that is not HTTP.",
        "Missing field: url",
    ),
    "TokenNeeded": refusal(
        HTTPStatus.UNAUTHORIZED,
        "API tokens are asked for (`api_tokens_file`), and the request has none that is known.",
        "An API token is needed",
        _CHALLENGE,
    ),
    "ScopeNeeded": refusal(
        HTTPStatus.FORBIDDEN,
        "The API token does not allow this operation.",
        "The API token does not allow this, which needs the scope admin",
        _CHALLENGE,
    ),
    "BodyTooSlow": refusal(
        HTTPStatus.REQUEST_TIMEOUT,
        "The body did not come in time (`request_timeout_s`).",
        "The body did not come in time",
    ),
    "TooLarge": refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body, or the payload that it stands for, is larger than `max_body_bytes`.",
        "A body should have at most 16777216 bytes",
    ),
    "HeadTooLarge": refusal(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The request's head is larger than `max_header_bytes`.",
    ),
    "Fault": refusal(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "A fault of the daemon. The error log says more, the answer does not; a push may have been stored.",
    ),
    "UnknownEncoding": refusal(
        HTTPStatus.NOT_IMPLEMENTED, "A `Transfer-Encoding` other than `chunked`, which is not known here."
    ),
    "Unavailable": refusal(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database is out of reach for now, or too many large bodies are on their way; nothing was "
        "stored.",
        "The store is out of reach for now; nothing was stored",
        _RETRY_AFTER,
    ),
    "MethodNotAllowed": refusal(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The path is known, but does not take this method. A path that takes GET takes HEAD too.",
        headers=_ALLOW,
    ),
    "UnknownPath": {
        "description": "There is nothing at this path.",
        "headers": _NOSNIFF,
        "content": {TEXT: {"schema": {"type": "string", "const": _UNKNOWN_PATH}, "example": _UNKNOWN_PATH}},
    },
}


def _named(names: Mapping[int, str]) -> Mapping[int, Any]:
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items()}


EVERYWHERE = _named(
    {
        400: "BadRequest",
        408: "BodyTooSlow",
        413: "TooLarge",
        431: "HeadTooLarge",
        500: "Fault",
        501: "UnknownEncoding",
        503: "Unavailable",
    }
)
"""What any request may be answered."""

WITHOUT_TOKEN = _named({401: "TokenNeeded", 403: "ScopeNeeded"})
"""What any request may be answered that needs an API token."""
