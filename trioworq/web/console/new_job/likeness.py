"""A form for a job like another, whatever has become of that."""

import re
from collections.abc import Mapping, Sequence

from trioworq.core.jobs import DEFAULT_PRIORITY, FailedJob, FinishedJob, Job, Kind, Payload, PayloadForm
from trioworq.core.pull import PullJob
from trioworq.web.console.new_job.bodies import JSON, TEXT
from trioworq.web.console.new_job.typed import Typed, begun

# A form's field is no place to look at more.
SHOWN_PAYLOAD_BYTES = 1024 * 1024

_FORGOTTEN = "Timeout and retries are not remembered of jobs that ended."
# What a field of a form cannot hold, or changes.
_UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def like(job: Job | PullJob | FailedJob | FinishedJob) -> Typed:
    """Return the form; a pull job that has not ended keeps its key to itself."""
    match job:
        case Job():
            settings = _numbers(
                timeout=job.timeout_s, max_retries=job.max_retries, retry_delay=job.retry_delay_s
            )
            values = {"category": job.category, "url": job.url, **settings}
            return _form(Kind.PUSH, job.id, values, job.payload, job.priority)
        case PullJob():
            settings = {"timeout": str(job.timeout_s), **_numbers(max_retries=job.max_retries)}
            payload = Payload(PayloadForm.JSON, job.payload)
            return _form(Kind.PULL, job.id, {"queue": job.queue, **settings}, payload, job.priority)
        case FailedJob() | FinishedJob():
            failed = {"failed": str(job.job_id)} if isinstance(job, FailedJob) else {}
            values = {"category": job.category, "url": job.url, "queue": job.queue, **failed}
            if job.key is not None:
                values["id"] = job.key
            return _form(job.kind, job.job_id, values, job.payload, job.priority, _FORGOTTEN)


def _form(
    kind: Kind, job_id: int, values: Mapping[str, str], payload: Payload | None, priority: int, *notes: str
) -> Typed:
    shown, more = _shown(payload)
    own = "" if priority == DEFAULT_PRIORITY else str(priority)
    return begun(kind, {**values, **shown, "priority": own}, (*notes, *more), job_id)


def _numbers(**numbers: int) -> dict[str, str]:
    return {name: str(number) for name, number in numbers.items() if number}


def _shown(payload: Payload | None) -> tuple[Mapping[str, str], Sequence[str]]:
    """Return a payload as a form can hold it, or say why not."""
    if payload is None:
        return {}, ["The payload was too large to be remembered; it is left out."]
    if payload.form is PayloadForm.ABSENT:
        return {}, []
    if len(payload.body) > SHOWN_PAYLOAD_BYTES:
        return {}, [f"The payload has {len(payload.body)} bytes, too many for a form; it is left out."]
    try:
        text = payload.body.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        text = "\x00"
    if _UNTYPABLE.search(text):
        return {}, ["The payload has bytes that no form can hold; it is left out."]
    notes = ["The payload's lines ended with CR LF; they end with LF here."] if b"\r" in payload.body else []
    return {"payload": text, "form": TEXT if payload.form is PayloadForm.TEXT else JSON}, notes
