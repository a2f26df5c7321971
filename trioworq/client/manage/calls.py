"""What is asked: each method as a request, what its answer means, whether it may be repeated."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from trioworq.client.answers import nothing
from trioworq.client.calls import Call, segment
from trioworq.client.manage import answers
from trioworq.client.manage.answers import Page
from trioworq.client.manage.values import (
    JobCounts,
    JobReport,
    Kind,
    LoadPoint,
    Moment,
    PushQueue,
    QueueCounts,
    QueuedType,
    Span,
    Sweep,
    Which,
)

PAGE_SIZE = 1000
# The daemon goes through all failures before it answers: minutes, if there are millions.
SWEEP_S = 600.0

_JOBS = "/api/v1/jobs"


def failed(limit: int | None, offset: int, which: Which) -> Call[list[JobReport]]:
    """List failures, the oldest first."""
    query = {**_which(which), **({} if limit is None else {"limit": limit}), "offset": offset}
    return Call(method="GET", target=_target(f"{_JOBS}/failed", query), read=answers.reports)


def retry(job_id: int | str) -> Call[None]:
    """Run a failed job again. When it is no failure any more after an answer was lost, this was why."""
    target = f"{_JOBS}/failed/{_number(job_id)}/retry"
    return Call(method="POST", target=target, read=nothing, echo=404)


def delete_failed(job_id: int | str) -> Call[None]:
    """Delete a failed job. When it is gone after an answer was lost, this was why."""
    return Call(method="DELETE", target=f"{_JOBS}/failed/{_number(job_id)}", read=nothing, echo=404)


def retry_all(dry_run: bool, which: Which) -> Call[Sweep]:
    """Run failed jobs again; a second time would not tell what the first has done."""
    return _sweep("POST", "retry-all", dry_run, which)


def clear(dry_run: bool, which: Which) -> Call[Sweep]:
    """Delete failed jobs; a second time would not tell what the first has done."""
    return _sweep("DELETE", "clear", dry_run, which)


def _sweep(method: str, verb: str, dry_run: bool, which: Which) -> Call[Sweep]:
    query = {**_which(which), **({"dry_run": "true"} if dry_run else {})}
    return Call(
        method=method,
        target=_target(f"{_JOBS}/failed/{verb}", query),
        read=answers.sweep,
        is_repeatable=dry_run,
        is_whole=dry_run,
        wait_s=SWEEP_S,
    )


def status(job_id: int | str) -> Call[JobReport]:
    """Read any job."""
    return Call(method="GET", target=f"{_JOBS}/status/{_number(job_id)}", read=answers.report)


def stats(queue: str | None) -> Call[JobCounts]:
    """Count jobs by state."""
    query = {} if queue is None else {"queue": queue}
    return Call(method="GET", target=_target(f"{_JOBS}/stats", query), read=answers.counts)


def queues() -> Call[list[PushQueue]]:
    """List the push queues."""
    return Call(method="GET", target="/queues", read=answers.queues)


def queue_counts() -> Call[dict[str, QueueCounts]]:
    """Read the counters of the push queues."""
    return Call(method="GET", target="/queues/stats", read=answers.queue_counts)


def queue_status(page: int) -> Call[Page[QueuedType]]:
    """List what waits, by job type."""
    query = {"page": page, "page_size": PAGE_SIZE}
    return Call(method="GET", target=_target("/v6/queue/status/", query), read=answers.queued_types)


def load(span: Span, after: datetime | None) -> Call[Page[LoadPoint]]:
    """Read a page of the load; of the points behind `after`, one already seen, if that is given.

    Going on from the last point, rather than by numbers of pages, meets each point once, though the span's
    ends may move meanwhile.
    """
    _check_names(span, Span)
    query = {
        "started": _instant(span.get("started") if after is None else after),
        "ended": _instant(span.get("ended")),
        "job_type_id": span.get("type_ids"),
        "job_type_name": span.get("type_names"),
        "job_type_category": span.get("queues"),
        "job_type_priority": span.get("priorities"),
        "page_size": PAGE_SIZE,
    }
    return Call(method="GET", target=_target("/v6/load/", query), read=partial(answers.load, after=after))


def pause(queue: str, kind: Kind, *, is_paused: bool) -> Call[None]:
    """Pause or resume a queue. Raises ValueError for a name that no path can have."""
    if not queue or "/" in queue:
        raise ValueError("a queue without a name, or with a slash in it, cannot be paused")
    place = "/queue" if kind == "push" else "/v1/queues"
    verb = "pause" if is_paused else "resume"
    return Call(method="POST", target=f"{place}/{segment(queue)}/{verb}", read=nothing)


def _target(path: str, query: Mapping[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    text = urlencode(given, doseq=True)
    return f"{path}?{text}" if text else path


def _check_names(given: Mapping[str, object], known: type[Which] | type[Span]) -> None:
    """Raise TypeError for a name that there is not: passed over, it would clear more than was meant."""
    for name in given.keys() - known.__annotations__.keys():
        raise TypeError(f"unexpected keyword argument {name!r}")


def _which(which: Which) -> dict[str, str | None]:
    _check_names(which, Which)
    return {
        "queue": which.get("queue"),
        "category": which.get("category"),
        "failed_after": _instant(which.get("failed_after")),
        "failed_before": _instant(which.get("failed_before")),
    }


def _instant(moment: Moment | None) -> str | None:
    """Write a moment. Raises ValueError for a time without a zone, and a time to come by its distance."""
    if moment is None:
        return None
    if isinstance(moment, timedelta):
        if moment < timedelta(0):
            raise ValueError("a moment by its distance from now is in the past")
        return f"P{moment.days}DT{moment.seconds}.{moment.microseconds:06}S"
    if moment.tzinfo is None:
        raise ValueError("a time has no time zone")
    return moment.astimezone(UTC).isoformat()


def _number(job_id: int | str) -> str:
    """Write a job's number. Raises ValueError for any other text.

    Not only a courtesy: the path of a failure called `clear` is that of all failures.
    """
    text = str(job_id)
    if not (text.isascii() and text.isdigit()):
        raise ValueError("a job_id is a number, in decimal digits")
    return text
