"""What is asked: each method of a client as a request, what its answer means, whether it may be repeated."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import orjson
from attrs import evolve, frozen

from trioworq.client import answers
from trioworq.client.answers import Answer
from trioworq.client.errors import JobExists, LeaseLost, Refused
from trioworq.client.values import UNCHANGED, Enqueued, Job, NewJob, NewPush, Unchanged, to_json

T = TypeVar("T")


@frozen(kw_only=True)
class Call(Generic[T]):
    """One call to the daemon.

    `target` is path and query, encoded. `is_repeatable` tells that it may be asked again when it is unknown
    what became of it; any other call is repeated only when it was certainly not carried out. `is_whole` tells
    that a daemon which says that it cannot act now has changed nothing, not even a part. `echo` is the
    status, if there is one, that tells of a repeated call that it had been carried out before, and stands for
    success. `conflict` is what a 409 means. `wait_s` is how long the daemon may keep the answer back.
    """

    method: str
    target: str
    read: Callable[[Answer], T]
    body: bytes | None = None
    is_repeatable: bool = True
    is_whole: bool = True
    echo: int | None = None
    conflict: type[Refused] = Refused
    wait_s: float = 0


def with_body(call: Call[T]) -> Call[tuple[T, bytes]]:
    """Return the same call, which also tells the answer's body as it came."""
    untyped: Any = call
    changed: Call[tuple[T, bytes]] = evolve(untyped, read=lambda answer: (call.read(answer), answer.body))
    return changed


def push(new: NewPush) -> Call[int]:
    """Push a job. The daemon cannot tell a repeated push from another one."""
    return Call(
        method="POST",
        target=f"/job/{quote(new.category)}",
        body=orjson.dumps(_push_fields(new)),
        read=answers.pushed,
        is_repeatable=False,
    )


def push_many(new: Iterable[NewPush]) -> Call[list[int | Refused]]:
    """Push jobs in one transaction; each is answered on its own."""
    items = [{"category": item.category, **_push_fields(item)} for item in new]
    return Call(
        method="POST",
        target="/jobs",
        body=orjson.dumps(items),
        read=answers.pushed_many,
        is_repeatable=False,
    )


def enqueue(new: NewJob) -> Call[Enqueued]:
    """Store a job. Its id makes a repetition safe: when it is there after an answer was lost, it is ours."""
    return Call(
        method="POST",
        target="/enqueue",
        body=orjson.dumps(_job_fields(new)),
        read=partial(answers.enqueued, key=new.id),
        echo=409,
        conflict=JobExists,
    )


def enqueue_many(new: Iterable[NewJob]) -> Call[None]:
    """Store those jobs whose ids are free, in one transaction."""
    body = orjson.dumps([_job_fields(item) for item in new])
    return Call(method="POST", target="/enqueue/batch", body=body, read=answers.nothing)


def next_jobs(queue: str, num_jobs: int, wait_s: int) -> Call[list[Job]]:
    """Fetch due jobs. Those of an answer that was lost come back when their leases end."""
    query = {"queue": queue, "num_jobs": str(num_jobs)} | ({"wait": str(wait_s)} if wait_s else {})
    return Call(method="GET", target=f"/next?{urlencode(query)}", read=answers.jobs, wait_s=wait_s)


def heartbeat(job: Job, state: Any | Unchanged) -> Call[None]:
    """Keep a job's lease."""
    return Call(
        method="PATCH",
        target=f"/heartbeat?{_names(job)}",
        body=None if state is UNCHANGED else to_json(state),
        read=answers.nothing,
        conflict=LeaseLost,
    )


def complete(job: Job) -> Call[None]:
    """End a job for good. When it is gone after an answer was lost, this was why."""
    return Call(
        method="DELETE",
        target=f"/complete?{_names(job)}",
        read=answers.nothing,
        echo=404,
        conflict=LeaseLost,
    )


def reschedule(
    job: Job,
    *,
    payload: Any | Unchanged,
    state: Any,
    timeout_s: int | None,
    max_retries: int | None,
    run_at: datetime | None,
    priority: int | None,
) -> Call[None]:
    """Have a job wait again. Once more would be too late: it is in nobody's hands then."""
    wanted = NewJob(
        queue=job.queue,
        id=job.id,
        payload=job.payload_json if payload is UNCHANGED else payload,
        timeout_s=job.timeout_s if timeout_s is None else timeout_s,
        max_retries=job.max_retries if max_retries is None else max_retries,
        run_at=run_at,
        priority=priority,
    )
    fields = _job_fields(wanted) | {"state": orjson.Fragment(to_json(state))}
    run = f"?{urlencode({'run_id': job.run_id})}" if job.run_id else ""
    return Call(
        method="POST",
        target=f"/reschedule{run}",
        body=orjson.dumps(fields),
        read=answers.nothing,
        conflict=LeaseLost,
    )


def read_job(queue: str, key: str) -> Call[Job]:
    """Read a job."""
    return Call(method="GET", target=_place(queue, key), read=answers.job)


def exists(queue: str, key: str) -> Call[None]:
    """Ask whether there is a job; there is none if it is not found."""
    return Call(method="HEAD", target=_place(queue, key), read=answers.nothing)


def health() -> Call[None]:
    """Ask whether the daemon answers."""
    return Call(method="GET", target="/health", read=answers.nothing)


def _push_fields(new: NewPush) -> Mapping[str, Any]:
    fields = {
        "url": new.url,
        "payload": orjson.Fragment(to_json(new.payload)),
        "run_after": new.run_after_s,
        "timeout": new.timeout_s,
        "retry_delay": new.retry_delay_s,
        "max_retries": new.max_retries,
    }
    return fields if new.priority is None else {**fields, "priority": new.priority}


def _job_fields(new: NewJob) -> dict[str, Any]:
    fields = {
        "id": new.id,
        "queue": new.queue,
        "timeout": new.timeout_s,
        "max_retries": new.max_retries,
        "payload": orjson.Fragment(to_json(new.payload)),
    }
    if new.run_at is not None:
        fields["run_at"] = new.run_at.astimezone(UTC).isoformat()
    if new.priority is not None:
        fields["priority"] = new.priority
    return fields


def _names(job: Job) -> str:
    run = {"run_id": job.run_id} if job.run_id else {}
    return urlencode({"queue": job.queue, "job_id": job.id, **run})


def _place(queue: str, key: str) -> str:
    """Return where a job is to be read. Raises ValueError for names that no path can have."""
    if "/" in queue or not queue or not key:
        # Its path would be another one, and the answer untrue that there is no such job.
        raise ValueError("a job without an id, or in a queue with a slash in its name, cannot be read")
    return f"/v1/queues/{segment(queue)}/jobs/{segment(key)}"


def segment(name: str) -> str:
    """Encode a name for a path so that it stays one segment; a dot too, as `..` would lead elsewhere."""
    return quote(name, safe="").replace(".", "%2E")
