"""Jobs as the daemon answers them."""

from typing import Any

import orjson

from tests.client.scripted_server import Reply
from trioworq.client import Job
from trioworq.client.answers import Answer, jobs

RUN_AT = "2026-11-22T18:00:00.000001Z"


def shown(key: str = "1", **fields: Any) -> dict[str, Any]:
    """Return a job as `next` answers it."""
    known = {"id": key, "queue": "q", "timeout": 30, "max_retries": 0, "payload": {"n": 1}, "run_at": RUN_AT}
    return {**known, "run_id": f"{key}-1", "attempt": 1, "job_id": key, **fields}


def handed_out(*fetched: dict[str, Any]) -> Reply:
    """Return an answer of `next`."""
    return Reply(200, orjson.dumps(fetched)) if fetched else Reply(204)


def a_job(key: str = "1", **fields: Any) -> Job:
    """Return a job that was handed out."""
    [job] = jobs(Answer(200, orjson.dumps([shown(key, **fields)])))
    return job
