"""Operations: pushing jobs (contract §1.9)."""

from collections.abc import Mapping
from typing import Any

from trioworq.web.openapi.parts import json_answer, json_body, operation
from trioworq.web.openapi.refusals import not_found
from trioworq.web.openapi.shapes import schema

TAG = "Pushing"

_WORKER = "http://127.0.0.1:3000/work"
_ORDER = {"url": _WORKER, "payload": {"n": 1}, "max_retries": 3, "retry_delay": 10}
_PUSHED = {
    "id": 1, "queue_name": "default", "category": "mail", "url": _WORKER, "payload": {"n": 1},
    "run_after": 0, "timeout": 0, "retry_delay": 10, "max_retries": 3,
}  # fmt: skip
_REFUSED = {"category": "sms", "url": _WORKER}
_NO_ROUTING = "No routing of job category 'sms' exists"
_ANSWER_TO_REFUSED = {"index": 1, "status": 404, "error": _NO_ROUTING}
_JOB = {"q": "$response.body#/queue_name", "id": "$response.body#/id"}
_LATER = {"category": "news/weekly", "url": _WORKER, "run_after": 60}
_PUSHED_LATER = {
    "id": 2, "queue_name": "default", "category": "news/weekly", "url": _WORKER, "payload": None,
    "run_after": 60, "timeout": 0, "retry_delay": 0, "max_retries": 0,
}  # fmt: skip

OPERATIONS: Mapping[str, Any] = {
    "POST /job/{category...}": operation(
        "push",
        TAG,
        "Push a job",
        "The answer comes when the job is safely stored. The job goes to the queue that a routing names for "
        "its category, else to the default queue.",
        body=json_body(
            "The job.",
            schema("NewJob"),
            {"a job with retries": _ORDER, "a job for later": {"url": _WORKER, "run_after": 60}},
        ),
        answer=json_answer(
            "The job is stored.",
            schema("PushedJob"),
            _PUSHED,
            links={"getJob": _JOB, "deleteJob": _JOB},
        ),
        refusals=not_found("No queue takes the category.", _NO_ROUTING),
    ),
    "POST /jobs": operation(
        "pushBatch",
        TAG,
        "Push many jobs",
        "Each job is answered on its own, in the order of the batch; those that were stored were stored in "
        "one transaction. A job that cannot be taken does not keep the others from being stored, so a "
        "client looks for `error` in each answer. A body that is no array or has broken JSON anywhere is "
        "refused as a whole, and so is a batch with too many jobs (413).",
        body=json_body(
            "The jobs.",
            schema("Batch"),
            {"three jobs": [{"category": "mail", **_ORDER}, _REFUSED, _LATER]},
        ),
        answer=json_answer(
            "What a push of each job would have been answered, or why it was refused.",
            schema("BatchAnswer"),
            [_PUSHED, _ANSWER_TO_REFUSED, _PUSHED_LATER],
        ),
    ),
}  # fmt: skip
