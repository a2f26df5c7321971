"""Operations: the job management API (contract jobs §3.1)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from trioworq.web.openapi.detail_refusals import DETAIL_EVERYWHERE, detail_refusal
from trioworq.web.openapi.parts import Part, json_answer, operation, ref
from trioworq.web.openapi.shapes import schema

TAG = "Managing"

_MORE = {
    "queue": "default", "category": "mail", "url": "http://127.0.0.1:3000/work", "kind": "push",
    "fail_count": 4,
}  # fmt: skip
_CALL = {"func_name": "mail", "args": [], "kwargs": {"n": 1}, "created_at": "2026-11-22T08:05:17.087000"}
_FAILED = {
    "job_id": "7", **_CALL, "ended_at": "2026-11-22T08:06:01.500000", "exc_info": "no such address",
    "result": None, **_MORE,
}  # fmt: skip
_STATUS = {
    "job_id": "7", "status": "finished", **_CALL, "started_at": "2026-11-22T08:06:01",
    "ended_at": "2026-11-22T08:06:01.500000", "result": "sent", "exc_info": None, "is_finished": True,
    "is_failed": False, "is_started": False, "is_queued": False, **_MORE,
}  # fmt: skip
_STATS = {
    "queue_name": "default", "queued_count": 10, "failed_count": 2, "started_count": 1, "finished_count": 50,
}  # fmt: skip
_NOT_FAILED = {
    404: detail_refusal(
        HTTPStatus.NOT_FOUND, "No failed job has this id.", "Job 7 not found in failed jobs registry"
    )
}
_CANNOT_REQUEUE = {
    409: detail_refusal(
        HTTPStatus.CONFLICT,
        "Its queue is not defined any more, or has another job with the id that its client gave it. It stays "
        "where it is.",
        "Job 7 cannot be requeued: its queue mail is not defined any more",
    )
}
_NO_JOB = {
    404: detail_refusal(
        HTTPStatus.NOT_FOUND,
        "No job has this id, or it ended longer ago than is remembered.",
        "Job 7 not found: No such job, or it is not remembered any more",
    )
}
_FILTERS = ("ofQueue", "ofCategory", "failedAfter", "failedBefore")


def _operation(
    name: str,
    summary: str,
    description: str,
    answer: Part,
    *,
    query: Sequence[str] = (),
    refusals: Mapping[int, Part] | None = None,
) -> Part:
    return operation(
        name,
        TAG,
        summary,
        description,
        answer=answer,
        query=[ref("parameters", each) for each in query],
        refusals=refusals,
        everywhere=DETAIL_EVERYWHERE,
    )


def _swept(what: str) -> Part:
    example = {
        "success": True, "total_failed": 2, f"{what}_count": 2, "error_count": 0, f"{what}_jobs": ["7", "9"],
        "errors": [],
    }  # fmt: skip
    return json_answer("What has been done.", schema(f"{what.title()}Jobs"), example)


def _done(what: str) -> Part:
    message = f"Job 7 has been {what} successfully"
    example = {"success": True, "job_id": "7", "message": message}
    return json_answer("It has been done.", schema("DoneJob"), example)


OPERATIONS: Mapping[str, Any] = {
    "GET /api/v1/jobs/failed": _operation(
        "listFailedJobs",
        "List failed jobs",
        "Those of both kinds, the oldest failure first. There may be fewer than `limit` where they are "
        "large, so only an empty array says that no more follow.",
        json_answer(
            "The jobs.",
            {"type": "array", "items": schema("FailedJob")},
            [_FAILED],
            links={
                name: {"job": "$response.body#/0/job_id"}
                for name in ("retryFailedJob", "deleteFailedJob", "getJobStatus")
            },
        ),
        query=(*_FILTERS, "failedLimit", "offset"),
    ),
    "POST /api/v1/jobs/failed/retry-all": _operation(
        "retryAllFailedJobs",
        "Run failed jobs again",
        "Goes through those that are there by now, some hundred in a transaction, and says what became of "
        "each. What fails again meanwhile stays. A body is not looked at.",
        _swept("requeued"),
        query=(*_FILTERS, "dryRun"),
    ),
    "POST /api/v1/jobs/failed/{job}/retry": _operation(
        "retryFailedJob",
        "Run a failed job again",
        "It keeps its id, has its retries back, is due now, and is no longer among the failures. A body is "
        "not looked at.",
        _done("requeued"),
        refusals={**_NOT_FAILED, **_CANNOT_REQUEUE},
    ),
    "DELETE /api/v1/jobs/failed/clear": _operation(
        "clearFailedJobs",
        "Delete failed jobs",
        "For good; like running them again for the rest.",
        _swept("deleted"),
        query=(*_FILTERS, "dryRun"),
    ),
    "DELETE /api/v1/jobs/failed/{job}": _operation(
        "deleteFailedJob", "Delete a failed job", "For good.", _done("deleted"), refusals=_NOT_FAILED
    ),
    "GET /api/v1/jobs/status/{job}": _operation(
        "getJobStatus",
        "Read a job's status",
        "At any stage of its life, of either kind.",
        json_answer("The job.", schema("JobStatus"), _STATUS),
        refusals=_NO_JOB,
    ),
    "GET /api/v1/jobs/stats": _operation(
        "getJobCounts",
        "Count jobs",
        "Those of all queues of both kinds, or of the queues of one name.",
        json_answer("How many there are.", schema("JobCounts"), _STATS),
        query=("ofQueue",),
    ),
}
