"""What is promised to operators, of jobs of either side: each function returns a line for each breach."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from attrs import frozen

from tests.process.harness.assignments import PAUSED
from tests.process.harness.cluster import FINISHED_TTL_S, LOAD_INTERVAL_S
from tests.process.harness.evidence import Fault
from tests.process.harness.explaining import PARTING, RECOVERY_S
from tests.process.harness.operators.evidence import History, Operations

# A pause is in force everywhere within a second; a job that began just before may be heard of later.
PAUSING_S = 1.0
HEARING_S = 1.0
CLOCKS_S = 0.5
# When a finished job is forgotten, on a busy machine.
FORGETTING_S = 15.0
# By how much a sample may be early, or the one before it late.
SAMPLING_S = 0.7
# While these last, a node may begin what it was given to do long before.
_HOLDING_UP = PARTING | {"stall node"}

Breaches = Iterator[str]


@frozen(kw_only=True)
class Start:
    """The beginning of a run, as far as is known: within these times."""

    name: str
    queue: str
    earliest_s: float
    latest_s: float


Starts = Mapping[str, Sequence[Start]]


def retried_jobs_run_again(
    operations: Operations, starts: Starts, is_excused: Callable[[str, float], bool]
) -> Breaches:
    """A failed job that was run again has begun since; `is_excused` knows who cannot have, since a time."""
    for name in sorted(operations.retried):
        retried = max(operations.retries(name), key=lambda request: request.began_at_s)
        has_begun = any(start.latest_s >= retried.began_at_s for start in starts.get(name, ()))
        if not has_begun and not is_excused(name, retried.began_at_s):
            yield f"{name} was retried at {retried.ended_at_s:.2f}, and has not begun since"


def removed_jobs_are_gone(operations: Operations, starts: Starts) -> Breaches:
    """A failed job that was removed never begins again, and is not removed twice."""
    for name in sorted(operations.removed):
        removals = operations.removals(name)
        if len(removals) > 1:
            yield f"{name} was removed {len(removals)} times"
        removed_at_s = min(request.ended_at_s for request in removals)
        for start in starts.get(name, ()):
            if start.earliest_s > removed_at_s:
                yield f"{name} began {start.earliest_s - removed_at_s:.2f} s after it was removed"


def sweeps_are_told_right(operations: Operations, queue_of: Mapping[str, str]) -> Breaches:
    """What was done to many failed jobs was done to those of the queue that was named, and is counted."""
    for sweep in operations.sweeps:
        request = sweep.request
        if not sweep.is_certain or "queue" not in request.facts:
            continue
        for name in sweep.names or ():
            if queue_of.get(name, request.facts["queue"]) != request.facts["queue"]:
                yield f"{request.event} of {request.facts['queue']} concerned {name} of {queue_of[name]}"
        counts, ids, errors = (request.told[what] for what in ("counts", "ids", "failed_ids"))
        done = [count for what, count in counts.items() if what in ("requeued_count", "deleted_count")]
        if done != [len(ids)] or counts["error_count"] != len(errors) or len(set(ids)) != len(ids):
            yield f"{request.event} says {counts}, and lists {len(ids)} jobs and {len(errors)} errors"


def nothing_begins_in_a_paused_queue(
    operations: Operations, starts: Iterable[Start], faults: Sequence[Fault]
) -> Breaches:
    """But within a second after it was paused, or by a node that a fault parted from the store."""
    begun = sorted((start for start in starts if start.queue == PAUSED), key=lambda start: start.latest_s)
    for pause in operations.pauses:
        in_force_s = pause.since_s + PAUSING_S + HEARING_S
        for start in begun:
            is_held_up = _are_held_up(faults, pause.since_s, start.latest_s)
            if in_force_s < start.latest_s < pause.until_s and not is_held_up:
                yield f"{start.name} began {start.latest_s - pause.since_s:.2f} s after its queue was paused"


def _are_held_up(faults: Iterable[Fault], since_s: float, until_s: float) -> bool:
    return any(
        fault.name in _HOLDING_UP and fault.began_at_s <= until_s and fault.ended_at_s + RECOVERY_S >= since_s
        for fault in faults
    )


def history_is_kept(history: History, finished: Iterable[tuple[str, int, float]]) -> Breaches:
    """For as long as was asked for, and not much longer; `finished` has names, ids and times of success."""
    for name, job_id, at_s in finished:
        age_s = history.at_s - at_s
        if 0 <= age_s < FINISHED_TTL_S and job_id not in history.ended_ms:
            yield f"{name} finished {age_s:.2f} s before the end, and is forgotten"
    for job_id, ended_ms in history.ended_ms.items():
        age_s = (history.wall_ms - ended_ms) / 1000
        if age_s > FINISHED_TTL_S + FORGETTING_S:
            yield f"job {job_id} finished {age_s:.2f} s before the end, and is still remembered"


def samples_are_one_an_interval(history: History, faults: Sequence[Fault]) -> Breaches:
    """However many nodes there are, and whichever has gone; but one may be long on its way to the store."""
    for earlier_ms, later_ms in pairwise(history.samples_ms):
        apart_s = (later_ms - earlier_ms) / 1000
        earlier_s, later_s = (
            history.at_s - (history.wall_ms - at_ms) / 1000 for at_ms in (earlier_ms, later_ms)
        )
        if apart_s < LOAD_INTERVAL_S - SAMPLING_S and not _are_held_up(faults, earlier_s, later_s):
            yield f"two samples of the load are {apart_s:.2f} s apart"


def operators_are_answered(operations: Operations) -> Breaches:
    """What failed may be gone or running, and its name taken; else operators get what they ask for."""
    allowed = {"retry": (0, 200, 404, 409, 503), "remove": (0, 200, 404, 503)}
    for request in operations.requests:
        unavailable = 429 if request.path.startswith("/v1/") else 503
        if request.status not in allowed.get(request.event, (0, 200, unavailable)):
            yield f"{request.event} {request.path}: {request.status} {request.text!r}"
