"""The JSON shapes of the job management API (contract jobs §3.1, §3.3)."""

from collections.abc import Mapping

from trioworq.core.jobs import MAX_PRIORITY
from trioworq.web.manage.views import Status
from trioworq.web.openapi.shapes import NAME, Shape, count, given, record, text

_JOB_ID = text("The job's id in decimal digits.", pattern="^[1-9][0-9]{0,18}$")
_TIME: Shape = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$"}
_ENDED = {**_TIME, "description": "When it ended, in UTC."}
_CALL: Mapping[str, Shape] = {
    "func_name": {**NAME, "description": "A push job's category, a pull job's queue."},
    "args": {
        "type": "array",
        "description": "The payload, if it is an array; any other value but an object and `null` is its only "
        "item.",
    },
    "kwargs": {"type": "object", "description": "The payload, if it is an object."},
    "created_at": {**_TIME, "description": "When it was pushed or enqueued, in UTC."},
}
_MORE: Mapping[str, Shape] = {
    "queue": {**NAME, "description": "Its queue."},
    "category": {**NAME, "description": "A push job's category."},
    "url": text("Where a push job's payload is POSTed."),
    "kind": text("Whether the daemon calls a worker, or workers fetch it.", enum=["push", "pull"]),
    "key": text("The id that its client gave a pull job."),
    "fail_count": count("Attempts that have failed."),
    "priority": {
        "type": "integer",
        "minimum": -MAX_PRIORITY,
        "maximum": MAX_PRIORITY,
        "description": "Lower goes first; left out where it is the usual 100.",
    },
    "payload_omitted": {
        "const": True,
        "description": "There when the payload of a finished job was too large to be remembered.",
    },
}
_OPTIONAL = ("category", "url", "key", "priority", "payload_omitted")
_RESULT = {"type": ["string", "null"], "description": "What the worker said of a success, if anything."}


def _is(status: Status) -> Shape:
    return {"type": "boolean", "description": f"Whether the status is `{status.value}`."}


def _swept(what: str) -> Shape:
    """Describe what became of many failed jobs."""
    return record(
        f"Which failed jobs have been {what}.",
        {
            "success": {"type": "boolean", "description": "Whether there were no errors."},
            "total_failed": count("How many there were; in a dry run, how many are meant."),
            f"{what}_count": count(f"How many have been {what}."),
            "error_count": count("How many have not."),
            f"{what}_jobs": {"type": "array", "items": _JOB_ID},
            "errors": {
                "type": "array",
                "items": record(
                    "A job that is where it was.", {"job_id": _JOB_ID, "error": text("Why.")}
                ),
            },
        },
    )  # fmt: skip


MANAGE_SHAPES: Mapping[str, Shape] = {
    "FailedJob": record(
        "A job that ended in failure.",
        {
            "job_id": _JOB_ID,
            **_CALL,
            "ended_at": _ENDED,
            "exc_info": text("Why: the worker's words, or what was wrong."),
            "result": {"type": "null", "description": "Always."},
            **_MORE,
        },
        optional=_OPTIONAL,
    ),
    "JobStatus": record(
        "A job, at whatever stage of its life.",
        {
            "job_id": _JOB_ID,
            "status": text(
                "`scheduled` while its time has not come, `finished` for as long as it is remembered.",
                enum=[status.value for status in Status],
            ),
            **_CALL,
            "started_at": given(_TIME, description="When its last attempt began, if any has, in UTC."),
            "ended_at": given(_ENDED),
            "result": _RESULT,
            "exc_info": {"type": ["string", "null"], "description": "Why it failed, if it did."},
            "is_finished": _is(Status.FINISHED),
            "is_failed": _is(Status.FAILED),
            "is_started": _is(Status.STARTED),
            "is_queued": _is(Status.QUEUED),
            **_MORE,
        },
        optional=_OPTIONAL,
    ),
    "DoneJob": record(
        "A failed job has been dealt with.",
        {"success": {"const": True}, "job_id": _JOB_ID, "message": text("The same in words.")},
    ),
    "RequeuedJobs": _swept("requeued"),
    "DeletedJobs": _swept("deleted"),
    "JobCounts": record(
        "How many jobs there are.",
        {
            "queue_name": {**NAME, "description": "The queue that was asked for, else the default one."},
            "queued_count": count("Jobs that are due and wait."),
            "failed_count": count("Jobs that ended in failure."),
            "started_count": count("Jobs in their workers' hands."),
            "finished_count": count("Jobs that ended well and are remembered."),
        },
    ),
}
