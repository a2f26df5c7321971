"""The whole document: routes, and what their operations are."""

from collections.abc import Iterable, Mapping
from typing import Any

from trioworq import __version__
from trioworq.config import Config
from trioworq.web.messages import VARIABLE_PART, Route
from trioworq.web.openapi import (
    daemon,
    daemon_shapes,
    definition_shapes,
    definitions,
    health,
    inspection,
    job_shapes,
    load_shapes,
    manage_shapes,
    managing,
    pull_shapes,
    pulling,
    pushing,
    watching,
)
from trioworq.web.openapi.detail_refusals import DETAIL_RESPONSES, DETAIL_WITHOUT_TOKEN
from trioworq.web.openapi.load_parameters import LOAD_PARAMETERS
from trioworq.web.openapi.manage_parameters import MANAGE_PARAMETERS
from trioworq.web.openapi.parameters import PARAMETERS
from trioworq.web.openapi.pull_refusals import PULL_RESPONSES, PULL_WITHOUT_TOKEN
from trioworq.web.openapi.refusals import RESPONSES, WITHOUT_TOKEN
from trioworq.web.replies import has_detail, is_pull

OPERATIONS: Mapping[str, Any] = {
    **pushing.OPERATIONS,
    **pulling.OPERATIONS,
    **definitions.OPERATIONS,
    **inspection.OPERATIONS,
    **managing.OPERATIONS,
    **watching.OPERATIONS,
    **daemon.OPERATIONS,
    **health.OPERATIONS,
}
"""Operations by method and path, written as in the routes."""

_ABOUT = """\
An HTTP job queue: push a job with one POST, and the daemon POSTs its payload to your worker, retries it and
keeps what failed.

- Bodies are JSON whatever their `Content-Type`. Only the first JSON value is read. Keys match in any case, of
  equal keys the later wins, unknown keys are ignored, and `null` stands for "not given". Whole numbers are
  written in plain digits.
- Paths are matched after percent-decoding. A queue or an id is one segment; a category is all the rest of the
  path, slashes included. `//`, `/./` and `/../` are resolved first. All of this holds for escaped slashes and
  dots too.
- A `GET` operation answers `HEAD` too, unless it says otherwise. An unknown path is answered `UnknownPath`,
  and a known one that does not take the method `MethodNotAllowed`; both stand among the responses of the
  components.
- Errors are the status line again and, where there is more to say, a blank line and one line of detail.
- After any error but a 500 nothing was stored.
- Pulling is stricter: a body is one JSON value and nothing else, keys match exactly, none may be given twice,
  and `null` only stands where a description says so. Paths under `/v1/` are not resolved. An error is one
  plain line, and a 429 if another try may do better.
- Under `/api/v1/` and `/v6/` errors are `{"detail": "…"}`. A path under `/api/v1/jobs/` may end in a slash.
"""

_TAGS = (
    (pushing.TAG, "Taking jobs that the daemon sends to workers."),
    (pulling.TAG, "Jobs that workers fetch, in queues of their own."),
    (definitions.QUEUES, "Definitions of queues, their counters, and the nodes that dispatch them."),
    (definitions.ROUTINGS, "Which queue takes a category."),
    (inspection.JOBS, "Jobs that have not ended."),
    (inspection.FAILURES, "Push jobs that ended in failure, by queue."),
    (managing.TAG, "Jobs of both kinds: those that failed, where one is, how many there are."),
    (watching.TAG, "How many jobs there are, over time and by job type."),
    (daemon.TAG, "What the daemon says of itself."),
    (health.TAG, "How the daemon is, for those who look after it."),
)

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
            "schemas": {
                **job_shapes.SHAPES,
                **job_shapes.batch_shapes(config.max_batch_jobs),
                **definition_shapes.SHAPES,
                **daemon_shapes.SHAPES,
                **manage_shapes.MANAGE_SHAPES,
                **pull_shapes.PULL_SHAPES,
                **pull_shapes.pull_batch_shape(config.max_batch_jobs),
                **load_shapes.LOAD_SHAPES,
            },
            "parameters": {**PARAMETERS, **MANAGE_PARAMETERS, **LOAD_PARAMETERS},
            "responses": {**RESPONSES, **PULL_RESPONSES, **DETAIL_RESPONSES},
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
            item[route.method.lower()] = _guarded(operation, route, are_tokens_needed=are_tokens_needed)
    return paths


def _guarded(operation: Any, route: Route, *, are_tokens_needed: bool) -> dict[str, Any]:
    """Return an operation with what it asks of an API token; tokens need not be asked for at all."""
    if route.scope is None:
        return {**operation, "security": []}
    without_token = _without_token(route.path).items()
    answers = operation["responses"] | {str(status): answer for status, answer in without_token}
    needed = {"token": [route.scope.value]}
    return {
        **operation,
        "responses": dict(sorted(answers.items())),
        "security": [needed] if are_tokens_needed else [{}, needed],
    }


def _without_token(path: str) -> Mapping[int, Any]:
    if has_detail(path):
        return DETAIL_WITHOUT_TOKEN
    return PULL_WITHOUT_TOKEN if is_pull(path) else WITHOUT_TOKEN
