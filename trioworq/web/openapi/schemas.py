"""The JSON shapes of requests and answers (contract §1.5–§1.12).

Answers list every field that they have. They are not closed for good, as later versions may add fields;
the tests close them, so that none is left out here.
"""

from collections.abc import Mapping
from typing import Any

from trioworq.config import OPTIONS, Config
from trioworq.core.jobs import INT64_MAX, NAME_MAX_BYTES, UINT32_MAX, URL_MAX_BYTES
from trioworq.core.queues import MAX_WORKERS_CEILING, THROTTLED_POLLING_INTERVAL_MS
from trioworq.core.results import ResultStatus

Shape = dict[str, Any]


def _of(name: str) -> Shape:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(description: str, fields: Mapping[str, Shape], *, optional: tuple[str, ...] = ()) -> Shape:
    return {
        "type": "object",
        "description": description,
        "required": [name for name in fields if name not in optional],
        "properties": dict(fields),
    }


def _text(description: str, **more: Any) -> Shape:
    return {"type": "string", "description": description, **more}


def _count(description: str, **more: Any) -> Shape:
    return {"type": "integer", "format": "int64", "minimum": 0, "description": description, **more}


def _given(shape: Shape, **more: Any) -> Shape:
    """Return the shape of a field that a client may leave out or set to null."""
    return {**shape, "type": [shape["type"], "null"], **more}


_NAME: Shape = {"type": "string", "minLength": 1, "maxLength": NAME_MAX_BYTES, "pattern": "^[^\\u0000]+$"}
_TIME: Shape = {"type": "string", "format": "date-time"}
_URL = _text(
    "Where the payload is POSTed; not checked until then.", minLength=1, maxLength=URL_MAX_BYTES,
    examples=["http://127.0.0.1:3000/work"],
)  # fmt: skip
_PAYLOAD: Shape = {
    "description": "Any JSON. The worker gets a string's text, the very bytes of anything else, and nothing "
    "for `null`.",
    "examples": [{"n": 1}],
}
_CATEGORY = {**_NAME, "description": "What kind of job it is; routings go by it."}
_QUEUE_NAME = {**_NAME, "description": "The queue's name."}

_CHOICES: Mapping[str, Shape] = {
    "run_after": _count(
        "Seconds to wait before the first attempt, as far as a time in 64 bits of milliseconds reaches.",
        maximum=INT64_MAX // 1000,
    ),
    "timeout": _count(
        "Seconds that one attempt may take, connecting and reading included; 0 stands for "
        "`dispatch_timeout_ceiling_s`, which is the most.",
        maximum=UINT32_MAX,
    ),
    "retry_delay": _count("Seconds between attempts.", maximum=UINT32_MAX),
    "max_retries": _count("Further attempts after a failed one.", maximum=UINT32_MAX),
}
_ORDER: Mapping[str, Shape] = {
    "url": _URL,
    "payload": _PAYLOAD,
    **{name: _given(shape, default=0) for name, shape in _CHOICES.items()},
}

_JOBS: Mapping[str, Shape] = {
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
        "properties": {"category": _CATEGORY, **_ORDER},
    },
    "PushedJob": _object(
        "A job that is safely stored.",
        {
            "id": _count("The job's id.", minimum=1),
            "queue_name": {**_NAME, "description": "The queue that it went to."},
            "category": _CATEGORY,
            "url": _URL,
            "payload": {**_PAYLOAD, "description": "As sent, but for blanks; `null` if there was none."},
            **_CHOICES,
        },
    ),
    "RefusedJob": _object(
        "A job of a batch that was not stored.",
        {
            "index": _count("Its place in the batch, from 0 on."),
            "status": {
                "type": "integer",
                "enum": [400, 404, 413],
                "description": "The status that a push of this job alone would have been answered with.",
            },
            "error": _text("Why."),
        },
    ),
    "Job": _object(
        "A job that has not ended.",
        {
            "id": _count("The job's id.", minimum=1),
            "category": _CATEGORY,
            "url": _URL,
            "payload": {**_PAYLOAD, "description": "As it was pushed; left out if there was none."},
            "status": _text("`claimed` for a job that waits, `grabbed` for one that runs.",
                            enum=["claimed", "grabbed"]),
            "created_at": {**_TIME, "description": "When it was pushed."},
            "next_try": {**_TIME, "description": "When its next attempt is due, or the running one was."},
            "timeout": _CHOICES["timeout"],
            "fail_count": _count("Attempts that have failed so far."),
            "max_retries": _count("Further attempts that it was given when it was pushed."),
            "retry_delay": _CHOICES["retry_delay"],
        },
        optional=("payload",),
    ),
    "Failure": _object(
        "An entry of the failure log: a job that ended in failure.",
        {
            "id": _count("The entry's own id.", minimum=1),
            "job_id": _count("The job's id.", minimum=1),
            "category": _CATEGORY,
            "url": _URL,
            "payload": {**_PAYLOAD, "description": "As it was pushed; left out if there was none."},
            "result": _of("Result"),
            "fail_count": _count("Attempts that failed, the last one included.", minimum=1),
            "failed_at": {**_TIME, "description": "When the last attempt ended."},
            "created_at": {**_TIME, "description": "When it was pushed."},
        },
        optional=("payload",),
    ),
    "Result": _object(
        "The verdict on the last attempt.",
        {
            "status": _text(
                "What the worker said, or `internal-failure` when it gave no answer.",
                enum=[status.value for status in ResultStatus if status is not ResultStatus.SUCCESS],
            ),
            "code": _count("The HTTP status of the worker's answer, 0 if there was none.", maximum=999),
            "message": _text("The worker's message, or what was wrong."),
        },
    ),
}  # fmt: skip


def _page(key: str, item: str, what: str) -> Shape:
    return _object(
        f"A page of {what}.",
        {
            key: {"type": "array", "items": _of(item), "maxItems": 1000},
            "next_cursor": _text("The `cursor` of the next page; empty on the last one."),
        },
    )


_PER_SECOND: Shape = {
    "type": "number",
    "format": "double",
    "description": "Jobs started in a second, fractions allowed: the rate of a token bucket. "
    "It needs a burst size.",
}

_UNTHROTTLED = {
    "title": "Without a throttle",
    "properties": {"max_dispatches_per_second": {"enum": [0, None]}, "max_burst_size": {"enum": [0, None]}},
}
_THROTTLED = {
    "title": "With a throttle",
    "required": ["max_dispatches_per_second", "max_burst_size"],
    "properties": {
        "max_dispatches_per_second": {"type": "number", "exclusiveMinimum": 0},
        "max_burst_size": {"type": "integer", "minimum": 1},
    },
}

_DEFINITIONS: Mapping[str, Shape] = {
    "NewQueue": {
        "type": ["object", "null"],
        "description": "A queue's definition. What is left out, `null` or 0 gets its default; a `name` is "
        "ignored, as the path has it.",
        "properties": {
            "polling_interval": _given(_count(
                "Milliseconds between looks for due jobs. A throttled queue always has "
                f"{THROTTLED_POLLING_INTERVAL_MS}.", maximum=UINT32_MAX)),
            "max_workers": _given(_count("Jobs that run at the same time.", maximum=MAX_WORKERS_CEILING)),
            "max_dispatches_per_second": _given(_PER_SECOND, minimum=0),
            "max_burst_size": _given(
                _count("The capacity of the token bucket; it needs a rate.", maximum=UINT32_MAX)),
        },
        "anyOf": [_UNTHROTTLED, _THROTTLED],
    },
    "Queue": _object(
        "A queue's definition in force.",
        {
            "name": _QUEUE_NAME,
            "polling_interval": _count("Milliseconds between looks for due jobs.", minimum=1),
            "max_workers": _count("Jobs that run at the same time.", minimum=1, maximum=MAX_WORKERS_CEILING),
            "max_dispatches_per_second": {**_PER_SECOND, "exclusiveMinimum": 0},
            "max_burst_size": _count("The capacity of the token bucket.", minimum=1),
        },
        optional=("max_dispatches_per_second", "max_burst_size"),
    ),
    "QueueStats": _object(
        "Counters of a queue on this node since the daemon started.",
        {
            "total_pushes": _count("Jobs taken."),
            "total_pops": _count("Attempts started."),
            "total_successes": _count("Attempts that ended well."),
            "total_failures": _count("Attempts that failed."),
            "total_permanent_failures": _count("Jobs that ended in failure."),
            "total_completes": _count("Jobs that ended."),
            "total_elapsed": _count("Milliseconds from push to end, of all jobs that ended."),
            "pushes_per_second": _count("Jobs taken in the last second."),
            "pops_per_second": _count("Attempts started in the last second."),
            "outstanding_jobs": _count("Jobs claimed that have not started; always 0."),
            "total_workers": _count("Jobs that may run at the same time; 0 where the queue is not owned."),
            "idle_workers": _count("Jobs that could start now."),
            "active_nodes": _count("1 on the node that owns the queue, else 0.", maximum=1),
        },
    ),
    "Node": _object(
        "The node that dispatches a queue.",
        {"id": _text("Its id, which it has until it stops."), "host": _text("Its host.")},
    ),
    "NewRouting": {
        "type": "object",
        "description": "Where a category goes; a `job_category` is ignored, as the path has it.",
        "required": ["queue_name"],
        "properties": {"queue_name": {**_NAME, "description": "A queue that is defined."}},
    },
    "Routing": _object(
        "A category and its queue.", {"queue_name": _QUEUE_NAME, "job_category": _CATEGORY}
    ),
}  # fmt: skip

_WORDS = ("go_version", "go_os", "go_arch")
_NUMBERS = (
    "time", "cpu_num", "goroutine_num", "gomaxprocs", "cgo_call_num", "memory_alloc", "memory_total_alloc",
    "memory_sys", "memory_lookups", "memory_mallocs", "memory_frees", "memory_stack", "heap_alloc",
    "heap_sys", "heap_idle", "heap_inuse", "heap_released", "heap_objects", "gc_next", "gc_last", "gc_num",
    "gc_per_second", "gc_pause_per_second",
)  # fmt: skip


def schemas(config: Config) -> dict[str, Shape]:
    """Return every shape by name; some have limits that are options."""
    return {
        **_JOBS,
        "Batch": {"type": "array", "items": _of("NewBatchJob"), "maxItems": config.max_batch_jobs},
        "BatchAnswer": {
            "type": "array",
            "items": {"oneOf": [_of("PushedJob"), _of("RefusedJob")]},
            "maxItems": config.max_batch_jobs,
        },
        "JobPage": _page("jobs", "Job", "jobs that have not ended"),
        "FailurePage": _page("failed_jobs", "Failure", "the failure log"),
        **_DEFINITIONS,
        "Settings": _object(
            "Every option in force, as text; passwords are masked.",
            {option.name: _text(option.about) for option in OPTIONS},
        ),
        "RuntimeStats": _object(
            "Numbers of the process under Fireworq's names; what Python has no equal for is 0.",
            {
                **{name: {"type": "string"} for name in _WORDS},
                **{name: {"type": "integer", "minimum": 0} for name in _NUMBERS},
                "gc_pause": {"type": "array", "items": {"type": "integer"}},
            },
        ),
        "Detail": _object("An error in JSON.", {"detail": _text("What was wrong.")}),
    }
