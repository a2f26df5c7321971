"""Jobs → JSON; the fields that RQ does not have come last (contract jobs §3.1, §3.3)."""

from collections.abc import Mapping
from typing import Any

import orjson

from trioworq.core.jobs import DEFAULT_PRIORITY, FailedJob, Kind
from trioworq.manage.failed import Swept
from trioworq.manage.lookup import JobStats
from trioworq.web.manage.arguments import NO_ARGS, NO_KWARGS, arguments_of
from trioworq.web.manage.views import JobView, Status, view_of_failed
from trioworq.web.moments import show_without_zone


def show_failed(job: FailedJob) -> bytes:
    """Write an item of the list of failed jobs."""
    view = view_of_failed(job)
    return orjson.dumps(
        {
            "job_id": str(view.job_id),
            **_call(view),
            "created_at": show_time(view.created_at_ms),
            "ended_at": show_time(view.ended_at_ms),
            "exc_info": view.error,
            "result": view.outcome,
            **_more(view),
        }
    )


def show_status(view: JobView) -> bytes:
    """Write a job."""
    return orjson.dumps(
        {
            "job_id": str(view.job_id),
            "status": view.status.value,
            **_call(view),
            "created_at": show_time(view.created_at_ms),
            "started_at": show_time(view.started_at_ms),
            "ended_at": show_time(view.ended_at_ms),
            "result": view.outcome,
            "exc_info": view.error,
            "is_finished": view.status is Status.FINISHED,
            "is_failed": view.status is Status.FAILED,
            "is_started": view.status is Status.STARTED,
            "is_queued": view.status is Status.QUEUED,
            **_more(view),
        }
    )


def _call(view: JobView) -> Mapping[str, Any]:
    args, kwargs = (NO_ARGS, NO_KWARGS) if view.payload is None else arguments_of(view.payload)
    return {
        "func_name": view.function,
        "args": orjson.Fragment(args),
        "kwargs": orjson.Fragment(kwargs),
    }


def _more(view: JobView) -> Mapping[str, Any]:
    """Return what RQ's jobs do not have."""
    of_kind = (
        {"category": view.category, "url": view.url, "kind": "push"}
        if view.kind is Kind.PUSH
        else {"kind": "pull", "key": view.key}
    )
    return {
        "queue": view.queue,
        **of_kind,
        "fail_count": view.fail_count,
        **({} if view.priority == DEFAULT_PRIORITY else {"priority": view.priority}),
        **({} if view.payload is not None else {"payload_omitted": True}),
    }


def show_done(job_id: str, what: str) -> bytes:
    """Write that a failed job has been dealt with."""
    message = f"Job {job_id} has been {what} successfully"
    return orjson.dumps({"success": True, "job_id": job_id, "message": message})


def show_swept(what: str, swept: Swept, *, total: int) -> bytes:
    """Write what has been done with each of many failed jobs; `total` is how many were meant."""
    return orjson.dumps(
        {
            "success": not swept.errors,
            "total_failed": total,
            f"{what}_count": len(swept.done),
            "error_count": len(swept.errors),
            f"{what}_jobs": [str(job_id) for job_id in swept.done],
            "errors": [{"job_id": str(job_id), "error": error} for job_id, error in swept.errors],
        }
    )


def show_stats(queue: str, stats: JobStats) -> bytes:
    """Write how many jobs there are."""
    return orjson.dumps(
        {
            "queue_name": queue,
            "queued_count": stats.queued,
            "failed_count": stats.failed,
            "started_count": stats.started,
            "finished_count": stats.finished,
        }
    )


def show_time(time_ms: int | None) -> str | None:
    """Write a time in UTC without its zone, and with a fraction only if it has one."""
    return None if time_ms is None else show_without_zone(time_ms)
