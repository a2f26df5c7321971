"""What is promised to operators of jobs that are fetched: functions from the evidence to what breaks it."""

from collections.abc import Callable, Mapping

from tests.process.harness.ledger import FOR_EVER, Outcome
from tests.process.harness.operators.promises import (
    Breaches,
    Start,
    Starts,
    history_is_kept,
    nothing_begins_in_a_paused_queue,
    removed_jobs_are_gone,
    retried_jobs_run_again,
    samples_are_one_an_interval,
    sweeps_are_told_right,
)
from tests.process.harness.pull.evidence import PullEvidence


def failed_jobs_run_again(evidence: PullEvidence) -> Breaches:
    """A failed job that was retried has been handed out since, unless it is there or nobody knows."""

    def is_excused(name: str, since_s: float) -> bool:
        if name not in evidence.jobs or name in evidence.left:
            return True
        queue = evidence.jobs[name].queue
        return evidence.lost_fetches(queue, since_s, FOR_EVER) > 0 or evidence.operations.may_have_removed(
            name
        )

    yield from retried_jobs_run_again(evidence.operations, _starts(evidence), is_excused)
    queue_of = {name: job.queue for name, job in evidence.jobs.items()}
    yield from sweeps_are_told_right(evidence.operations, queue_of)


def removed_failures_are_gone(evidence: PullEvidence) -> Breaches:
    """A failed job that was removed is handed out no more, unless a client enqueues its name again."""
    starts = {name: each for name, each in _starts(evidence).items() if name not in evidence.enqueued_again}
    yield from removed_jobs_are_gone(evidence.operations, starts)


def pauses_hold(evidence: PullEvidence) -> Breaches:
    """Nothing is handed out from a queue that has been paused for more than a second."""
    starts = [start for each in _starts(evidence).values() for start in each]
    yield from nothing_begins_in_a_paused_queue(evidence.operations, starts, evidence.faults)


def finished_jobs_are_remembered(evidence: PullEvidence) -> Breaches:
    """Jobs that were completed are in the history for as long as was asked for."""
    finished = [
        (change.name, change.held[0], change.request.began_at_s)
        for change in evidence.changes
        if change.event == "complete" and change.request.outcome is Outcome.DONE
    ]
    yield from history_is_kept(evidence.history, finished)


def samples_are_taken_once(evidence: PullEvidence) -> Breaches:
    """The load is sampled once an interval."""
    yield from samples_are_one_an_interval(evidence.history, evidence.faults)


def _starts(evidence: PullEvidence) -> Starts:
    return {
        name: [
            Start(
                name=name,
                queue=evidence.jobs[name].queue,
                earliest_s=handout.fetch.began_at_s,
                latest_s=handout.fetch.ended_at_s,
            )
            for handout in handouts
        ]
        for name, handouts in evidence.handouts_of.items()
        if name in evidence.jobs
    }


PROMISES: Mapping[str, Callable[[PullEvidence], Breaches]] = {
    "retries": failed_jobs_run_again,
    "removals": removed_failures_are_gone,
    "pauses": pauses_hold,
    "history": finished_jobs_are_remembered,
    "samples": samples_are_taken_once,
}
