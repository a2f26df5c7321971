"""The errors of the pull side: one plain line each (contract pull §2.5, README 18)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from trioworq.web.messages import TEXT
from trioworq.web.openapi.refusals import RESPONSES, refusal

_LINE = r"^[^\n]+$"
# Where the path may not be known the shape is that of most paths.
_LINE_OR_TITLE = r"^[^\n]+\n?$"


def line_refusal(
    status: HTTPStatus, why: str, line: str, headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Describe an error whose body is one line, of which `line` is an example."""
    return _in_line(refusal(status, why, headers=headers), line)


def _in_line(described: Mapping[str, Any], line: str, pattern: str = _LINE) -> dict[str, Any]:
    content = {TEXT: {"schema": {"type": "string", "pattern": pattern}, "example": line}}
    return {**described, "content": content}


def _same(name: str, pattern: str = _LINE) -> dict[str, Any]:
    """Describe the same error of most paths as the pull side has it."""
    described = RESPONSES[name]
    return _in_line(described, described["content"][TEXT]["example"].splitlines()[-1], pattern)


PULL_RESPONSES: Mapping[str, Any] = {
    "PullBadRequest": _in_line(
        {
            **RESPONSES["BadRequest"],
            "description": "Broken JSON, a field or parameter that is missing, of the wrong type or out of "
            "range, or a request that is not HTTP.",
        },
        "Json deserialize error: missing field `queue`",
        _LINE_OR_TITLE,
    ),
    "PullTokenNeeded": _same("TokenNeeded"),
    "PullScopeNeeded": _same("ScopeNeeded"),
    "PullBodyTooSlow": _same("BodyTooSlow"),
    "PullTooLarge": _same("TooLarge"),
    "PullHeadTooLarge": _same("HeadTooLarge", _LINE_OR_TITLE),
    "PullUnknownEncoding": _same("UnknownEncoding", _LINE_OR_TITLE),
    "PullUnavailable": _same("Unavailable"),
    "PullBroken": line_refusal(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The database cannot do this, and will not before somebody mends it; the error log says more.",
        "422 Unprocessable Entity",
    ),
    "PullFault": _same("Fault"),
    "PullMethodNotAllowed": _same("MethodNotAllowed"),
    "PullUnknownPath": _same("UnknownPath"),
}


def _named(names: Mapping[int, str]) -> Mapping[int, Any]:
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items()}


PULL_EVERYWHERE = _named(
    {
        400: "PullBadRequest",
        408: "PullBodyTooSlow",
        413: "PullTooLarge",
        422: "PullBroken",
        429: "PullUnavailable",
        431: "PullHeadTooLarge",
        500: "PullFault",
        501: "PullUnknownEncoding",
    }
)
"""What any request of the pull side may be answered."""

PULL_WITHOUT_TOKEN = _named({401: "PullTokenNeeded", 403: "PullScopeNeeded"})
"""What any may be answered that needs an API token."""
