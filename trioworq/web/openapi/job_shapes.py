"""The JSON shapes of jobs and failures (contract §1.9–§1.11)."""

from collections.abc import Mapping

from trioworq.core.jobs import INT64_MAX, UINT32_MAX, URL_MAX_BYTES
from trioworq.core.results import ResultStatus
from trioworq.web.fireworq import MAX_LIMIT
from trioworq.web.openapi.shapes import (
    CATEGORY,
    NAME,
    PRIORITY,
    SHOWN_PRIORITY,
    TIME,
    Shape,
    count,
    given,
    page,
    record,
    schema,
    text,
)

_URL = text(
    "Where the payload is POSTed; not checked until then.", minLength=1, maxLength=URL_MAX_BYTES,
    examples=["http://127.0.0.1:3000/work"],
)  # fmt: skip
_PAYLOAD: Shape = {
    "description": "Any JSON. The worker gets a string's text, the very bytes of anything else, and nothing "
    "for `null`.",
    "examples": [{"n": 1}],
}

_CHOICES: Mapping[str, Shape] = {
    "run_after": count(
        "Seconds to wait before the first attempt, as far as a time in 64 bits of milliseconds reaches.",
        maximum=INT64_MAX // 1000,
    ),
    "timeout": count(
        "Seconds that one attempt may take, connecting and reading included; 0 stands for "
        "`dispatch_timeout_ceiling_s`, which is the most.",
        maximum=UINT32_MAX,
    ),
    "retry_delay": count("Seconds between attempts.", maximum=UINT32_MAX),
    "max_retries": count("Further attempts after a failed one.", maximum=UINT32_MAX),
}
_ORDER: Mapping[str, Shape] = {
    "url": _URL,
    "payload": _PAYLOAD,
    **{name: given(shape, default=0) for name, shape in _CHOICES.items()},
    "priority": {**given(PRIORITY), "description": "Jobs with a lower one go first; `null` is the queue's."},
}

SHAPES: Mapping[str, Shape] = {
    "NewJob": {
        "type": "object",
        "description": "A job to push. Keys match in any case and unknown ones are ignored.",
        "required": ["url"],
        "properties": dict(_ORDER),
    },
    "NewBatchJob": {
        "type": "object",
        "description": "A job of a batch: a job to push that names its own category.",
        "required": ["category", "url"],
        "properties": {"category": CATEGORY, **_ORDER},
    },
    "PushedJob": record(
        "A job that is safely stored.",
        {
            "id": count("The job's id.", minimum=1),
            "queue_name": {**NAME, "description": "The queue that it went to."},
            "category": CATEGORY,
            "url": _URL,
            "payload": {**_PAYLOAD, "description": "As sent, but for blanks; `null` if there was none."},
            **_CHOICES,
            "priority": SHOWN_PRIORITY,
        },
        optional=("priority",),
    ),
    "RefusedJob": record(
        "A job of a batch that was not stored.",
        {
            "index": count("Its place in the batch, from 0 on."),
            "status": {
                "type": "integer",
                "enum": [400, 404, 413],
                "description": "The status that a push of this job alone would have been answered with.",
            },
            "error": text("Why."),
        },
    ),
    "Job": record(
        "A job that has not ended.",
        {
            "id": count("The job's id.", minimum=1),
            "category": CATEGORY,
            "url": _URL,
            "payload": {**_PAYLOAD, "description": "As it was pushed; left out if there was none."},
            "status": text("`claimed` for a job that waits, `grabbed` for one that runs.",
                            enum=["claimed", "grabbed"]),
            "created_at": {**TIME, "description": "When it was pushed."},
            "next_try": {**TIME, "description": "When its next attempt is due, or the running one was."},
            "timeout": _CHOICES["timeout"],
            "fail_count": count("Attempts that have failed so far."),
            "max_retries": count("Further attempts that it was given when it was pushed."),
            "retry_delay": _CHOICES["retry_delay"],
            "priority": SHOWN_PRIORITY,
        },
        optional=("payload", "priority"),
    ),
    "Failure": record(
        "An entry of the failure log: a job that ended in failure.",
        {
            "id": count("The entry's own id.", minimum=1),
            "job_id": count("The job's id.", minimum=1),
            "category": CATEGORY,
            "url": _URL,
            "payload": {**_PAYLOAD, "description": "As it was pushed; left out if there was none."},
            "result": schema("Result"),
            "fail_count": count("Attempts that failed, the last one included.", minimum=1),
            "failed_at": {**TIME, "description": "When the last attempt ended."},
            "created_at": {**TIME, "description": "When it was pushed."},
            "priority": SHOWN_PRIORITY,
        },
        optional=("payload", "priority"),
    ),
    "Result": record(
        "The verdict on the last attempt.",
        {
            "status": text(
                "What the worker said, or `internal-failure` when it gave no answer.",
                enum=[status.value for status in ResultStatus if status is not ResultStatus.SUCCESS],
            ),
            "code": count("The HTTP status of the worker's answer, 0 if there was none.", maximum=999),
            "message": text("The worker's message, or what was wrong."),
        },
    ),
    "JobPage": page("jobs", "Job", "jobs that have not ended", MAX_LIMIT),
    "FailurePage": page("failed_jobs", "Failure", "the failure log", MAX_LIMIT),
}  # fmt: skip


def batch_shapes(max_jobs: int) -> Mapping[str, Shape]:
    """Return the shapes of a batch of `max_jobs` jobs at most, and of its answer."""
    outcome = {"oneOf": [schema("PushedJob"), schema("RefusedJob")]}
    return {
        "Batch": {"type": "array", "items": schema("NewBatchJob"), "maxItems": max_jobs},
        "BatchAnswer": {"type": "array", "items": outcome, "maxItems": max_jobs},
    }
