"""A job queue in fifty lines of dictionaries, to hold stores against."""

from attrs import define, evolve, field

from trioworq.core.jobs import Job, JobState, NewJob
from trioworq.core.retry import Completed, Failed, Released, Retried, Settlement
from trioworq.stores.interface import JobQuery, JobSet


@define
class Model:
    """What the jobs of a store should be; the slowest and plainest way to say it."""

    jobs: dict[int, Job] = field(factory=dict)
    failed: list[tuple[str, int]] = field(factory=list)  # (queue, job id), in order
    failed_jobs: dict[int, Job] = field(factory=dict)
    counts: dict[str, int] = field(factory=lambda: {"pushed": 0, "completed": 0, "failed": 0, "deleted": 0})

    def push(self, job_id: int, job: NewJob) -> None:
        assert job_id not in self.jobs
        self.counts["pushed"] += 1
        self.jobs[job_id] = Job(
            job_id, job.queue, job.category, job.url, job.payload, JobState.WAITING, job.priority,
            job.created_at_ms, job.next_try_ms, job.timeout_s, job.retry_delay_s, job.max_retries, 0, 0,
        )  # fmt: skip

    def claim(self, queue: str, limit: int, now_ms: int) -> list[Job]:
        due = [
            job
            for job in self.jobs.values()
            if (job.queue, job.state) == (queue, JobState.WAITING) and job.next_try_ms <= now_ms
        ]
        due.sort(key=lambda job: (job.priority, job.next_try_ms, job.id))
        claimed = [
            evolve(job, state=JobState.RUNNING, attempt=job.attempt + 1, started_at_ms=now_ms)
            for job in due[:limit]
        ]
        self.jobs.update((job.id, job) for job in claimed)
        return claimed

    def settle(self, settlement: Settlement) -> bool:
        job = self.jobs.get(settlement.job_id)
        if job is None or (job.state, job.attempt) != (JobState.RUNNING, settlement.attempt):
            return False
        del self.jobs[job.id]
        waiting = evolve(job, state=JobState.WAITING)
        match settlement:
            case Completed():
                self.counts["completed"] += 1
            case Failed():
                self.counts["failed"] += 1
                self.failed.append((job.queue, job.id))
                self.failed_jobs[job.id] = job
            case Released():
                self.jobs[job.id] = waiting
            case Retried(next_try_ms=due, retries_left=left, fail_count=failures):
                self.jobs[job.id] = evolve(waiting, next_try_ms=due, retries_left=left, fail_count=failures)
        return True

    def requeue(self, job_id: int, now_ms: int) -> None:
        job = self.failed_jobs.pop(job_id)
        self.failed.remove((job.queue, job_id))
        self.counts["failed"] -= 1
        self.jobs[job_id] = evolve(
            job, state=JobState.WAITING, next_try_ms=now_ms, retries_left=job.max_retries, fail_count=0,
            started_at_ms=None,
        )  # fmt: skip

    def delete(self, queue: str, job_id: int) -> Job | None:
        if job_id not in self.jobs or self.jobs[job_id].queue != queue:
            return None
        self.counts["deleted"] += 1
        return self.jobs.pop(job_id)

    def release(self, queue: str) -> None:
        for job in list(self.jobs.values()):
            if (job.queue, job.state) == (queue, JobState.RUNNING):
                self.jobs[job.id] = evolve(job, state=JobState.WAITING)

    def page(self, query: JobQuery) -> list[Job]:
        state = JobState.RUNNING if query.jobs is JobSet.RUNNING else JobState.WAITING
        found = [
            job
            for job in self.jobs.values()
            if (job.queue, job.state) == (query.queue, state)
            and (job.next_try_ms > query.now_ms) == (query.jobs is JobSet.DEFERRED)
        ]
        found.sort(key=lambda job: (job.next_try_ms, job.id), reverse=not query.ascending)
        return found[: query.limit]
