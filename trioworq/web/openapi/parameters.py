"""The parameters of paths and queries (contract §1.1, §1.10, §1.11, pull §2.5)."""

from collections.abc import Mapping
from typing import Any

from trioworq.core.jobs import INT64_MAX, NAME_MAX_BYTES, UINT32_MAX
from trioworq.core.pull import MAX_JOBS
from trioworq.web.fireworq import DEFAULT_LIMIT, MAX_LIMIT
from trioworq.web.pull.queries import MAX_WAIT_S

GREEDY = "x-greedy"
"""Marks a parameter in a path that takes all the rest of it, for which OpenAPI has no form."""

NO_HEAD = "x-no-head"
"""Marks a GET operation that does not answer HEAD, for which OpenAPI has no word either."""

PARAMETERS: Mapping[str, Any] = {
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
    "job_id": {
        "name": "job_id",
        "in": "path",
        "required": True,
        GREEDY: True,
        "description": f"The job's id, 1 to {NAME_MAX_BYTES} bytes of UTF-8. It is all the rest of the path, "
        "just as it is: slashes belong to it, escaped or not, which OpenAPI cannot say.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": NAME_MAX_BYTES,
            "pattern": r"^[^\u0000]+$",
        },
        "example": "1",
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
    "queue": {
        "name": "queue",
        "in": "query",
        "required": True,
        "description": "The queue's name.",
        "schema": {"type": "string", "minLength": 1, "maxLength": NAME_MAX_BYTES, "pattern": r"^[^\u0000]+$"},
        "example": "my-queue",
    },
    "jobId": {
        "name": "job_id",
        "in": "query",
        "required": True,
        "description": "The job's id, which its client chose.",
        "schema": {"type": "string", "maxLength": NAME_MAX_BYTES, "pattern": r"^[^\u0000]*$"},
        "example": "1",
    },
    "run_id": {
        "name": "run_id",
        "in": "query",
        "description": "The run that the job has to be in, as it was told when it was fetched.",
        "schema": {"type": "string"},
        "example": "7-1",
    },
    "numJobs": {
        "name": "num_jobs",
        "in": "query",
        "description": f"How many jobs to fetch at most; more than {MAX_JOBS} count as so many.",
        "schema": {"type": "integer", "minimum": 0, "maximum": UINT32_MAX, "default": 1},
    },
    "wait": {
        "name": "wait",
        "in": "query",
        "description": "How many seconds to wait for a job when none is due; more than "
        f"{MAX_WAIT_S} count as so many.",
        "schema": {"type": "integer", "minimum": 0, "default": 0},
    },
}
