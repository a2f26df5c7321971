"""What stands in the form: nothing yet, what was sent, or what is known of another job."""

import re
from collections.abc import Mapping, Sequence
from uuid import uuid4

from attrs import field, frozen

from trioworq.core.jobs import DEFAULT_PRIORITY, FailedJob, FinishedJob, Job, Kind, Payload, PayloadForm
from trioworq.core.pull import PullJob
from trioworq.web.console.forms import Form
from trioworq.web.console.new_job.bodies import JSON, TEXT

PUSH_FIELDS = (
    "category", "url", "payload", "form", "run_after", "timeout", "max_retries", "retry_delay", "priority"
)  # fmt: skip
PULL_FIELDS = ("queue", "id", "payload", "form", "timeout", "max_retries", "run_at", "priority")

# A form's field is no place to look at more.
SHOWN_PAYLOAD_BYTES = 1024 * 1024
# Seconds; a pull job has to have one.
_TIMEOUT = "60"

# What a field of a form cannot hold, or changes.
_UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@frozen
class Typed:
    """The values of a form's fields by their names, and what has to be said of them."""

    kind: Kind
    values: Mapping[str, str]
    notes: Sequence[str] = ()
    trouble: str = ""
    wrong: frozenset[str] = field(default=frozenset())
    like: int | None = None


def nothing(kind: Kind) -> Typed:
    """Return an empty form."""
    return _filled(kind, {})


def sent(kind: Kind, form: Form, trouble: str) -> Typed:
    """Return a form as it was sent, and what is wrong with it."""
    names = PUSH_FIELDS if kind is Kind.PUSH else PULL_FIELDS
    wrong = [name for name in re.findall(r"\w+", trouble) if name in names]
    return Typed(kind, {name: form.text(name) for name in names}, (), trouble, frozenset(wrong[:1]))


def like(job: Job | PullJob | FailedJob | FinishedJob) -> Typed:
    """Return a form for a job like another; one that has not ended keeps its key, so this gets a new one."""
    match job:
        case Job():
            settings = _numbers(
                timeout=job.timeout_s, max_retries=job.max_retries, retry_delay=job.retry_delay_s
            )
            return _like_pushed(job.id, job.category, job.url, job.payload, job.priority, settings)
        case PullJob():
            payload = Payload(PayloadForm.JSON, job.payload)
            settings = {"timeout": str(job.timeout_s)} | _numbers(max_retries=job.max_retries)
            return _like_pulled(job.id, job.queue, "", payload, job.priority, settings)
        case _ if job.kind is Kind.PUSH:
            forgotten = "Timeout, retries and their delay are not remembered of jobs that ended."
            return _like_pushed(job.job_id, job.category, job.url, job.payload, job.priority, {}, forgotten)
        case _:
            forgotten = "Timeout and retries are not remembered of jobs that ended."
            return _like_pulled(
                job.job_id, job.queue, job.key or "", job.payload, job.priority, {}, forgotten
            )


def _like_pushed(
    job_id: int,
    category: str,
    url: str,
    payload: Payload | None,
    priority: int,
    settings: Mapping[str, str],
    *notes: str,
) -> Typed:
    shown, more = _shown(payload)
    values = {"category": category, "url": url, "priority": _priority(priority), **settings, **shown}
    return _filled(Kind.PUSH, values, (*notes, *more), job_id)


def _like_pulled(
    job_id: int,
    queue: str,
    key: str,
    payload: Payload | None,
    priority: int,
    settings: Mapping[str, str],
    *notes: str,
) -> Typed:
    shown, more = _shown(payload)
    values = {"queue": queue, "priority": _priority(priority), **settings, **shown}
    return _filled(Kind.PULL, values | ({"id": key} if key else {}), (*notes, *more), job_id)


def _filled(
    kind: Kind, values: Mapping[str, str], notes: Sequence[str] = (), like: int | None = None
) -> Typed:
    names = PUSH_FIELDS if kind is Kind.PUSH else PULL_FIELDS
    usual = {"form": JSON} | ({"id": uuid4().hex, "timeout": _TIMEOUT} if kind is Kind.PULL else {})
    return Typed(kind, dict.fromkeys(names, "") | usual | dict(values), notes, like=like)


def _numbers(**numbers: int) -> dict[str, str]:
    return {name: str(number) for name, number in numbers.items() if number}


def _priority(priority: int) -> str:
    return "" if priority == DEFAULT_PRIORITY else str(priority)


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
