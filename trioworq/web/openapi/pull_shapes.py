"""The JSON shapes of pull jobs (contract pull §2.3, §2.4)."""

from collections.abc import Mapping

from trioworq.core.jobs import DEFAULT_PRIORITY, NAME_MAX_BYTES
from trioworq.core.pull import INT32_MAX, INT32_MIN, MAX_JOBS
from trioworq.web.openapi.shapes import (
    NAME,
    PRIORITY,
    SHOWN_PRIORITY,
    TIME,
    Shape,
    count,
    given,
    record,
    schema,
    text,
)

_KEY = text(
    "The job's id, which the client chooses; no other job of the queue has it.",
    maxLength=NAME_MAX_BYTES, pattern="^[^\\u0000]*$",
)  # fmt: skip
_QUEUE: Shape = {**NAME, "description": "The queue's name; queues need not be defined."}
_INT32 = {"format": "int32", "minimum": INT32_MIN, "maximum": INT32_MAX}
_TIMEOUT = count(
    "Seconds without a heartbeat after which the job is handed out again; with 0 or less at once.", **_INT32
)
_MAX_RETRIES = count(
    "How often it is handed out again after a timeout; less than 0 is without end.", **_INT32
)
_PAYLOAD: Shape = {"description": "Any JSON. The worker gets its very bytes.", "examples": [{"n": 1}]}
_STATE: Shape = {"description": "What a worker saved, any JSON.", "examples": [{"page": 7}]}
_RUN_AT: Shape = {
    "type": ["string", "null"],
    "description": "When the job is due: RFC 3339, in UTC if it names no zone, or an epoch of 10 digits of "
    "seconds, 13 of milliseconds, 16 of microseconds or 19 of nanoseconds. `null` is now.",
    "examples": ["2026-11-22T08:05:17.087Z"],
}
_RUN_ID = text("The run that the job is in.", examples=["7-1"])

_JOB: Mapping[str, Shape] = {
    "id": _KEY,
    "queue": _QUEUE,
    "timeout": _TIMEOUT,
    "max_retries": {**_MAX_RETRIES, "default": 0},
    "payload": _PAYLOAD,
    "run_at": _RUN_AT,
    "priority": given(PRIORITY, default=DEFAULT_PRIORITY),
}
_REQUIRED = ["id", "queue", "timeout"]

PULL_SHAPES: Mapping[str, Shape] = {
    "NewPullJob": {
        "type": "object",
        "description": "A job to enqueue. Unknown fields and `state` are ignored.",
        "required": _REQUIRED,
        "properties": dict(_JOB),
    },
    "RescheduledJob": {
        "type": "object",
        "description": "How the job is to wait again: as if it were enqueued anew, in its place.",
        "required": _REQUIRED,
        "properties": {
            **_JOB,
            "state": {**_STATE, "description": "What is saved from now on; nothing if it is left out."},
            "priority": {**given(PRIORITY), "description": "Its new priority; `null` keeps what it had."},
            "run_id": {**given(_RUN_ID), "description": "The run that the job has to be in."},
        },
    },
    "PullJob": record(
        "A job as workers get it.",
        {
            "id": _KEY,
            "queue": _QUEUE,
            "timeout": _TIMEOUT,
            "max_retries": _MAX_RETRIES,
            "payload": {**_PAYLOAD, "description": "As it was enqueued; `null` if there was none."},
            "state": {**_STATE, "description": "What a worker saved last; left out if nothing is."},
            "run_at": {**TIME, "description": "When it was due, in UTC."},
            "run_id": {**_RUN_ID, "description": "The run that it is in; left out while it waits."},
            "attempt": count("How often it has been tried since it was enqueued or rescheduled."),
            "job_id": text("The number of the job in decimal digits.", pattern="^[1-9][0-9]*$"),
            "priority": SHOWN_PRIORITY,
        },
        optional=("state", "run_id", "priority"),
    ),
    "PullJobs": {"type": "array", "items": schema("PullJob"), "minItems": 1, "maxItems": MAX_JOBS},
}  # fmt: skip


def pull_batch_shape(max_jobs: int) -> Mapping[str, Shape]:
    """Return the shape of a batch of `max_jobs` jobs at most."""
    return {"PullBatch": {"type": "array", "items": schema("NewPullJob"), "maxItems": max_jobs}}
