"""How JSON shapes are written down: objects, fields, and the fields that many share.

Answers list every field that they have. They are not closed for good, as later versions may add fields; the
tests close them, so that none is left out here.
"""

from collections.abc import Mapping
from typing import Any

from trioworq.core.jobs import DEFAULT_PRIORITY, MAX_PRIORITY, NAME_MAX_BYTES

Shape = dict[str, Any]

NAME: Shape = {"type": "string", "minLength": 1, "maxLength": NAME_MAX_BYTES, "pattern": "^[^\\u0000]+$"}
CATEGORY: Shape = {**NAME, "description": "What kind of job it is; routings go by it."}
QUEUE_NAME: Shape = {**NAME, "description": "The queue's name."}
TIME: Shape = {"type": "string", "format": "date-time"}


def schema(name: str) -> Shape:
    """Point to a shape of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(description: str, fields: Mapping[str, Shape], *, optional: tuple[str, ...] = ()) -> Shape:
    """Describe an object of an answer, which has all `fields` but for the optional ones."""
    return {
        "type": "object",
        "description": description,
        "required": [name for name in fields if name not in optional],
        "properties": dict(fields),
    }


def page(key: str, item: str, what: str, most: int) -> Shape:
    """Describe a page of a list, of `most` items."""
    return record(
        f"A page of {what}.",
        {
            key: {"type": "array", "items": schema(item), "maxItems": most},
            "next_cursor": text("The `cursor` of the next page; empty on the last one."),
        },
    )


def text(description: str, **more: Any) -> Shape:
    """Describe a string."""
    return {"type": "string", "description": description, **more}


def count(description: str, **more: Any) -> Shape:
    """Describe a whole number, 0 or more unless `more` says otherwise."""
    return {"type": "integer", "format": "int64", "minimum": 0, "description": description, **more}


def given(shape: Shape, **more: Any) -> Shape:
    """Return the shape of a field that a client may leave out or set to null."""
    return {**shape, "type": [shape["type"], "null"], **more}


PRIORITY = count(
    "Jobs with a lower one go first.", format="int32", minimum=-MAX_PRIORITY, maximum=MAX_PRIORITY
)
SHOWN_PRIORITY: Shape = {**PRIORITY, "description": f"Its priority; left out if it is {DEFAULT_PRIORITY}."}
