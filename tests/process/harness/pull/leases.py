"""Between which times a lease has ended, as far as those can know who asked for it and for more of it."""

from collections.abc import Iterable

from tests.process.harness.evidence import Fault
from tests.process.harness.explaining import PARTING, RECOVERY_S
from tests.process.harness.ledger import Outcome, Request
from tests.process.harness.pull.evidence import Change, Handout, PullEvidence

# While these last, a transaction that hands out jobs may have begun long before anybody asked for those.
_HOLDING_UP = PARTING | {"stall node"}


def earliest_end_s(evidence: PullEvidence, handout: Handout, before_s: float) -> float:
    """Return a time before which the lease of a hand-out has certainly not ended by itself.

    Counts heartbeats that were acknowledged by `before_s`.
    """
    renewals_s = [
        change.request.began_at_s
        for change in evidence.changes_of.get(handout.name, ())
        if change.event == "heartbeat"
        and change.is_of(handout)
        and change.request.outcome is Outcome.DONE
        and change.request.ended_at_s <= before_s
    ]
    began_s = max([_began_at_s(handout.fetch, evidence.faults), *renewals_s])
    return began_s + max(0, evidence.jobs[handout.name].timeout_s)


def _began_at_s(fetch: Request, faults: Iterable[Fault]) -> float:
    """Return the earliest time at which a lease may have begun that `fetch` was given."""
    held_up_s = [
        fault.began_at_s
        for fault in faults
        if fault.name in _HOLDING_UP and fault.began_at_s < fetch.ended_at_s < fault.ended_at_s + RECOVERY_S
    ]
    return min([fetch.began_at_s, *held_up_s])


def latest_end_s(handout: Handout, timeout_s: float, changes: Iterable[Change], before_s: float) -> float:
    """Return a time by which the lease has certainly ended; never, where a heartbeat had no answer.

    Counts the heartbeats of all workers, as some name no run, that began before `before_s`.
    """
    renewals_s = [
        change.request.ended_at_s  # never, if the outcome is not known
        for change in changes
        if change.event == "heartbeat"
        and change.request.outcome in (Outcome.DONE, Outcome.UNKNOWN)
        and handout.fetch.began_at_s < change.request.began_at_s < before_s
    ]
    return max([handout.fetch.ended_at_s, *renewals_s]) + max(0, timeout_s)
