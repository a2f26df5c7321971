"""The pieces of operations, as plain parts of the document."""

from collections.abc import Mapping, Sequence
from typing import Any

from trioworq.web.messages import JSON, TEXT
from trioworq.web.openapi.refusals import EVERYWHERE

Part = dict[str, Any]


def ref(kind: str, name: str) -> Part:
    """Point to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def operation(
    name: str,
    tag: str,
    summary: str,
    description: str = "",
    *,
    answer: Part,
    body: Part | None = None,
    query: Sequence[Part] = (),
    refusals: Mapping[int, Part] | None = None,
    everywhere: Mapping[int, Part] = EVERYWHERE,
) -> Part:
    """Describe what one route does; parameters in its path come from the path.

    `answer` is the one with status 200; `refusals` go before those that any request may get, which are
    `everywhere`.
    """
    answers = {200: answer, **everywhere, **(refusals or {})}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        **({"description": description} if description else {}),
        **({"parameters": list(query)} if query else {}),
        **({"requestBody": body} if body else {}),
        "responses": {str(status): answers[status] for status in sorted(answers)},
    }


def json_answer(
    description: str, shape: Part, example: Any, *, links: Mapping[str, Mapping[str, str]] | None = None
) -> Part:
    """Describe an answer in JSON.

    `links` are the operations that go on from it, by name, with where they find their parameters.
    """
    content = {JSON: {"schema": shape, "example": example}}
    if links is None:
        return {"description": description, "content": content}
    shown = {name: {"operationId": name, "parameters": dict(where)} for name, where in links.items()}
    return {"description": description, "content": content, "links": shown}


def text_answer(description: str, pattern: str, example: str) -> Part:
    """Describe an answer in plain text."""
    return {
        "description": description,
        "content": {TEXT: {"schema": {"type": "string", "pattern": pattern}, "example": example}},
    }


def json_body(description: str, shape: Part, examples: Mapping[str, Any]) -> Part:
    """Describe a body in JSON, with examples by what they show."""
    named = {name.replace(" ", "-"): {"summary": name, "value": value} for name, value in examples.items()}
    return {
        "description": description,
        "required": True,
        "content": {JSON: {"schema": shape, "examples": named}},
    }
