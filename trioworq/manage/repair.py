"""What operators do to a single job of either kind, wherever it is."""

from trioworq.clock import Clock
from trioworq.core.errors import NoSuchJobId, NotWaiting
from trioworq.core.jobs import FailedJob, FinishedJob, Job, Kind, read_job_id
from trioworq.core.pull import PullJob
from trioworq.dispatch.queues import Queues
from trioworq.logs import ErrorLog
from trioworq.manage.failed import FailedJobs
from trioworq.manage.lookup import JobLookup
from trioworq.pull.jobs import PullJobs
from trioworq.stores.interface import Store


class JobRepair:
    """Changes one job. Each method may raise StoreUnavailable, with nothing changed."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        error_log: ErrorLog,
        queues: Queues,
        pull: PullJobs,
        failed: FailedJobs,
        jobs: JobLookup,
    ) -> None:
        self._store = store
        self._clock = clock
        self._error_log = error_log
        self._queues = queues
        self._pull = pull
        self._failed = failed
        self._jobs = jobs

    async def run_now(self, job_id: str) -> None:
        """Have a job that waits be due now. Raises NotWaiting. If cancelled: it may be due all the same."""
        number = read_job_id(job_id)
        job = None if number is None else await self._store.hasten(number, self._clock.now_ms())
        if job is None:
            raise NotWaiting(job_id)
        if isinstance(job, Job):
            self._queues.kick([job.queue])
        else:
            self._pull.call([job.queue])
        self._error_log.info("job hastened", id=job.id, queue=job.queue)

    async def delete(self, job_id: str) -> Kind:
        """Remove a job for good, also from the failures or the history; return its kind.

        The call of a push job that runs is cancelled; the worker of a pull job learns of it with its next
        heartbeat. Raises NoSuchJobId, NoSuchJob or NotFailed when it is not there, or is somewhere else by
        now. If cancelled: it may be removed all the same.
        """
        job = await self._jobs.find(job_id)
        match job:
            case Job():
                if await self._queues.delete_job(job.queue, job.id) is None:
                    raise NoSuchJobId(job_id)
            case PullJob():
                await self._pull.delete(job)
            case FailedJob():
                await self._failed.delete(job_id)
            case FinishedJob():
                await self._store.forget_finished([job.job_id])
        self._error_log.info("job deleted", id=job_id, queue=job.queue)
        return Kind.PULL if isinstance(job, PullJob) else Kind.PUSH if isinstance(job, Job) else job.kind
