"""Between which times a lease has ended, as far as those can know who asked for it and for more of it."""

from collections.abc import Iterable

from tests.process.harness.ledger import Outcome
from tests.process.harness.pull.evidence import Change, Handout


def earliest_end_s(handout: Handout, timeout_s: float, changes: Iterable[Change], before_s: float) -> float:
    """Return a time at which the lease of a hand-out had certainly not ended by itself.

    Counts heartbeats that were acknowledged by `before_s`.
    """
    renewals_s = [
        change.request.began_at_s
        for change in changes
        if change.event == "heartbeat"
        and change.is_of(handout)
        and change.request.outcome is Outcome.DONE
        and change.request.ended_at_s <= before_s
    ]
    return max([handout.fetch.began_at_s, *renewals_s]) + max(0, timeout_s)


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
