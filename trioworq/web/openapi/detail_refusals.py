"""The errors under `/api/v1/` and `/v6/`: `{"detail": …}` (contract jobs §3.1, load §4.1)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from trioworq.web.messages import JSON, TEXT
from trioworq.web.openapi.refusals import RESPONSES, refusal
from trioworq.web.openapi.shapes import schema

_NOSNIFF = "X-Content-Type-Options"


def detail_refusal(
    status: HTTPStatus, why: str, detail: str = "", headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Describe an error; `detail` is an example of one, nothing where it is the status' own words."""
    return _in_detail(refusal(status, why, headers=headers), detail or status.phrase)


def _in_detail(described: Mapping[str, Any], detail: str) -> dict[str, Any]:
    headers = {name: header for name, header in described["headers"].items() if name != _NOSNIFF}
    content = {JSON: {"schema": schema("Detail"), "example": {"detail": detail}}}
    return {
        "description": described["description"],
        **({"headers": headers} if headers else {}),
        "content": content,
    }


def _same(name: str) -> dict[str, Any]:
    """Describe the same error of most paths as these have it."""
    described = RESPONSES[name]
    title, *lines = described["content"][TEXT]["example"].splitlines()
    return _in_detail(described, lines[-1] if lines else title.partition(" ")[2])


def _same_or_text(name: str) -> dict[str, Any]:
    """Describe an error that may come before the path is known: then its shape is that of most paths."""
    described = _same(name)
    text = {TEXT: {"schema": RESPONSES[name]["content"][TEXT]["schema"]}}
    return {
        **described,
        "headers": {_NOSNIFF: {**RESPONSES[name]["headers"][_NOSNIFF], "required": False}},
        "content": {**described["content"], **text},
    }


DETAIL_RESPONSES: Mapping[str, Any] = {
    "DetailBadRequest": {
        **_same_or_text("BadRequest"),
        "description": "A parameter of the query that is not as it should be, a path that is not UTF-8, or a "
        "request that is not HTTP.",
    },
    "DetailTokenNeeded": _same("TokenNeeded"),
    "DetailScopeNeeded": _same("ScopeNeeded"),
    "DetailBodyTooSlow": _same("BodyTooSlow"),
    "DetailTooLarge": _same("TooLarge"),
    "DetailHeadTooLarge": _same_or_text("HeadTooLarge"),
    "DetailFault": _same("Fault"),
    "DetailUnknownEncoding": _same_or_text("UnknownEncoding"),
    "DetailUnavailable": _same("Unavailable"),
    "DetailMethodNotAllowed": _same("MethodNotAllowed"),
    "DetailUnknownPath": detail_refusal(HTTPStatus.NOT_FOUND, "There is nothing at this path."),
}


def _named(names: Mapping[int, str]) -> Mapping[int, Any]:
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items()}


DETAIL_EVERYWHERE = _named(
    {
        400: "DetailBadRequest",
        408: "DetailBodyTooSlow",
        413: "DetailTooLarge",
        431: "DetailHeadTooLarge",
        500: "DetailFault",
        501: "DetailUnknownEncoding",
        503: "DetailUnavailable",
    }
)
"""What any request under these paths may be answered."""

DETAIL_WITHOUT_TOKEN = _named({401: "DetailTokenNeeded", 403: "DetailScopeNeeded"})
"""What any may be answered that needs an API token."""
