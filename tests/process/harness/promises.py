"""The promises, each a function from the evidence to what breaks it: a line for each breach."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from tests.process.harness.assignments import (
    ENDS_WELL,
    ONE,
    PULSE,
    QUEUES,
    REDEFINED,
    REDEFINED_WORKERS,
    THROTTLED,
)
from tests.process.harness.cluster import SHUTDOWN_S
from tests.process.harness.evidence import KILLED, Ending, Evidence, Push, Run
from tests.process.harness.explaining import PARTING, RECOVERY_S, cause, repetitions
from tests.process.harness.ledger import Outcome
from tests.process.harness.operators import pushed
from tests.process.harness.operators.promises import operators_are_answered
from tests.process.harness.worker import CUT_OFF

# What clocks and a busy machine may add up to: between the nodes' clocks and ours, on the way of a call, from
# a signal to its being heard.
CLOCKS_S = 0.5
HASTE_S = 0.05
BUNCHING_S = 0.5
HEARING_S = 1.5
CANCELLING_S = 1.0
STARTING_S = 1.0
DEFAULT_POLLING_MS = 200
ENDING_S = 20.0

MEMORY_BYTES = 200 * 2**20
MORE_FILES = 100

Breaches = Iterator[str]


def no_acknowledged_job_is_lost(evidence: Evidence) -> Breaches:
    """I1. Every job whose push was acknowledged is listed, was deleted, or has come to its end."""
    for push in evidence.acknowledged:
        if not evidence.places(push):
            yield f"{push.job.name} ({push.job.kind}), acknowledged at {push.request.ended_at_s:.2f}, is gone"


def no_phantom_runs(evidence: Evidence) -> Breaches:
    """I2. What was refused or never sent does not run; a batch of unknown outcome was stored whole or not."""
    seen = {run.name for run in evidence.runs} | evidence.failed | evidence.left
    for name in sorted(seen - {push.job.name for push in evidence.pushes}):
        yield f"{name} was never pushed"
    for push in evidence.pushes:
        if push.job.name in seen and push.outcome in (Outcome.REFUSED, Outcome.UNSENT):
            yield f"{push.job.name} was there, but its push was {push.outcome.name}: {push.request.status}"
    yield from _half_batches(evidence, seen)


def _half_batches(evidence: Evidence, seen: set[str]) -> Breaches:
    batches: dict[float, list[Push]] = {}
    for push in evidence.pushes:
        if push.outcome is Outcome.UNKNOWN:
            batches.setdefault(push.request.began_at_s, []).append(push)
    for batch in batches.values():
        stored = sum(push.job.name in seen for push in batch)
        if 0 < stored < len(batch):
            yield f"{stored} of the {len(batch)} jobs of a batch were stored, {batch[0].job.name} among them"


def one_run_at_a_time(evidence: Evidence) -> Breaches:
    """I3. Runs of a job overlap only where a fault parted the first one's node from the store."""
    for name, runs in evidence.runs_of.items():
        for earlier, later in pairwise(runs):
            if later.began_at_s < earlier.ended_at_s - HASTE_S and cause(earlier, evidence.faults) is None:
                yield f"{name} ran on {later.node} while it ran on {earlier.node}"


def attempts_are_bounded(evidence: Evidence) -> Breaches:
    """I4. As many failures as the job was given, however many runs were lost; no run without need."""
    jobs = {push.job.name: push.job for push in evidence.pushes}
    for name, fail_count in evidence.entries:
        if name in jobs and fail_count != jobs[name].fail_count:
            yield f"{name} failed {fail_count} times and not {jobs[name].fail_count}"
    for name, runs in evidence.runs_of.items():
        if name not in jobs:
            continue
        needed = evidence.runs_needed(jobs[name])
        if None in repetitions(runs, needed, evidence.faults):
            times = ", ".join(f"{run.node} {run.began_at_s:.2f} {run.how}" for run in runs)
            yield f"{name} ran {len(runs)} times and not {needed}, for no reason: {times}"


def no_job_is_early(evidence: Evidence) -> Breaches:
    """I5. No run before the time that the push or the delay of the retry sets."""
    runs_of = evidence.runs_of
    for push in evidence.pushes:
        runs = runs_of.get(push.job.name, ())
        due_s = push.request.began_at_s + push.job.run_after_s - CLOCKS_S
        if runs and runs[0].began_at_s < due_s:
            yield f"{push.job.name} ran {due_s - runs[0].began_at_s:.2f} s too early"
        for earlier, later in pairwise(runs):
            due_s = earlier.ended_at_s + push.job.retry_delay_s - CLOCKS_S
            is_lost = earlier.how == CUT_OFF or cause(earlier, evidence.faults) is not None
            is_new = evidence.operations.may_have_retried(push.job.name, earlier.began_at_s, later.began_at_s)
            if not is_lost and not is_new and later.began_at_s < due_s:
                yield f"{push.job.name} was retried {due_s - later.began_at_s:.2f} s too early"


def limits_hold(evidence: Evidence) -> Breaches:
    """I6. No more calls at the same time than workers, and no more in any time than the throttle allows."""
    for queue in QUEUES:
        runs = [run for run in evidence.runs if run.queue == queue]
        yield from _crowds(evidence, queue, runs)
        if queue == THROTTLED:
            yield from _rushes(queue, runs)


def _crowds(evidence: Evidence, queue: str, runs: Sequence[Run]) -> Breaches:
    limit = REDEFINED_WORKERS[1] if queue == REDEFINED else QUEUES[queue]["max_workers"]
    limit = max(limit, QUEUES[queue]["max_workers"])
    steps = [(run.began_at_s, 1) for run in runs] + [(_hung_up_at_s(run), -1) for run in runs]
    in_flight = 0
    for at_s, step in sorted(steps):
        in_flight += step
        if step > 0 and in_flight > limit and not _is_parted(evidence, at_s):
            yield f"{queue}: {in_flight} calls at the same time at {at_s:.2f}, with {limit:g} workers"


def _hung_up_at_s(run: Run) -> float:
    """When the daemon ended a call; the worker hears of it a little later."""
    return run.ended_at_s - (HASTE_S if run.how == CUT_OFF else 0.0)


def _is_parted(evidence: Evidence, at_s: float) -> bool:
    return any(
        fault.name in PARTING and fault.began_at_s <= at_s <= fault.ended_at_s + RECOVERY_S
        for fault in evidence.faults
    )


def _rushes(queue: str, runs: Sequence[Run]) -> Breaches:
    """The owner of a queue counts, so a new owner begins with a full bucket."""
    rate, burst = QUEUES[queue]["max_dispatches_per_second"], QUEUES[queue]["max_burst_size"]
    level = 0.0
    for earlier, later in pairwise(runs):
        drained = rate * (later.began_at_s - earlier.began_at_s)
        level = 0.0 if earlier.node != later.node else max(0.0, level + 1 - drained)
        if level > burst + rate * BUNCHING_S:
            yield f"{queue}: {level:.0f} dispatches beyond {rate:g} a second at {later.began_at_s:.2f}"


def due_jobs_start(evidence: Evidence) -> Breaches:
    """I8. Nothing is left in the end, and in the calm phase every job of the steady stream starts in time."""
    for queue, names in evidence.listed.items():
        if names:
            yield f"{queue}: {len(names)} jobs never started or ended, {names[0]} among them"
    runs_of = evidence.runs_of
    limit_s = STARTING_S + DEFAULT_POLLING_MS / 1000
    for push in evidence.acknowledged:
        if push.job.queue == PULSE and push.request.ended_at_s < evidence.calm_at_s:
            runs = runs_of.get(push.job.name)
            if runs and runs[0].began_at_s > push.request.ended_at_s + limit_s:
                late_s = runs[0].began_at_s - push.request.ended_at_s
                yield f"{push.job.name} started {late_s:.2f} s after its push"


def jobs_start_in_order(evidence: Evidence) -> Breaches:
    """I9. With one worker, no job overtakes one that was due and acknowledged before it was pushed."""
    runs_of = evidence.runs_of
    jobs = [
        (push.request.ended_at_s + push.job.run_after_s, push.request.began_at_s, runs_of[push.job.name][0])
        for push in evidence.acknowledged
        if push.job.queue == ONE and push.job.name in runs_of
    ]
    jobs.sort(key=lambda job: job[2].began_at_s)
    # From the last one to start backwards: the earliest time at which one that starts later was ready.
    ready_s, ready = float("inf"), None
    for due_s, pushed_s, run in reversed(jobs):
        if ready is not None and ready_s + CLOCKS_S < pushed_s:
            yield f"{run.name} overtook {ready.name}, due {pushed_s - ready_s:.2f} s before its push"
        if due_s < ready_s:
            ready_s, ready = due_s, run


def jobs_are_conserved(evidence: Evidence) -> Breaches:
    """I10. Each acknowledged job is in one place in the end, and the counters say so after the calm phase."""
    for push in evidence.acknowledged:
        places = evidence.places(push)
        if push.job_id in evidence.history.ended_ms and not {"listed", "deleted", "failed"}.isdisjoint(
            places
        ):
            places = ["remembered as finished", *places]
        if len(places) > 1:
            yield f"{push.job.name} is {' and '.join(places)}"
    for queue in QUEUES:
        yield from _miscounts(evidence, queue)


def _miscounts(evidence: Evidence, queue: str) -> Breaches:
    calm = [push for push in evidence.pushes if push.request.began_at_s < evidence.calm_at_s]
    pushed = sum(push.job.queue == queue and push.outcome is Outcome.DONE for push in calm)
    deleted = sum(
        request.outcome is Outcome.DONE
        and request.ended_at_s < evidence.calm_at_s
        and request.path.startswith(f"/queue/{queue}/")
        for request in evidence.of("delete")
    )
    counted: Counter[str] = Counter()
    for stats in evidence.calm_stats:
        counted.update(stats[queue])
    if counted["total_pushes"] != pushed:
        yield f"{queue}: {counted['total_pushes']} pushes counted, {pushed} acknowledged"
    retried = sum(
        retry.ended_at_s < evidence.calm_at_s
        for push in calm
        if push.job.queue == queue
        for retry in evidence.operations.retries(push.job.name)
    )
    if counted["total_completes"] + deleted != pushed + retried:
        ended = f"{counted['total_completes']} completed + {deleted} deleted"
        yield f"{queue}: {ended} of {pushed} pushed + {retried} retried"


def failures_are_kept(evidence: Evidence) -> Breaches:
    """I11. A job that failed for good is in the failed store once; one that ends well is not."""
    entries = Counter(name for name, _ in evidence.entries) + Counter(evidence.operations.removed)
    for push in evidence.pushes:
        count = entries[push.job.name]
        if count > 1:
            yield f"{push.job.name} is in the failure log {count} times"
        if count and push.job.kind in ENDS_WELL:
            yield f"{push.job.name} succeeds, and is in the failure log"


def deleting_is_final(evidence: Evidence) -> Breaches:
    """I12. A deleted job starts no more, and leaves no failure."""
    runs_of, failed = evidence.runs_of, evidence.failed
    for request in evidence.of("delete"):
        if request.outcome is not Outcome.DONE:
            continue
        name = request.facts["name"]
        if name in failed:
            yield f"{name} was deleted, and is in the failure log"
        for run in runs_of.get(name, ()):
            if run.began_at_s > request.ended_at_s + CANCELLING_S:
                yield f"{name} ran {run.began_at_s - request.ended_at_s:.2f} s after it was deleted"


def nodes_stay_small(evidence: Evidence) -> Breaches:
    """I13. What a node takes of the machine is bounded, whatever happened."""
    yield from large_nodes(evidence.sizes)


def large_nodes(sizes: Sequence[tuple[Mapping[str, int], Mapping[str, int]]]) -> Breaches:
    """Say which nodes take too much, or a good deal more than before."""
    for before, after in sizes:
        if after["memory"] > MEMORY_BYTES:
            yield f"a node takes {after['memory'] // 2**20} MiB"
        if after["files"] > before["files"] + MORE_FILES:
            yield f"a node has {after['files']} files open, and had {before['files']}"


def no_secret_leaks(evidence: Evidence) -> Breaches:
    """I14. The password is in no log and no answer."""
    for place in evidence.leaks:
        yield f"the password is shown in {place}"


def stops_are_graceful(evidence: Evidence) -> Breaches:
    """I15. A node that is asked to stop claims nothing more, and ends in time with code 0."""
    yield from bad_stops(evidence.endings)
    for ending in stopped(evidence.endings):
        asked_at_s = ending.signals["SIGTERM"]
        for run in evidence.runs:
            if run.node == ending.node and run.began_at_s > asked_at_s + HEARING_S:
                yield f"{ending.node} started {run.name} {run.began_at_s - asked_at_s:.2f} s after SIGTERM"


def stopped(endings: Sequence[Ending]) -> list[Ending]:
    """Return the ends of those nodes that were asked to stop, and had the time to."""
    return [each for each in endings if "SIGTERM" in each.signals and "SIGKILL" not in each.signals]


def bad_stops(endings: Sequence[Ending]) -> Breaches:
    """Say which nodes did not stop in time, or not with code 0."""
    for ending in stopped(endings):
        took_s = ending.at_s - ending.signals["SIGTERM"]
        if ending.code != 0 or took_s > SHUTDOWN_S + ENDING_S:
            yield f"{ending.node} ended with code {ending.code} after {took_s:.1f} s"


def no_node_crashes(evidence: Evidence) -> Breaches:
    """Nothing but a signal ends a node, and it ends as the signal says."""
    yield from crashes(evidence.endings)


def crashes(endings: Sequence[Ending]) -> Breaches:
    """Say which nodes ended by themselves."""
    for ending in endings:
        if ending.is_crash or ending.code not in (0, KILLED):
            yield f"{ending.node} ended with code {ending.code}"


def no_error_of_ours_is_answered(evidence: Evidence) -> Breaches:
    """Good requests are answered 200, 404 when their object has gone, or 503."""
    for request in evidence.requests:
        allowed = (0, 200, 503) if request.event in ("push", "define") else (0, 200, 404, 503)
        if request.status not in allowed:
            yield f"{request.event} {request.path}: {request.status} {request.text!r}"
    yield from operators_are_answered(evidence.operations)


PROMISES: Mapping[str, Callable[[Evidence], Breaches]] = {
    "I1": no_acknowledged_job_is_lost,
    "I2": no_phantom_runs,
    "I3": one_run_at_a_time,
    "I4": attempts_are_bounded,
    "I5": no_job_is_early,
    "I6": limits_hold,
    "I8": due_jobs_start,
    "I9": jobs_start_in_order,
    "I10": jobs_are_conserved,
    "I11": failures_are_kept,
    "I12": deleting_is_final,
    "I13": nodes_stay_small,
    "I14": no_secret_leaks,
    "I15": stops_are_graceful,
    "crashes": no_node_crashes,
    "answers": no_error_of_ours_is_answered,
    **pushed.PROMISES,
}
