"""The life of a job, as far as it is known: what has been, in its order, and what comes next."""

from collections.abc import Sequence
from typing import assert_never

from attrs import frozen

from trioworq.core.jobs import FailedJob, FinishedJob, Job, JobState, Kind
from trioworq.core.pull import PullJob


@frozen
class Step:
    """Something that has happened, or lies ahead; when is not known of everything."""

    title: str
    at_ms: int | None = None
    detail: str = ""
    is_ahead: bool = False


_Steps = Sequence[Step]

_LOGGED = "When each did, and why, is in the queue log"


def life_of(job: Job | PullJob | FailedJob | FinishedJob, now_ms: int, *, is_paused: bool) -> _Steps:
    """Return the steps of a job's life at a time; its queue may be paused."""
    match job:
        case Job():
            later = _running(job) if job.state is JobState.RUNNING else _waiting(job, now_ms, is_paused)
        case PullJob():
            later = _handed_out(job, now_ms) if job.run else _offered(job, now_ms, is_paused)
        case FailedJob():
            later = (*_began(job.started_at_ms), Step("Failed", job.failed_at_ms, _after(job)))
        case FinishedJob():
            later = (
                *_failures(job.fail_count),
                *_began(job.started_at_ms),
                Step("Finished", job.ended_at_ms),
            )
        case _:
            assert_never(job)
    return Step("Created", job.created_at_ms), *later


def _waiting(job: Job, now_ms: int, is_paused: bool) -> _Steps:
    before = (*_began(job.started_at_ms), *_failures(job.fail_count))
    if job.next_try_ms > now_ms:
        title = "Next attempt" if job.fail_count else "First attempt"
        return *before, Step(title, job.next_try_ms, _paused(is_paused), is_ahead=True)
    return *before, Step("Due", job.next_try_ms, _paused(is_paused) or "It waits for a free worker")


def _running(job: Job) -> _Steps:
    steps = (*_failures(job.fail_count), Step("Attempt began", job.started_at_ms, "Its worker has the call"))
    if not job.timeout_s or job.started_at_ms is None:
        return steps
    ends_at_ms = job.started_at_ms + job.timeout_s * 1000
    return *steps, Step("Times out", ends_at_ms, "unless the worker answers before", is_ahead=True)


def _offered(job: PullJob, now_ms: int, is_paused: bool) -> _Steps:
    before = (*_began(job.started_at_ms), *_leases(job.fail_count))
    if job.run_at_ms > now_ms:
        return *before, Step("Can be fetched", job.run_at_ms, _paused(is_paused), is_ahead=True)
    return *before, Step("Due", job.run_at_ms, _paused(is_paused) or "It waits to be fetched")


def _handed_out(job: PullJob, now_ms: int) -> _Steps:
    steps = (*_leases(job.fail_count), Step("Handed out", job.started_at_ms, "A worker has it"))
    if job.has_lapsed(now_ms):
        return *steps, Step("Lease ended", job.lease_ends_at_ms)
    return *steps, Step("Lease ends", job.lease_ends_at_ms, "unless the worker keeps it", is_ahead=True)


def _after(job: FailedJob) -> str:
    if job.kind is Kind.PULL:
        return "after its lease ended" if job.fail_count == 1 else f"after {job.fail_count} leases ended"
    return "at its first attempt" if job.fail_count == 1 else f"after {job.fail_count} attempts failed"


def _began(started_at_ms: int | None) -> _Steps:
    return () if started_at_ms is None else (Step("Last attempt began", started_at_ms),)


def _failures(count: int) -> _Steps:
    if not count:
        return ()
    title = "1 attempt failed" if count == 1 else f"{count} attempts failed"
    return (Step(title, detail=_LOGGED),)


def _leases(count: int) -> _Steps:
    if not count:
        return ()
    title = "1 lease ended" if count == 1 else f"{count} leases ended"
    return (Step(title, detail=_LOGGED),)


def _paused(is_paused: bool) -> str:
    return "Its queue is paused, so it waits" if is_paused else ""
