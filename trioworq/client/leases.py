"""A job in a worker's hands, for as long as its lease lasts."""

import logging
from datetime import datetime
from typing import Any

import trio

from trioworq.client.asynchronous import AsyncClient
from trioworq.client.errors import ClientError, LeaseLost, NotFound
from trioworq.client.values import UNCHANGED, Job, Unchanged

logger = logging.getLogger("trioworq.client")

# The least time between heartbeats, for leases that are over as soon as they begin.
MIN_PERIOD_S = 0.1


class Lease:
    """The lease of one job, which begins now.

    `scope` is where the job is worked on: it ends with the lease, by this worker's clock or the daemon's
    word.
    """

    def __init__(self, client: AsyncClient, job: Job) -> None:
        self.job = job
        self.scope = trio.CancelScope(deadline=trio.current_time() + job.timeout_s)
        self.why_lost = "its lease ended, as no heartbeat got through"
        self._client = client
        self._period_s = max(job.timeout_s / 3, MIN_PERIOD_S)

    async def keep(self) -> None:
        """Renew the lease whenever a third of it has passed, until it is lost."""
        is_renewed = True
        while not self.scope.cancel_called:
            # After a failure soon again: the client has paused already.
            await trio.sleep(self._period_s if is_renewed else self._period_s / 10)
            is_renewed = False
            with trio.move_on_after(self._period_s):
                is_renewed = await self._try_to_renew()

    async def renew(self, state: Any | Unchanged = UNCHANGED) -> None:
        """Renew the lease and save a state, if given. Raises LeaseLost, NotFound, and gives up on these."""
        asked_at = trio.current_time()
        try:
            await self._client.heartbeat(self.job, state)
        except (LeaseLost, NotFound) as error:
            self.give_up(error.detail)
            raise
        self.scope.deadline = max(self.scope.deadline, asked_at + self.job.timeout_s)

    def give_up(self, why: str) -> None:
        """End the work on the job."""
        self.why_lost = why
        self.scope.cancel(reason=why)

    async def _try_to_renew(self) -> bool:
        try:
            await self.renew()
        except (LeaseLost, NotFound):
            return False
        except ClientError as error:
            logger.warning("no heartbeat for job %r of queue %r: %s", self.job.id, self.job.queue, error)
            return False
        return True


class Run:
    """What a handler is given: a job, and what may be said of it while it is worked on.

    From a handler that is a plain function, and so runs in a thread, the methods are called by
    `trio.from_thread.run(run.save, state)`.
    """

    def __init__(self, client: AsyncClient, lease: Lease) -> None:
        self.job = lease.job
        self.is_rescheduled = False
        self._client = client
        self._lease = lease

    async def save(self, state: Any) -> None:
        """Save a state, any JSON, that the job's next try will find if this one does not finish it.

        Raises LeaseLost, NotFound: the handler is cancelled then. Raises Refused, Unavailable, BadAnswer.
        """
        await self._lease.renew(state)

    async def reschedule(
        self,
        *,
        payload: Any | Unchanged = UNCHANGED,
        state: Any = None,
        timeout_s: int | None = None,
        max_retries: int | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
    ) -> None:
        """Have the job wait again instead of being completed, as `AsyncClient.reschedule` does.

        It may be in other hands as soon as this returns; the handler should be about to end.
        """
        await self._client.reschedule(
            self.job,
            payload=payload,
            state=state,
            timeout_s=timeout_s,
            max_retries=max_retries,
            run_at=run_at,
            priority=priority,
        )
        self.is_rescheduled = True
