"""Operations: the load over time, and the jobs that wait, by job type (contract load §4.2, §4.3)."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from trioworq.web.load.endpoints import ALLOWED, LOAD, QUEUE_STATUS
from trioworq.web.openapi.detail_refusals import DETAIL_EVERYWHERE, detail_refusal
from trioworq.web.openapi.parts import Part, json_answer, operation, ref
from trioworq.web.openapi.shapes import schema

TAG = "Watching"

_PAGING = (ref("parameters", "page"), ref("parameters", "pageSize"))
_TYPES = ("jobTypeId", "jobTypeName", "jobTypeCategory", "jobTypePriority")
_NO_PAGE = {404: detail_refusal(HTTPStatus.NOT_FOUND, "There is no such page.", "Invalid page.")}

_POINT = {"time": "2026-11-22T00:00:00Z", "pending_count": 1, "queued_count": 0, "running_count": 0}
_QUEUED = {
    "job_type": {
        "id": 1, "name": "newsletter/weekly", "version": "1.0", "title": "newsletter/weekly",
        "description": "push jobs to mail", "is_active": True, "is_paused": False, "is_published": False,
        "icon_code": None, "unmet_resources": None,
    },
    "count": 19,
    "longest_queued": "2026-11-22T08:05:17.087Z",
    "highest_priority": 100,
}  # fmt: skip


def _sole(item: Any) -> Any:
    return {"count": 1, "next": None, "previous": None, "results": [item]}


def _series(name: str) -> Part:
    return operation(
        name,
        TAG,
        "Read the load over time",
        "One item for each time that jobs were counted, `load_interval` seconds apart. A filter leaves none "
        "of them out: where there was no job of its types, all numbers are 0. Of different filters each has "
        "to let a type in.",
        answer=json_answer("A page of the load.", schema("LoadPage"), _sole(_POINT)),
        query=[ref("parameters", each) for each in ("started", "ended", *_TYPES)] + [*_PAGING],
        refusals=_NO_PAGE,
        everywhere=DETAIL_EVERYWHERE,
    )


def _queued(name: str) -> Part:
    return operation(
        name,
        TAG,
        "Read which jobs wait",
        "One item for each job type of which jobs are due and wait: types that can start first, then by "
        "priority and by how long they have waited.",
        answer=json_answer("A page of job types.", schema("QueueStatusPage"), _sole(_QUEUED)),
        query=_PAGING,
        refusals=_NO_PAGE,
        everywhere=DETAIL_EVERYWHERE,
    )


def _about(name: str) -> Part:
    shown = {"name": "Job Load", "description": "The load over time.", "renders": [], "parses": []}
    allow = {"description": "What the path takes.", "required": True, "schema": {"const": ALLOWED}}
    return operation(
        name,
        TAG,
        "Ask what is here",
        answer={**json_answer("What it is.", schema("About"), shown), "headers": {"Allow": allow}},
        everywhere=DETAIL_EVERYWHERE,
    )


def _both_ways(path: str, get: Part, about: Part) -> Iterator[tuple[str, Part]]:
    """Return operations by method and path, with the slash at its end and without."""
    for spelling, mark in ((path, ""), (path.removesuffix("/"), "Bare")):
        for method, described in (("GET", get), ("OPTIONS", about)):
            yield f"{method} {spelling}", {**described, "operationId": described["operationId"] + mark}


OPERATIONS: Mapping[str, Any] = {
    **dict(_both_ways(LOAD, _series("getLoad"), _about("describeLoad"))),
    **dict(_both_ways(QUEUE_STATUS, _queued("getQueueStatus"), _about("describeQueueStatus"))),
}
