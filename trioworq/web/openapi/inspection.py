"""Operations: jobs that have not ended, and the failure log (contract §1.10, §1.11)."""

from collections.abc import Mapping
from typing import Any

from trioworq.web.openapi.parts import json_answer, operation, ref
from trioworq.web.openapi.refusals import not_found
from trioworq.web.openapi.shapes import schema

JOBS = "Jobs"
FAILURES = "Failures"

_JOB = {
    "id": 7, "category": "mail", "url": "http://127.0.0.1:3000/work", "payload": {"n": 1},
    "status": "claimed", "created_at": "2026-11-22T08:05:17.087Z", "next_try": "2026-11-22T08:06:17.087Z",
    "timeout": 0, "fail_count": 0, "max_retries": 3, "retry_delay": 10,
}  # fmt: skip
_FAILURE = {
    "id": 2, "job_id": 7, "category": "mail", "url": "http://127.0.0.1:3000/work", "payload": {"n": 1},
    "result": {"status": "failure", "code": 200, "message": "no such address"}, "fail_count": 4,
    "failed_at": "2026-11-22T08:06:01.5Z", "created_at": "2026-11-22T08:05:17.087Z",
}  # fmt: skip
_FIRST_JOB = {"q": "$request.path.q", "id": "$response.body#/jobs/0/id"}
_FIRST_FAILURE = {"q": "$request.path.q", "id": "$response.body#/failed_jobs/0/id"}

_PAGING = (ref("parameters", "limit"), ref("parameters", "cursor"))
_JOB_QUERY = (*_PAGING, ref("parameters", "order"))
_FAILURE_QUERY = (*_PAGING, ref("parameters", "failureOrder"))

_NO_QUEUE = not_found("No such queue.")
_NO_JOB = not_found("No such queue, or no such job in it that has not ended.")
_NO_FAILURE = not_found("No such queue, or no such entry in its failure log.")


def _jobs(what: str) -> Any:
    return json_answer(
        f"A page of jobs {what}. It may hold fewer than `limit`: only an empty `next_cursor` says that no "
        "more follow.",
        schema("JobPage"),
        {"jobs": [_JOB], "next_cursor": "MTc5NTMzNDc3NzA4Nyw4"},
        links={"getJob": _FIRST_JOB, "deleteJob": _FIRST_JOB},
    )


OPERATIONS: Mapping[str, Any] = {
    "GET /queue/{q}/grabbed": operation(
        "listRunningJobs",
        JOBS,
        "List the jobs that run",
        answer=_jobs("in their workers' hands"),
        query=_JOB_QUERY,
        refusals=_NO_QUEUE,
    ),
    "GET /queue/{q}/waiting": operation(
        "listWaitingJobs",
        JOBS,
        "List the jobs that are due",
        answer=_jobs("that are due"),
        query=_JOB_QUERY,
        refusals=_NO_QUEUE,
    ),
    "GET /queue/{q}/deferred": operation(
        "listDeferredJobs",
        JOBS,
        "List the jobs whose time has not come",
        answer=_jobs("whose time has not come"),
        query=_JOB_QUERY,
        refusals=_NO_QUEUE,
    ),
    "GET /queue/{q}/job/{id}": operation(
        "getJob",
        JOBS,
        "Read a job",
        answer=json_answer("The job.", schema("Job"), _JOB),
        refusals=_NO_JOB,
    ),
    "DELETE /queue/{q}/job/{id}": operation(
        "deleteJob",
        JOBS,
        "Delete a job",
        "The call of a job that runs is cancelled; it leaves no failure.",
        answer=json_answer("The job as it was.", schema("Job"), _JOB),
        refusals=_NO_JOB,
    ),
    "GET /queue/{q}/failed": operation(
        "listFailures",
        FAILURES,
        "List the failure log",
        answer=json_answer(
            "A page of the failure log.",
            schema("FailurePage"),
            {"failed_jobs": [_FAILURE], "next_cursor": ""},
            links={"getFailure": _FIRST_FAILURE, "deleteFailure": _FIRST_FAILURE},
        ),
        query=_FAILURE_QUERY,
        refusals=_NO_QUEUE,
    ),
    "GET /queue/{q}/failed/{id}": operation(
        "getFailure",
        FAILURES,
        "Read an entry of the failure log",
        answer=json_answer("The entry.", schema("Failure"), _FAILURE),
        refusals=_NO_FAILURE,
    ),
    "DELETE /queue/{q}/failed/{id}": operation(
        "deleteFailure",
        FAILURES,
        "Delete an entry of the failure log",
        answer=json_answer("The entry as it was.", schema("Failure"), _FAILURE),
        refusals=_NO_FAILURE,
    ),
}
