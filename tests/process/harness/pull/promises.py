"""The promises to those who enqueue and fetch, each a function from the evidence to what breaks it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.process.harness.evidence import Ending
from tests.process.harness.ledger import HUNG_UP, Outcome, Request
from tests.process.harness.operators import fetched
from tests.process.harness.operators.promises import operators_are_answered
from tests.process.harness.promises import bad_stops, crashes, large_nodes, stopped
from tests.process.harness.pull.assignments import PULSE, Assignment
from tests.process.harness.pull.crew import KILLED as KILLED_WORKER
from tests.process.harness.pull.evidence import CLOCKS_S, Change, Enqueueing, Handout, PullEvidence
from tests.process.harness.pull.lease_promises import one_lease_at_a_time, tries_are_counted
from tests.process.harness.pull.leases import latest_end_s
from tests.process.harness.pull.ordering import jobs_come_in_order

# From a signal to its being heard, from the end of a connection to its being seen; on a busy machine.
HEARING_S = 1.5
ASKING_S = 0.7
LEAVING_S = 0.1
# How long a due job may wait while workers ask, and a lease that has ended for being noticed.
HANDING_S = 1.5
NOTICING_S = 1.0

Breaches = Iterator[str]


def no_acknowledged_job_is_lost(evidence: PullEvidence) -> Breaches:
    """I1. Every job that was acknowledged was completed, has failed, or is still there."""
    for each in evidence.acknowledged:
        if not evidence.places(each.job.name):
            yield f"{each.job.name} ({each.job.kind}), acknowledged at {each.request.ended_at_s:.2f}, is gone"


def no_phantoms(evidence: PullEvidence) -> Breaches:
    """I2. What was refused or never sent is not handed out; a batch of unknown outcome is whole or not."""
    seen = set(evidence.handouts_of) | evidence.failed | evidence.left
    for name in sorted(seen - evidence.jobs.keys()):
        yield f"{name} was never enqueued"
    batches: dict[float, list[str]] = {}
    for each in evidence.enqueueings:
        if each.job.name in seen and each.request.outcome in (Outcome.REFUSED, Outcome.UNSENT):
            yield f"{each.job.name} was there, but its request was {each.request.outcome.name}"
        if each.request.outcome is Outcome.UNKNOWN:
            batches.setdefault(each.request.began_at_s, []).append(each.job.name)
    for names in batches.values():
        stored = sum(name in seen for name in names)
        if 0 < stored < len(names):
            yield f"{stored} of the {len(names)} jobs of a batch were stored, {names[0]} among them"
    yield from _twins(evidence)


def _twins(evidence: PullEvidence) -> Breaches:
    """A name that is taken cannot be enqueued again."""
    due_s = {each.job.name: each.due_at_s for each in evidence.enqueueings}
    for request in evidence.requests:
        if request.event == "repeat" and request.outcome is Outcome.DONE:
            name = request.facts["jobs"][0]["name"]
            if request.ended_at_s < due_s[name]:
                yield f"{name} was enqueued twice"


def no_job_is_early(evidence: PullEvidence) -> Breaches:
    """I5. Nothing is handed out before the time that was set when it was enqueued or rescheduled."""
    for each in evidence.enqueueings:
        for handout in evidence.handouts_of.get(each.job.name, ())[:1]:
            early_s = each.due_at_s - CLOCKS_S - handout.fetch.ended_at_s
            if early_s > 0:
                yield f"{each.job.name} was handed out {early_s:.2f} s too early"
    for change in evidence.changes:
        if change.event == "reschedule" and change.request.outcome is Outcome.DONE:
            due_s = change.request.began_at_s + change.request.facts["run_after_s"] - CLOCKS_S
            for handout in evidence.handouts_of.get(change.name, ()):
                if change.request.ended_at_s < handout.fetch.ended_at_s < due_s:
                    yield f"{change.name} was rescheduled, and handed out too early"


def due_jobs_are_handed_out(evidence: PullEvidence) -> Breaches:
    """I8. Nothing is left; in the calm phase due jobs, and those whose lease has ended, come to who asks."""
    for name in sorted(evidence.left | evidence.left_by_calm):
        yield f"{name} was never handed out or ended"
    for each in evidence.acknowledged:
        if each.job.queue == PULSE and each.request.ended_at_s < evidence.calm_at_s:
            yield from _late(evidence, each)
    for name, handouts in evidence.handouts_of.items():
        changes = evidence.changes_of.get(name, ())
        if name in evidence.jobs and not any(change.event == "reschedule" for change in changes):
            for earlier, later in pairwise(handouts):
                began_s, handed_s = earlier.fetch.began_at_s, later.fetch.ended_at_s
                is_new = evidence.operations.may_have_retried(name, began_s, handed_s)
                if handed_s < evidence.calm_at_s and not is_new:
                    yield from _unnoticed(evidence.jobs[name], earlier, later, changes)


def _late(evidence: PullEvidence, each: Enqueueing) -> Breaches:
    stored_s = each.request.ended_at_s
    handouts = evidence.handouts_of.get(each.job.name, ())
    handed_s = min((handout.fetch.ended_at_s for handout in handouts), default=float("inf"))
    if handed_s > stored_s + HANDING_S and not _may_be_with_one_who_left(evidence, each.request):
        yield f"{each.job.name} was handed out {handed_s - stored_s:.2f} s after it was stored"


def _may_be_with_one_who_left(evidence: PullEvidence, stored: Request) -> bool:
    """Whether somebody who waited for the stream hung up in the moment in which a job came."""
    return any(
        fetch.text == HUNG_UP
        and fetch.facts["queue"] == PULSE
        and fetch.began_at_s < stored.ended_at_s + LEAVING_S
        and stored.began_at_s - LEAVING_S < fetch.broken_at_s
        for fetch in evidence.fetches
    )


def _unnoticed(job: Assignment, earlier: Handout, later: Handout, changes: Sequence[Change]) -> Breaches:
    handed_s = later.fetch.ended_at_s
    end_s = latest_end_s(earlier, job.timeout_s, changes, handed_s)
    if handed_s > end_s + NOTICING_S + CLOCKS_S:
        yield f"{job.name} was handed out again {handed_s - end_s:.2f} s after its lease had ended"


def jobs_are_conserved(evidence: PullEvidence) -> Breaches:
    """I10. Each acknowledged job is in one place in the end."""
    for each in evidence.acknowledged:
        places = evidence.places(each.job.name)
        if len(places) > 1 and each.job.name not in evidence.enqueued_again:
            yield f"{each.job.name} is {' and '.join(places)}"
    for handouts in evidence.handouts_of.values():
        last = handouts[-1]
        is_there = last.name in evidence.left or last.name in evidence.failed
        if last.job_id in evidence.history.ended_ms and is_there and last.name not in evidence.enqueued_again:
            yield f"{last.name} is remembered as finished, and is there or has failed"


def failures_are_kept(evidence: PullEvidence) -> Breaches:
    """I11. A job that has failed is in the failed store once."""
    failures = Counter(failure.name for failure in evidence.failures)
    for name, count in (failures + Counter(evidence.operations.removed)).items():
        if count > 1:
            yield f"{name} is in the failed store {count} times"


def nodes_stay_small(evidence: PullEvidence) -> Breaches:
    """I13. Whatever workers wait in vain, or hang up."""
    yield from large_nodes(evidence.sizes)


def stops_are_graceful(evidence: PullEvidence) -> Breaches:
    """I15. A node that is asked to stop answers who waits, hands out nothing more, and ends with code 0."""
    yield from bad_stops(evidence.endings)
    for ending in stopped(evidence.endings):
        number = ending.node.partition(".")[0]
        for fetch in evidence.fetches:
            if fetch.node == number and fetch.began_at_s < ending.at_s:
                yield from _unstopped(fetch, ending)


def _unstopped(fetch: Request, ending: Ending) -> Breaches:
    asked_at_s = ending.signals["SIGTERM"]
    if fetch.began_at_s < asked_at_s - CLOCKS_S:
        yield from _left_waiting(fetch, asked_at_s)
    is_late = asked_at_s + HEARING_S < fetch.ended_at_s < ending.at_s
    if fetch.told.get("jobs") and (is_late or asked_at_s + ASKING_S < fetch.began_at_s):
        yield f"{ending.node} handed out jobs {fetch.ended_at_s - asked_at_s:.2f} s after SIGTERM"


def _left_waiting(fetch: Request, asked_at_s: float) -> Breaches:
    end_s = min(fetch.ended_at_s, fetch.broken_at_s)
    if end_s <= asked_at_s or fetch.text in (HUNG_UP, KILLED_WORKER):
        return
    if fetch.outcome is not Outcome.DONE:
        yield f"a worker that waited at {fetch.node} had no answer when it was stopped: {fetch.text}"
    elif end_s > asked_at_s + HEARING_S:
        yield f"a worker waited at {fetch.node} for {end_s - asked_at_s:.2f} s more after SIGTERM"


def what_was_saved_comes_back(evidence: PullEvidence) -> Breaches:
    """The next one to have a job is given what the last one saved, and no more than that."""
    for name, handouts in evidence.handouts_of.items():
        changes = evidence.changes_of.get(name, ())
        for earlier, later in pairwise(handouts if name not in evidence.enqueued_again else ()):
            states = _states(earlier, later, changes)
            began_s, handed_s = earlier.fetch.began_at_s, later.fetch.ended_at_s
            if later.state is None and evidence.operations.may_have_retried(name, began_s, handed_s):
                continue
            if later.state not in states:
                yield f"{name} came with {later.state}, and not with one of {states}"


def _states(earlier: Handout, later: Handout, changes: Sequence[Change]) -> list[Any]:
    """Return what may have been saved when a job was handed out again."""
    states = [(earlier.state, earlier.fetch.ended_at_s)]
    for change in changes:
        request = change.request
        if not change.saves or not earlier.fetch.began_at_s < request.began_at_s < later.fetch.ended_at_s:
            continue
        if request.outcome is Outcome.DONE and request.ended_at_s < later.fetch.began_at_s:
            # Of two at the same time either may have been the last.
            states = [(state, ended_s) for state, ended_s in states if ended_s > request.began_at_s]
            states.append((change.state, request.ended_at_s))
        elif request.outcome in (Outcome.DONE, Outcome.UNKNOWN):
            states.append((change.state, request.ended_at_s))
    return [state for state, _ in states]


def no_node_crashes(evidence: PullEvidence) -> Breaches:
    """Nothing but a signal ends a node, and it ends as the signal says."""
    yield from crashes(evidence.endings)


_STATUSES = {
    "enqueue": (202, 429),
    "repeat": (202, 409, 429),
    "fetch": (200, 204, 429),
    "heartbeat": (202, 404, 409, 429),
    "complete": (200, 404, 409, 429),
    "reschedule": (202, 404, 409, 429),
}


def no_error_of_ours_is_answered(evidence: PullEvidence) -> Breaches:
    """Good requests are carried out, or answered that the job is gone, or is another's, or 429."""
    for request in evidence.requests:
        if request.status not in (0, *_STATUSES[request.event]):
            yield f"{request.event} {request.path}: {request.status} {request.text!r}"
    yield from operators_are_answered(evidence.operations)


PROMISES: Mapping[str, Callable[[PullEvidence], Breaches]] = {
    "I1": no_acknowledged_job_is_lost,
    "I2": no_phantoms,
    "I3": one_lease_at_a_time,
    "I4": tries_are_counted,
    "I5": no_job_is_early,
    "I8": due_jobs_are_handed_out,
    "I9": jobs_come_in_order,
    "I10": jobs_are_conserved,
    "I11": failures_are_kept,
    "I13": nodes_stay_small,
    "I15": stops_are_graceful,
    "states": what_was_saved_comes_back,
    "crashes": no_node_crashes,
    "answers": no_error_of_ours_is_answered,
    **fetched.PROMISES,
}
