"""The promises that concern leases: I3 and I4."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.process.harness.ledger import FOR_EVER, Outcome
from tests.process.harness.pull.assignments import Assignment
from tests.process.harness.pull.evidence import CLOCKS_S, Change, Failure, Handout, PullEvidence
from tests.process.harness.pull.leases import earliest_end_s

Breaches = Iterator[str]


def one_lease_at_a_time(evidence: PullEvidence) -> Breaches:
    """I3. Leases of a job do not overlap, and a change by a run that is over changes nothing."""
    for name, handouts in evidence.handouts_of.items():
        changes = evidence.changes_of.get(name, ())
        for earlier, later in pairwise(handouts):
            if earlier.order == later.order:
                yield f"{name} was handed out twice as {_id(later)}"
            elif name in evidence.jobs and earlier.job_id == later.job_id:
                yield from _overlap(evidence, earlier, later)
        for change in changes:
            if change.run is not None and change.request.outcome is Outcome.DONE:
                yield from _stale(change, handouts)
        if name not in evidence.enqueued_again:
            yield from _after_the_end(evidence, name, handouts)
        if name in evidence.jobs:
            yield from _thrown_out(evidence, handouts, changes)


def _id(handout: Handout) -> str:
    return f"{handout.job_id}-{handout.run}"


def _overlap(evidence: PullEvidence, earlier: Handout, later: Handout) -> Breaches:
    handed_s = later.fetch.ended_at_s
    end_s = earliest_end_s(evidence, earlier, later.fetch.began_at_s)
    is_given_up = any(
        change.event == "reschedule"
        and change.is_of(earlier)
        and change.request.outcome in (Outcome.DONE, Outcome.UNKNOWN)
        and change.request.began_at_s < handed_s
        for change in evidence.changes_of.get(earlier.name, ())
    )
    if handed_s < end_s - CLOCKS_S and not is_given_up:
        yield f"{earlier.name} was handed out as {_id(later)} {end_s - handed_s:.2f} s before a lease ended"


def _stale(change: Change, handouts: Sequence[Handout]) -> Breaches:
    for handout in handouts:
        if handout.order > change.held and handout.fetch.ended_at_s < change.request.began_at_s:
            yield f"{change.name}: a {change.event} by {change.run} was taken, when {_id(handout)} had it"


def _after_the_end(evidence: PullEvidence, name: str, handouts: Sequence[Handout]) -> Breaches:
    for completion in evidence.completions(name, Outcome.DONE):
        for handout in handouts:
            if handout.fetch.began_at_s > completion.request.ended_at_s:
                yield f"{name} was handed out as {_id(handout)} after it was completed"


def _thrown_out(evidence: PullEvidence, handouts: Sequence[Handout], changes: Sequence[Change]) -> Breaches:
    """A worker that keeps its lease is heard, unless somebody who named no run may have ended the job."""
    for handout in handouts:
        for change in changes:
            request = change.request
            if not change.is_of(handout) or request.status not in (404, 409):
                continue
            end_s = earliest_end_s(evidence, handout, request.began_at_s)
            if request.ended_at_s < end_s - CLOCKS_S and not _is_ended_by(change, handout, changes):
                yield f"{change.name}: {change.event} by {_id(handout)}, in its lease, got {request.status}"


def _is_ended_by(change: Change, handout: Handout, changes: Sequence[Change]) -> bool:
    return any(
        other.event in ("complete", "reschedule")
        and other.request.outcome in (Outcome.DONE, Outcome.UNKNOWN)
        and other.request.began_at_s < change.request.ended_at_s
        and (other.is_of(handout) or other.run is None)
        for other in changes
        if other is not change
    )


def tries_are_counted(evidence: PullEvidence) -> Breaches:
    """I4. Leases that ended are counted, nothing else is, and jobs fail when they have had their tries."""
    for handout in evidence.handouts:
        yield from _miscounted(evidence, handout.name, handout.tries - 1, handout)
    for failure in evidence.failures:
        yield from _miscounted(evidence, failure.name, failure.fail_count)
        yield from _unfounded(evidence.jobs.get(failure.name), failure)


def _miscounted(evidence: PullEvidence, name: str, count: int, before: Handout | None = None) -> Breaches:
    if name in evidence.jobs and name not in evidence.enqueued_again:
        known, perhaps = _ended_leases(evidence, name, before)
        if not known <= count <= known + perhaps:
            yield f"{name}: {count} leases counted, and {known} to {known + perhaps} have ended"


def _ended_leases(evidence: PullEvidence, name: str, before: Handout | None) -> tuple[int, int]:
    """Count the leases of a job that ended before a hand-out, or ever; and those of which nobody knows."""
    end = FOR_EVER if before is None else before.run
    end_s = FOR_EVER if before is None else before.fetch.ended_at_s
    if evidence.operations.may_have_retried(name, 0.0, end_s):
        return 0, _leases_since_a_retry(evidence, name, end, end_s)
    since, is_certain = _anew_since(evidence.changes_of.get(name, ()), end)
    runs = [each.run for each in evidence.handouts_of.get(name, ()) if since < each.run < end]
    lost = evidence.lost_fetches(evidence.jobs[name].queue, evidence.stored_at_s[name], end_s)
    return (len(runs), lost) if is_certain else (0, len(runs) + lost)


def _leases_since_a_retry(evidence: PullEvidence, name: str, end: float, end_s: float) -> int:
    """Count the leases that may have ended since a job was last run again, which has it counted anew."""
    anew_s = max(
        (retry.began_at_s for retry in evidence.operations.retries(name) if retry.ended_at_s < end_s),
        default=0.0,
    )
    runs = [each for each in evidence.handouts_of.get(name, ()) if each.fetch.ended_at_s > anew_s]
    lost = evidence.lost_fetches(evidence.jobs[name].queue, max(anew_s, evidence.stored_at_s[name]), end_s)
    return sum(each.run < end for each in runs) + lost


def _anew_since(changes: Sequence[Change], end: float) -> tuple[int, bool]:
    """Return the run that had a job counted anew by a reschedule; and whether no other may have done so."""
    since, is_certain = 0, True
    for change in changes:
        if change.event == "reschedule" and change.request.outcome in (Outcome.DONE, Outcome.UNKNOWN):
            if change.held[1] < end and change.request.outcome is Outcome.DONE and change.run is not None:
                since = max(since, change.held[1])
            else:
                is_certain &= change.held[1] >= end
    return since, is_certain


def _unfounded(job: Assignment | None, failure: Failure) -> Breaches:
    if job is not None and (job.max_retries < 0 or failure.fail_count != job.max_retries + 1):
        yield f"{job.name} failed after {failure.fail_count} tries, with {job.max_retries} retries"
    tries = "1 attempt" if failure.fail_count == 1 else f"{failure.fail_count} attempts"
    if failure.message != f"lease timed out after {tries}":
        yield f"{failure.name} failed with {failure.message!r}"
