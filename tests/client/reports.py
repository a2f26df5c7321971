"""Jobs, counts and load as the management APIs answer them; the first of each is the reference's example."""

from typing import Any

import orjson

from tests.client.scripted_server import Reply

FAILED: dict[str, Any] = {
    "job_id": "7",
    "func_name": "app.workers.jobs.simulate_replicated_trade",
    "args": [1],
    "kwargs": {},
    "created_at": "2024-01-01T12:00:00",
    "ended_at": "2024-01-01T12:01:00",
    "exc_info": "Error message...",
    "result": None,
}
STATUS = {
    **FAILED,
    "status": "finished",
    "started_at": "2024-01-01T12:00:01",
    "result": "success",
    "exc_info": None,
    "is_finished": True,
    "is_failed": False,
    "is_started": False,
    "is_queued": False,
}
COUNTS = {
    "queue_name": "default",
    "queued_count": 10,
    "failed_count": 2,
    "started_count": 1,
    "finished_count": 50,
}
REQUEUED = {
    "success": False,
    "total_failed": 3,
    "requeued_count": 2,
    "error_count": 1,
    "requeued_jobs": ["1", "2"],
    "errors": [{"job_id": "3", "error": "its queue is gone"}],
}
DELETED = {
    "success": True,
    "total_failed": 2,
    "deleted_count": 2,
    "error_count": 0,
    "deleted_jobs": ["1", "2"],
    "errors": [],
}
DRY_RUN = {**DELETED, "total_failed": 5, "deleted_count": 0, "deleted_jobs": []}
QUEUES = [
    {"name": "default", "polling_interval": 200, "max_workers": 20},
    {
        "name": "mail",
        "polling_interval": 100,
        "max_workers": 5,
        "max_dispatches_per_second": 2.5,
        "max_burst_size": 5,
        "priority": 10,
        "is_paused": True,
    },
]
QUEUE_COUNTS = {
    "total_pushes": 9,
    "total_pops": 8,
    "total_successes": 6,
    "total_failures": 2,
    "total_permanent_failures": 1,
    "total_completes": 7,
    "total_elapsed": 1234,
    "pushes_per_second": 3,
    "pops_per_second": 2,
    "outstanding_jobs": 0,
    "total_workers": 20,
    "idle_workers": 19,
    "active_nodes": 1,
}
QUEUED_TYPE: dict[str, Any] = {
    "job_type": {
        "id": 1,
        "name": "scale-ingest",
        "version": "1.0",
        "title": "Scale Ingest",
        "description": "Ingests a source file into a workspace",
        "is_active": True,
        "is_paused": False,
        "is_published": True,
        "icon_code": "f013",
        "unmet_resources": "chocolate,vanilla",
    },
    "count": 19,
    "longest_queued": "1970-01-01T00:00:00.000Z",
    "highest_priority": 1,
}


def point(time: str, pending: int = 1, queued: int = 0, running: int = 0) -> dict[str, Any]:
    """Return a point of the load."""
    return {"time": time, "pending_count": pending, "queued_count": queued, "running_count": running}


POINT = point("2015-10-21T00:00:00Z")


def page(*results: Any, following: str | None = None) -> Reply:
    """Return a page of a list."""
    return said({"count": len(results), "next": following, "previous": None, "results": results})


def said(value: Any, status: int = 200) -> Reply:
    """Return an answer of JSON."""
    return Reply(status, orjson.dumps(value))
