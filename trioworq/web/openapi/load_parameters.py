"""What the queries of the load take (contract load §4.1, §4.2)."""

from collections.abc import Mapping
from typing import Any

from trioworq.core.jobs import INT64_MAX
from trioworq.core.periods import DEFAULT_DAYS, MAX_DAYS
from trioworq.web.load.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from trioworq.web.openapi.shapes import Shape


def _repeatable(name: str, item: Shape, description: str) -> Any:
    return {
        "name": name,
        "in": "query",
        "description": f"{description} Given more than once, each value counts.",
        "explode": True,
        "schema": {"type": "array", "items": item},
        "example": [item.get("example", 100)],
    }


_INTEGER: Shape = {"type": "integer", "minimum": -INT64_MAX, "maximum": INT64_MAX}
_MOMENT = (
    "An ISO 8601 date and time with its zone, or a duration of days, hours, minutes and seconds before now. "
    f"At most {MAX_DAYS} days may be asked for."
)

LOAD_PARAMETERS: Mapping[str, Any] = {
    "started": {
        "name": "started",
        "in": "query",
        "description": f"The first instant. {_MOMENT} Without it, midnight in UTC {DEFAULT_DAYS} days ago.",
        "schema": {"type": "string"},
        "example": "PT3H0M0S",
    },
    "ended": {
        "name": "ended",
        "in": "query",
        "description": f"The last instant. {_MOMENT} Without it, now.",
        "schema": {"type": "string"},
        "example": "2026-11-22T00:00:00Z",
    },
    "jobTypeId": _repeatable("job_type_id", _INTEGER, "Count only jobs of the type with this number."),
    "jobTypeName": _repeatable(
        "job_type_name",
        {"type": "string", "example": "mail"},
        "Count only jobs of this name: pushed ones of this category, and those to pull of this queue.",
    ),
    "jobTypeCategory": _repeatable(
        "job_type_category",
        {"type": "string", "example": "mail"},
        "Count only jobs of types that go to the queue of this name now.",
    ),
    "jobTypePriority": _repeatable(
        "job_type_priority", _INTEGER, "Count only jobs of types whose queue has this priority now."
    ),
    "page": {
        "name": "page",
        "in": "query",
        "description": "The number of the page, from 1 on, or `last`.",
        "schema": {
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "enum": ["last", ""]}],
            "default": 1,
        },
    },
    "pageSize": {
        "name": "page_size",
        "in": "query",
        "description": "How many items a page has. More count as the most, and what is no number of at least "
        "1 as not given.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    },
}
