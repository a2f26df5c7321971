"""The parameters of the job management API (contract jobs §3.3, README 20, 23)."""

from collections.abc import Mapping
from typing import Any

from trioworq.web.manage.queries import MAX_LIMIT, MAX_OFFSET
from trioworq.web.openapi.shapes import NAME

_MOMENT = (
    "RFC 3339, in UTC if it names no zone, or the digits of an epoch (10 of seconds, 13 of milliseconds, 16 "
    "of microseconds, 19 of nanoseconds)."
)

MANAGE_PARAMETERS: Mapping[str, Any] = {
    "job": {
        "name": "job",
        "in": "path",
        "required": True,
        "description": "The job's id in decimal digits. Any other text is that of no job, and a 404.",
        "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,18}$"},
        "example": "7",
    },
    "ofQueue": {
        "name": "queue",
        "in": "query",
        "description": "Only jobs of the queues of this name, of either kind.",
        "schema": NAME,
        "example": "mail",
    },
    "ofCategory": {
        "name": "category",
        "in": "query",
        "description": "Only push jobs of this category.",
        "schema": NAME,
        "example": "newsletter/weekly",
    },
    "failedAfter": {
        "name": "failed_after",
        "in": "query",
        "description": f"Only jobs that failed then or later: {_MOMENT}",
        "schema": {"type": "string"},
        "example": "2026-11-22T08:00:00Z",
    },
    "failedBefore": {
        "name": "failed_before",
        "in": "query",
        "description": f"Only jobs that failed sooner: {_MOMENT}",
        "schema": {"type": "string"},
        "example": "1795338000",
    },
    "dryRun": {
        "name": "dry_run",
        "in": "query",
        "description": "Whether to do nothing but count; `1` and `0` will do as well.",
        "schema": {"type": "boolean", "default": False},
    },
    "failedLimit": {
        "name": "limit",
        "in": "query",
        "description": "How many jobs to list. More count as the most, what is not a number as not given, "
        "and less than 1 is a 400.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": MAX_LIMIT},
    },
    "offset": {
        "name": "offset",
        "in": "query",
        "description": "How many jobs to leave out before the first.",
        "schema": {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
    },
}
