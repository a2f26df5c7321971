"""The JSON shapes of queues, their counters and nodes, and routings (contract §1.5–§1.8)."""

from collections.abc import Mapping

from trioworq.core.jobs import DEFAULT_PRIORITY, UINT32_MAX
from trioworq.core.queues import MAX_WORKERS_CEILING, THROTTLED_POLLING_INTERVAL_MS
from trioworq.web.openapi.shapes import (
    CATEGORY,
    NAME,
    PRIORITY,
    QUEUE_NAME,
    Shape,
    count,
    given,
    record,
    text,
)

_PER_SECOND: Shape = {
    "type": "number",
    "format": "double",
    "description": "Jobs started in a second, fractions allowed: the rate of a token bucket. "
    "It needs a burst size.",
}

_IS_PAUSED: Shape = {
    "type": "boolean",
    "const": True,
    "description": "There only while the queue is paused.",
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

SHAPES: Mapping[str, Shape] = {
    "NewQueue": {
        "type": ["object", "null"],
        "description": "A queue's definition. What is left out, `null` or 0 gets its default, but for a "
        "`priority` of 0; a `name` is ignored, as the path has it.",
        "properties": {
            "polling_interval": given(count(
                "Milliseconds between looks for due jobs. A throttled queue always has "
                f"{THROTTLED_POLLING_INTERVAL_MS}.", maximum=UINT32_MAX)),
            "max_workers": given(count("Jobs that run at the same time.", maximum=MAX_WORKERS_CEILING)),
            "max_dispatches_per_second": given(_PER_SECOND, minimum=0),
            "max_burst_size": given(
                count("The capacity of the token bucket; it needs a rate.", maximum=UINT32_MAX)),
            "priority": {
                **given(PRIORITY, default=DEFAULT_PRIORITY),
                "description": "The priority of jobs that are pushed without one; those with a lower one go "
                "first.",
            },
        },
        "anyOf": [_UNTHROTTLED, _THROTTLED],
    },
    "Queue": record(
        "A queue's definition in force.",
        {
            "name": QUEUE_NAME,
            "polling_interval": count("Milliseconds between looks for due jobs.", minimum=1),
            "max_workers": count("Jobs that run at the same time.", minimum=1, maximum=MAX_WORKERS_CEILING),
            "max_dispatches_per_second": {**_PER_SECOND, "exclusiveMinimum": 0},
            "max_burst_size": count("The capacity of the token bucket.", minimum=1),
            "priority": {
                **PRIORITY,
                "description": "The priority of jobs that are pushed without one; left out if it is "
                f"{DEFAULT_PRIORITY}.",
            },
            "is_paused": _IS_PAUSED,
        },
        optional=("max_dispatches_per_second", "max_burst_size", "priority", "is_paused"),
    ),
    "QueueStats": record(
        "Counters of a queue on this node since the daemon started.",
        {
            "total_pushes": count("Jobs taken."),
            "total_pops": count("Attempts started."),
            "total_successes": count("Attempts that ended well."),
            "total_failures": count("Attempts that failed."),
            "total_permanent_failures": count("Jobs that ended in failure."),
            "total_completes": count("Jobs that ended."),
            "total_elapsed": count("Milliseconds from push to end, of all jobs that ended."),
            "pushes_per_second": count("Jobs taken in the last second."),
            "pops_per_second": count("Attempts started in the last second."),
            "outstanding_jobs": count("Jobs claimed that have not started; always 0."),
            "total_workers": count("Jobs that may run at the same time; 0 where the queue is not owned."),
            "idle_workers": count("Jobs that could start now."),
            "active_nodes": count("1 on the node that owns the queue, else 0.", maximum=1),
            "is_paused": _IS_PAUSED,
        },
        optional=("is_paused",),
    ),
    "Pause": record(
        "Whether a queue is paused.",
        {"name": QUEUE_NAME, "paused": {"type": "boolean", "description": "Whether it is."}},
    ),
    "Node": record(
        "The node that dispatches a queue.",
        {"id": text("Its id, which it has until it stops."), "host": text("Its host.")},
    ),
    "NewRouting": {
        "type": "object",
        "description": "Where a category goes; a `job_category` is ignored, as the path has it.",
        "required": ["queue_name"],
        "properties": {"queue_name": {**NAME, "description": "A queue that is defined."}},
    },
    "Routing": record(
        "A category and its queue.", {"queue_name": QUEUE_NAME, "job_category": CATEGORY}
    ),
}  # fmt: skip
