"""Operations: queues, their counters and nodes, and routings (contract §1.5–§1.8)."""

from collections.abc import Mapping
from typing import Any

from trioworq.web.openapi.parts import json_answer, json_body, operation
from trioworq.web.openapi.refusals import not_found
from trioworq.web.openapi.shapes import schema

QUEUES = "Queues"
ROUTINGS = "Routings"

_QUEUE = {"name": "mail", "polling_interval": 200, "max_workers": 20}
_THROTTLE = {"max_workers": 5, "max_dispatches_per_second": 2.5, "max_burst_size": 5}
_THROTTLED = {"name": "mail", "polling_interval": 100, **_THROTTLE}
_STATS = {
    "total_pushes": 1203, "total_pops": 1210, "total_successes": 1195, "total_failures": 12,
    "total_permanent_failures": 5, "total_completes": 1200, "total_elapsed": 48211, "pushes_per_second": 17,
    "pops_per_second": 18, "outstanding_jobs": 0, "total_workers": 20, "idle_workers": 17, "active_nodes": 1,
}  # fmt: skip
_ROUTING = {"queue_name": "mail", "job_category": "newsletter/weekly"}
_OF_QUEUE = ("getQueue", "deleteQueue", "getQueueStats", "getQueueNode", "listFailures")
_OF_ROUTING = ("getRouting", "deleteRouting")

_NO_QUEUE = not_found("No such queue.")
_NO_QUEUE_NAMED = not_found("No such queue.", "No such queue: none")
_NO_ROUTING = not_found("No routing names a queue for the category.")

OPERATIONS: Mapping[str, Any] = {
    "GET /queues": operation(
        "listQueues",
        QUEUES,
        "List queues",
        answer=json_answer(
            "Every definition, ordered by name.", {"type": "array", "items": schema("Queue")}, [_QUEUE]
        ),
    ),
    "GET /queues/stats": operation(
        "listQueueStats",
        QUEUES,
        "Read the counters of all queues",
        answer=json_answer(
            "Counters by queue.",
            {"type": "object", "additionalProperties": schema("QueueStats")},
            {"mail": _STATS},
        ),
    ),
    "GET /queue/{q}": operation(
        "getQueue",
        QUEUES,
        "Read a queue's definition",
        answer=json_answer("The definition.", schema("Queue"), _QUEUE),
        refusals=_NO_QUEUE,
    ),
    "PUT /queue/{q}": operation(
        "putQueue",
        QUEUES,
        "Define a queue, or replace its definition",
        "The whole definition is replaced: what is not given goes back to its default. It is in force when "
        "the answer comes; running jobs are not waited for, and no other queue is disturbed.",
        body=json_body(
            "The definition.", schema("NewQueue"), {"nothing but defaults": {}, "with a throttle": _THROTTLE}
        ),
        answer=json_answer(
            "The definition in force.",
            schema("Queue"),
            _THROTTLED,
            links={name: {"q": "$request.path.q"} for name in _OF_QUEUE},
        ),
    ),
    "DELETE /queue/{q}": operation(
        "deleteQueue",
        QUEUES,
        "Delete a queue's definition",
        "Jobs, failures and routings stay, and are back when the queue is. A pause ends.",
        answer=json_answer("The definition as it was.", schema("Queue"), _QUEUE),
        refusals=_NO_QUEUE,
    ),
    "POST /queue/{q}/pause": operation(
        "pauseQueue",
        QUEUES,
        "Pause a queue",
        "No job of the queue starts until it is resumed, on whichever node, here from now on and elsewhere "
        "within a second. Running jobs go on, and pushes are taken. Pausing a paused queue changes nothing.",
        answer=json_answer("The queue is paused.", schema("Pause"), {"name": "mail", "paused": True}),
        refusals=_NO_QUEUE_NAMED,
    ),
    "POST /queue/{q}/resume": operation(
        "resumeQueue",
        QUEUES,
        "Resume a queue",
        "Its jobs start again. Resuming a queue that is not paused changes nothing.",
        answer=json_answer("The queue is not paused.", schema("Pause"), {"name": "mail", "paused": False}),
        refusals=_NO_QUEUE_NAMED,
    ),
    "GET /queue/{q}/stats": operation(
        "getQueueStats",
        QUEUES,
        "Read a queue's counters",
        answer=json_answer("The counters.", schema("QueueStats"), _STATS),
        refusals=_NO_QUEUE_NAMED,
    ),
    "GET /queue/{q}/node": operation(
        "getQueueNode",
        QUEUES,
        "Find the node that dispatches a queue",
        answer=json_answer("The node.", schema("Node"), {"id": "5bd51b8a0e9a7a3f", "host": "node1.example"}),
        refusals=not_found("No such queue, or no node owns it now.", "No node is active for this queue"),
    ),
    "GET /routings": operation(
        "listRoutings",
        ROUTINGS,
        "List routings",
        answer=json_answer(
            "All of them, ordered by queue.", {"type": "array", "items": schema("Routing")}, [_ROUTING]
        ),
    ),
    "GET /routing/{category...}": operation(
        "getRouting",
        ROUTINGS,
        "Read a routing",
        answer=json_answer("The routing.", schema("Routing"), _ROUTING),
        refusals=_NO_ROUTING,
    ),
    "PUT /routing/{category...}": operation(
        "putRouting",
        ROUTINGS,
        "Route a category to a queue",
        body=json_body("The queue.", schema("NewRouting"), {"a queue": {"queue_name": "mail"}}),
        answer=json_answer(
            "The routing in force.",
            schema("Routing"),
            _ROUTING,
            links={name: {"category": "$request.path.category"} for name in _OF_ROUTING},
        ),
        refusals=_NO_QUEUE_NAMED,
    ),
    "DELETE /routing/{category...}": operation(
        "deleteRouting",
        ROUTINGS,
        "Delete a routing",
        answer=json_answer("The routing as it was.", schema("Routing"), _ROUTING),
        refusals=_NO_ROUTING,
    ),
}
