"""The JSON shapes of the load, and of the jobs that wait by type (contract load §4.2–§4.4)."""

from collections.abc import Mapping

from trioworq.core.jobs import MAX_PRIORITY
from trioworq.web.load.paging import MAX_PAGE_SIZE
from trioworq.web.openapi.shapes import NAME, TIME, Shape, count, record, schema, text

_LINK: Shape = {
    "type": ["string", "null"],
    "format": "uri-reference",
    "description": "Where that page is, as the client called this server; `null` if there is none.",
}
_FLAG: Shape = {"type": "boolean"}
_NEVER: Shape = {"type": "null", "description": "There is none here."}


def _page(item: str, what: str) -> Shape:
    return record(
        f"A page of {what}.",
        {
            "count": count("How many there are on all pages."),
            "next": _LINK,
            "previous": _LINK,
            "results": {"type": "array", "items": schema(item), "maxItems": MAX_PAGE_SIZE},
        },
    )


LOAD_SHAPES: Mapping[str, Shape] = {
    "LoadPage": _page("LoadPoint", "the load over time, the oldest first"),
    "LoadPoint": record(
        "How many jobs there were at one instant.",
        {
            "time": {**TIME, "description": "When they were counted, in UTC."},
            "pending_count": count("Jobs that were not due yet."),
            "queued_count": count("Jobs that were due and waited."),
            "running_count": count("Jobs in the hands of workers."),
        },
    ),
    "QueueStatusPage": _page("QueuedType", "types of waiting jobs, those that start first at the beginning"),
    "QueuedType": record(
        "The due jobs of one type that wait.",
        {
            "job_type": schema("JobType"),
            "count": count("How many there are.", minimum=1),
            "longest_queued": {**TIME, "description": "Since when the first of them has been due."},
            "highest_priority": count(
                "The lowest number that one of them has as its priority: what starts first.",
                minimum=-MAX_PRIORITY, maximum=MAX_PRIORITY,
            ),
        },
    ),
    "JobType": record(
        "A job type: the category of pushed jobs, or the queue of jobs to pull.",
        {
            "id": count("Its number; no other type ever has it.", minimum=1),
            "name": {**NAME, "description": "The category, or the queue."},
            "version": text("Always the same.", enum=["1.0"]),
            "title": {**NAME, "description": "The name again."},
            "description": text("What the jobs are.", examples=["push jobs to mail"]),
            "is_active": {**_FLAG, "description": "Whether it goes to a queue."},
            "is_paused": {**_FLAG, "description": "Whether none starts in any queue where they wait."},
            "is_published": {"type": "boolean", "const": False, "description": "Never here."},
            "icon_code": _NEVER,
            "unmet_resources": _NEVER,
        },
    ),
    "About": record(
        "What is at a path.",
        {
            "name": text("What it is called."),
            "description": text("What it is."),
            "renders": {"type": "array", "items": {"type": "string"}, "description": "Types of its answers."},
            "parses": {"type": "array", "items": {"type": "string"}, "description": "Types of bodies taken."},
        },
    ),
}  # fmt: skip
