"""Any job by its id, and how many there are (contract jobs §3.3)."""

from attrs import frozen

from trioworq.clock import Clock
from trioworq.core.errors import NoSuchJobId
from trioworq.core.jobs import FailedJob, FinishedJob, Job, read_job_id
from trioworq.core.load import EndedCount, JobCount
from trioworq.core.pull import PullJob
from trioworq.core.results import Result
from trioworq.manage.shared import SharedRead
from trioworq.stores.interface import Store


@frozen
class JobStats:
    """How many jobs wait and are due, failed, run, and are remembered as finished."""

    queued: int
    failed: int
    started: int
    finished: int


class JobLookup:
    """Jobs of both kinds, wherever they are. Each method may raise StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock, counts: SharedRead[list[JobCount]]) -> None:
        self._store = store
        self._clock = clock
        self._counts = counts
        self._ended: SharedRead[EndedCount] = SharedRead(store.count_ended)

    def now_ms(self) -> int:
        """Return the time by which jobs are due."""
        return self._clock.now_ms()

    async def find(self, job_id: str) -> Job | PullJob | FailedJob | FinishedJob:
        """Return a job at whatever stage of its life. Raises NoSuchJobId."""
        number = read_job_id(job_id)
        job = None if number is None else await self._store.find_job(number)
        if job is None:
            raise NoSuchJobId(job_id)
        return job

    async def last_error(self, job: Job) -> Result | None:
        """Return what the last attempt at a job came to that is tried again, if that is kept."""
        return await self._store.last_error(job.id) if job.fail_count else None

    async def stats(self, queue: str | None = None) -> JobStats:
        """Count jobs, those of all queues or of both kinds' queues of one name."""
        if queue is None:
            counts, ended = await self._counts.get(), await self._ended.get()
        else:
            counts = await self._store.count_jobs(self._clock.now_ms(), queue)
            ended = await self._store.count_ended(queue)
        return JobStats(
            queued=sum(count.waiting for count in counts),
            failed=ended.failed,
            started=sum(count.running for count in counts),
            finished=ended.finished,
        )
