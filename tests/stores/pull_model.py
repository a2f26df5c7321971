"""Pull queues in a screenful of dictionaries, to hold stores against."""

from attrs import define, evolve, field

from trioworq.core.jobs import JobState
from trioworq.core.pull import (
    Completion,
    Heartbeat,
    NewPullJob,
    PullChange,
    PullJob,
    Rescheduling,
    Return,
    Run,
    TimedOut,
    Verdict,
)

Name = tuple[str, str]


@define
class PullModel:
    """What the pull jobs of a store should be; the slowest and plainest way to say it."""

    jobs: dict[Name, PullJob] = field(factory=dict)
    failed: list[tuple[str, int, int]] = field(factory=list)  # (queue, job id, fail_count), in order
    failed_jobs: dict[int, PullJob] = field(factory=dict)
    counts: dict[str, int] = field(factory=lambda: {"enqueued": 0, "completed": 0, "failed": 0})

    def enqueue(self, job_id: int | None, job: NewPullJob) -> None:
        """Note what a store has answered; it must have stored the job if its key was free."""
        assert (job_id is None) == ((job.queue, job.key) in self.jobs)
        if job_id is not None:
            self.counts["enqueued"] += 1
            self.jobs[job.queue, job.key] = PullJob(
                id=job_id, queue=job.queue, key=job.key, payload=job.payload, saved_state=None,
                state=JobState.WAITING, priority=job.priority, created_at_ms=job.created_at_ms,
                run_at_ms=job.run_at_ms, timeout_s=job.timeout_s, max_retries=job.max_retries,
                retries_left=max(job.max_retries, 0), fail_count=0, attempt=0, lease_ends_at_ms=None,
            )  # fmt: skip

    def take(self, queue: str, limit: int, now_ms: int) -> list[PullJob]:
        due = [job for job in self.waiting(queue) if job.run_at_ms <= now_ms]
        due.sort(key=lambda job: (job.priority, job.run_at_ms, job.id))
        taken = [
            evolve(
                job,
                state=JobState.RUNNING,
                attempt=job.attempt + 1,
                lease_ends_at_ms=now_ms + job.timeout_s * 1000,
                started_at_ms=now_ms,
            )
            for job in due[:limit]
        ]
        self.jobs.update(((job.queue, job.key), job) for job in taken)
        return taken

    def change(self, change: PullChange) -> Verdict:
        name = (change.queue, change.key)
        job = self.jobs.get(name)
        if job is None:
            return Verdict.ABSENT
        is_running = job.state is JobState.RUNNING
        if change.run is not None and (not is_running or change.run != Run(job.id, job.attempt)):
            return Verdict.STALE
        if not is_running and not isinstance(change, Completion):
            return Verdict.ABSENT
        match change:
            case Completion():
                self.counts["completed"] += 1
                del self.jobs[name]
            case Heartbeat(saved_state=saved, now_ms=now_ms):
                end_ms = now_ms + job.timeout_s * 1000
                saved = job.saved_state if saved is None else saved
                self.jobs[name] = evolve(job, saved_state=saved, lease_ends_at_ms=end_ms)
            case Return():
                self.jobs[name] = waiting(job)
            case Rescheduling():
                self.jobs[name] = evolve(
                    waiting(job), payload=change.payload, saved_state=change.saved_state,
                    run_at_ms=change.run_at_ms, timeout_s=change.timeout_s, max_retries=change.max_retries,
                    retries_left=max(change.max_retries, 0), fail_count=0, started_at_ms=None,
                    priority=job.priority if change.priority is None else change.priority,
                )  # fmt: skip
        return Verdict.DONE

    def expire(self, now_ms: int, limit: int, outcome: list[TimedOut]) -> None:
        """Note which leases a store has ended; any may go first of those that end together."""
        ended = {job.id: job for job in self.jobs.values() if (job.lease_ends_at_ms or now_ms) < now_ms}
        assert len(outcome) == len({end.id for end in outcome}) == min(limit, len(ended))
        ends_ms = [ended[end.id].lease_ends_at_ms or 0 for end in outcome]
        assert ends_ms == sorted(job.lease_ends_at_ms or 0 for job in ended.values())[:limit]
        assert outcome == [self.end(ended[end.id]) for end in outcome]

    def end(self, job: PullJob) -> TimedOut:
        fail_count = job.fail_count + 1
        is_failed = job.max_retries >= 0 and fail_count == job.max_retries + 1
        if is_failed:
            del self.jobs[job.queue, job.key]
            self.counts["failed"] += 1
            self.failed.append((job.queue, job.id, fail_count))
            self.failed_jobs[job.id] = job
        else:
            left = job.retries_left - 1 if job.max_retries >= 0 else 0
            again = evolve(waiting(job), fail_count=fail_count, retries_left=left)
            self.jobs[job.queue, job.key] = again
        return TimedOut(id=job.id, queue=job.queue, key=job.key, fail_count=fail_count, is_failed=is_failed)

    def requeue(self, job_id: int, now_ms: int) -> bool:
        """Return whether the key is free, and so the job waits again."""
        job = self.failed_jobs[job_id]
        if (job.queue, job.key) in self.jobs:
            return False
        del self.failed_jobs[job_id]
        self.failed = [entry for entry in self.failed if entry[1] != job_id]
        self.counts["failed"] -= 1
        self.jobs[job.queue, job.key] = evolve(
            waiting(job), run_at_ms=now_ms, retries_left=max(job.max_retries, 0), fail_count=0,
            started_at_ms=None,
        )  # fmt: skip
        return True

    def waiting(self, queue: str) -> list[PullJob]:
        return [job for job in self.jobs.values() if (job.queue, job.state) == (queue, JobState.WAITING)]


def waiting(job: PullJob) -> PullJob:
    return evolve(job, state=JobState.WAITING, lease_ends_at_ms=None)
