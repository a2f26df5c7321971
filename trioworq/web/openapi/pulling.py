"""Operations: workers that fetch their jobs (contract pull §2.2–§2.5)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from trioworq.web.messages import TEXT
from trioworq.web.openapi.parameters import NO_HEAD
from trioworq.web.openapi.parts import Part, json_answer, json_body, ref
from trioworq.web.openapi.pull_refusals import PULL_EVERYWHERE, line_refusal
from trioworq.web.openapi.shapes import schema
from trioworq.web.pull.endpoints import JOB_ID_HEADER

TAG = "Pulling"

_JOB = {"id": "1", "queue": "my-queue", "timeout": 30, "max_retries": 0, "payload": "RAW JSON"}
_LATER = {**_JOB, "id": "2", "run_at": "2026-11-22T08:05:17.087Z"}
_FETCHED = {**_JOB, "run_at": "2026-11-22T08:05:17.087000Z", "run_id": "7-1", "attempt": 1, "job_id": "7"}

_ABSENT = {
    404: line_refusal(
        HTTPStatus.NOT_FOUND,
        "No such job, or it is in nobody's hands.",
        "job with id `1` not found in queue `my-queue`.",
    )
}
_STALE = {
    409: line_refusal(
        HTTPStatus.CONFLICT,
        "The job's present run is another than the one that was named, or none.",
        "job with id `1` in queue `my-queue` has another run now, or none.",
    )
}
_EXISTS = {
    409: line_refusal(
        HTTPStatus.CONFLICT,
        "The queue has a job of that id.",
        "job with id `1` already exists in queue `my-queue`.",
    )
}
_JOB_ID = {
    JOB_ID_HEADER: {
        "description": "The number of the job; left out where more than one was enqueued.",
        "schema": {"type": "integer", "minimum": 1},
    }
}


def _nothing(description: str, headers: Mapping[str, Any] | None = None) -> Part:
    """Describe an answer without a body."""
    empty = {TEXT: {"schema": {"type": "string", "maxLength": 0}}}
    return {"description": description, "content": empty, **({"headers": headers} if headers else {})}


def _operation(
    name: str,
    summary: str,
    description: str,
    answers: Mapping[int, Part],
    *,
    body: Part | None = None,
    parameters: Sequence[str] = (),
) -> Part:
    shown = {**PULL_EVERYWHERE, **answers}
    return {
        "operationId": name,
        "tags": [TAG],
        "summary": summary,
        "description": description,
        **({"parameters": [ref("parameters", each) for each in parameters]} if parameters else {}),
        **({"requestBody": body} if body else {}),
        "responses": {str(status): shown[status] for status in sorted(shown)},
    }


def _enqueue(name: str) -> Part:
    return _operation(
        name,
        "Enqueue a job",
        "The answer comes when the job is safely stored.",
        {202: _nothing("The job is stored.", _JOB_ID), **_EXISTS},
        body=json_body("The job.", schema("NewPullJob"), {"a job": _JOB, "a job for later": _LATER}),
    )


def _enqueue_batch(name: str, more: str = "", answers: Mapping[int, Part] | None = None) -> Part:
    return _operation(
        name,
        "Enqueue many jobs",
        "They are stored in one transaction. Those whose id the queue has already are left out, and of equal "
        f"ones in the array all but the first.{more}",
        {202: _nothing("The jobs are stored."), **(answers or {})},
        body=json_body("The jobs.", schema("PullBatch"), {"two jobs": [_JOB, _LATER], "none": []}),
    )


def _fetch(name: str, *where: str) -> Part:
    jobs = json_answer("The jobs, in the order in which they are due.", schema("PullJobs"), [_FETCHED])
    nothing = {"description": "None is due, or none was asked for."}
    described = _operation(
        name,
        "Fetch jobs",
        "Each is in this worker's hands until its timeout is over, which a heartbeat begins anew. It has no "
        "`HEAD`.",
        {200: jobs, 204: nothing},
        parameters=[*where, "numJobs", "wait"],
    )
    return {**described, NO_HEAD: True}


def _heartbeat(name: str, *where: str) -> Part:
    body = {
        "description": "What to save for the worker that gets the job after a timeout, any JSON; nothing to "
        "keep what is saved, `null` to clear it.",
        "required": False,
        "content": {"application/json": {"schema": {}, "examples": {"a-page": {"value": {"page": 7}}}}},
    }
    return _operation(
        name,
        "Keep a job",
        "Its timeout begins anew.",
        {202: _nothing("The job is kept."), **_ABSENT, **_STALE},
        body=body,
        parameters=[*where, "run_id"],
    )


def _reschedule(name: str) -> Part:
    return _operation(
        name,
        "Have a job wait again",
        "It is as if it were enqueued anew, with all its retries.",
        {202: _nothing("The job waits."), **_ABSENT, **_STALE},
        body=json_body("The job.", schema("RescheduledJob"), {"a job for later": {**_LATER, "state": 7}}),
        parameters=["run_id"],
    )


def _complete(name: str, *where: str) -> Part:
    return _operation(
        name,
        "End a job",
        "It is gone, whether or not it was handed out.",
        {200: _nothing("The job is gone."), **_ABSENT, **_STALE},
        parameters=[*where, "run_id"],
    )


def _health(name: str) -> Part:
    return _operation(name, "Ask whether the daemon answers", "It does.", {200: _nothing("It does.")})


def _verbs(prefix: str, mark: str) -> Mapping[str, Any]:
    return {
        f"POST {prefix}/enqueue": _enqueue(f"enqueue{mark}"),
        f"POST {prefix}/enqueue/batch": _enqueue_batch(f"enqueueBatch{mark}"),
        f"GET {prefix}/next": _fetch(f"next{mark}", "queue"),
        f"PATCH {prefix}/heartbeat": _heartbeat(f"heartbeat{mark}", "queue", "jobId"),
        f"POST {prefix}/reschedule": _reschedule(f"reschedule{mark}"),
        f"DELETE {prefix}/complete": _complete(f"complete{mark}", "queue", "jobId"),
        f"GET {prefix}/health": _health(f"health{mark}"),
    }


_ONE = "/v1/queues/{q}/jobs/{job_id...}"

OPERATIONS: Mapping[str, Any] = {
    **_verbs("", ""),
    **_verbs("/v1", "V1"),
    "POST /v1/queues/jobs": _enqueue_batch(
        "enqueueJobs",
        " But one alone is refused if its id is there.",
        {202: _nothing("The jobs are stored.", _JOB_ID), **_EXISTS},
    ),
    "PUT /v1/queues/jobs": _reschedule("rescheduleJob"),
    "GET /v1/queues/{q}/jobs": _fetch("fetchJobs"),
    f"GET {_ONE}": _operation(
        "readJob",
        "Read a job",
        "Whether it waits or is handed out.",
        {200: json_answer("The job.", schema("PullJob"), _FETCHED), **_ABSENT},
    ),
    f"PATCH {_ONE}": _heartbeat("keepJob"),
    f"DELETE {_ONE}": _complete("completeJob"),
    "POST /v1/queues/{q}/pause": _operation(
        "pausePullQueue",
        "Pause a queue",
        "No job of the queue is handed out until it is resumed, on whichever node, here from now on and "
        "elsewhere within a second; who waits for one goes on waiting. Everything else is done as ever. The "
        "queue need not have any jobs.",
        {200: json_answer("The queue is paused.", schema("Pause"), {"name": "my-queue", "paused": True})},
    ),
    "POST /v1/queues/{q}/resume": _operation(
        "resumePullQueue",
        "Resume a queue",
        "Its jobs are handed out again.",
        {200: json_answer("It is not paused.", schema("Pause"), {"name": "my-queue", "paused": False})},
    ),
}
