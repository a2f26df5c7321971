"""Jobs → JSON (contract pull §2.3, README 9, 13): payloads and states are put in as the bytes they are."""

from collections.abc import Iterable

import orjson

from trioworq.core.jobs import DEFAULT_PRIORITY
from trioworq.core.pull import PullJob
from trioworq.web.moments import show_moment
from trioworq.web.pull.exact import NULL


def show_jobs(jobs: Iterable[PullJob]) -> bytes:
    """Write jobs as an array, in their order."""
    return b"[%b]" % b",".join(map(show_job, jobs))


def show_job(job: PullJob) -> bytes:
    """Write a job; it has a `run_id` only while it is handed out, and a `state` if one is saved."""
    state, run = job.saved_state, job.run
    return (
        b'{"id":%b,"queue":%b,"timeout":%d,"max_retries":%d,"payload":%b%b,"run_at":"%b"%b,"attempt":%d,'
        b'"job_id":"%d"%b}'
    ) % (
        orjson.dumps(job.key),
        orjson.dumps(job.queue),
        job.timeout_s,
        job.max_retries,
        job.payload,
        b"" if state is None or state == NULL else b',"state":%b' % state,
        show_moment(job.run_at_ms).encode(),
        b"" if run is None else b',"run_id":"%b"' % run.text.encode(),
        job.tries,
        job.id,
        b"" if job.priority == DEFAULT_PRIORITY else b',"priority":%d' % job.priority,
    )


def show_pause(queue: str, *, is_paused: bool) -> bytes:
    """Write whether a queue is paused."""
    return orjson.dumps({"name": queue, "paused": is_paused})
