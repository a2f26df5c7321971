"""What is promised to operators of jobs that are pushed: functions from the evidence to what breaks it."""

from collections.abc import Callable, Mapping

from tests.process.harness.assignments import Kind
from tests.process.harness.evidence import Evidence
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


def failed_jobs_run_again(evidence: Evidence) -> Breaches:
    """A failed job that was retried has begun since, unless it was deleted or nobody can be reached."""
    jobs = {push.job.name: push.job for push in evidence.pushes}

    def is_excused(name: str, _since_s: float) -> bool:
        job = jobs.get(name)
        is_there = name in evidence.left or name in evidence.deleted
        return is_there or job is None or job.kind is Kind.UNREACHABLE or evidence.may_be_deleted(job)

    yield from retried_jobs_run_again(evidence.operations, _starts(evidence), is_excused)
    queue_of = {name: job.queue for name, job in jobs.items()}
    yield from sweeps_are_told_right(evidence.operations, queue_of)


def removed_failures_are_gone(evidence: Evidence) -> Breaches:
    """A failed job that was removed begins no more."""
    yield from removed_jobs_are_gone(evidence.operations, _starts(evidence))


def pauses_hold(evidence: Evidence) -> Breaches:
    """Nothing begins in a queue that has been paused for more than a second."""
    starts = [start for each in _starts(evidence).values() for start in each]
    yield from nothing_begins_in_a_paused_queue(evidence.operations, starts, evidence.faults)


def finished_jobs_are_remembered(evidence: Evidence) -> Breaches:
    """Jobs that ended well are in the history for as long as was asked for."""
    finished = [
        (push.job.name, push.job_id, evidence.runs_of[push.job.name][-1].began_at_s)
        for push in evidence.acknowledged
        if push.job_id is not None and evidence.places(push) == ["completed"]
    ]
    yield from history_is_kept(evidence.history, finished)


def samples_are_taken_once(evidence: Evidence) -> Breaches:
    """The load is sampled once an interval."""
    yield from samples_are_one_an_interval(evidence.history, evidence.faults)


def _starts(evidence: Evidence) -> Starts:
    return {
        name: [
            Start(name=name, queue=run.queue, earliest_s=run.began_at_s, latest_s=run.began_at_s)
            for run in runs
        ]
        for name, runs in evidence.runs_of.items()
    }


PROMISES: Mapping[str, Callable[[Evidence], Breaches]] = {
    "retries": failed_jobs_run_again,
    "removals": removed_failures_are_gone,
    "pauses": pauses_hold,
    "history": finished_jobs_are_remembered,
    "samples": samples_are_taken_once,
}
