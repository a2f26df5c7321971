"""Samples and job types → JSON (contract load §4.2–§4.4)."""

from collections.abc import Mapping
from typing import Any

from trioworq.core.jobs import Kind
from trioworq.core.load import LoadPoint, QueuedType
from trioworq.web.load.times import show_exact_time, show_time

_VERSION = "1.0"


def show_point(point: LoadPoint) -> Mapping[str, Any]:
    """Return the shape of one point of a series."""
    return {
        "time": show_time(point.time_ms),
        "pending_count": point.load.pending,
        "queued_count": point.load.queued,
        "running_count": point.load.running,
    }


def show_queued(queued: QueuedType) -> Mapping[str, Any]:
    """Return the shape of the waiting jobs of one type."""
    name = queued.type.type.name
    return {
        "job_type": {
            "id": queued.type.id,
            "name": name,
            "version": _VERSION,
            "title": name,
            "description": _describe(queued),
            "is_active": queued.is_active,
            "is_paused": queued.is_paused,
            "is_published": False,
            "icon_code": None,
            "unmet_resources": None,
        },
        "count": queued.count,
        "longest_queued": show_exact_time(queued.oldest_due_ms),
        "highest_priority": queued.priority,
    }


def _describe(queued: QueuedType) -> str:
    if queued.type.type.kind is Kind.PULL:
        return f"pull jobs of {queued.type.type.name}"
    fullest, *others = queued.queues
    more = f" and {len(others)} more" if others else ""
    return f"push jobs to {fullest}{more}"
