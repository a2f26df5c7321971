"""The pull side as the web sees it: jobs come in, workers fetch them under a lease, keep it and end it."""

from collections.abc import Callable, Sequence

from trioworq.core.pull import PullJob, PullOrder, Run


class PullJobs:
    """Every pull queue; there are no definitions, a queue is there as long as it has jobs.

    Each method may raise StoreUnavailable, with nothing changed.
    """

    async def enqueue(self, order: PullOrder) -> int:
        """Store a job and return its id once it is durable.

        Raises JobExists, InvalidRequest. If cancelled: it may be stored all the same.
        """
        raise NotImplementedError

    async def enqueue_many(self, orders: Sequence[PullOrder]) -> list[int | None]:
        """Store jobs in one transaction; return their ids, None where a queue has a job of that name.

        Of two in the same call with the same name the first wins. Raises InvalidRequest, with nothing
        stored. If cancelled: all or none of them may be stored all the same.
        """
        raise NotImplementedError

    async def fetch(
        self, queue: str, limit: int, wait_s: float = 0, has_left: Callable[[], bool] = lambda: False
    ) -> list[PullJob]:
        """Hand out up to `limit` due jobs, ordered by (priority, run_at, id).

        When none is due, waits up to `wait_s` for one, or until the daemon stops. `has_left` tells whether
        the client has hung up while it waited: then it is given none. If cancelled: what it would have
        been given goes to others, and counts as never handed out.
        """
        raise NotImplementedError

    async def heartbeat(
        self, queue: str, key: str, saved_state: bytes | None = None, run: Run | None = None
    ) -> None:
        """Keep a lease; `saved_state` None leaves what is saved. Raises NoSuchJob, StaleRun."""
        raise NotImplementedError

    async def complete(self, queue: str, key: str, run: Run | None = None) -> None:
        """End a job for good. Raises NoSuchJob, StaleRun."""
        raise NotImplementedError

    async def reschedule(self, order: PullOrder, run: Run | None = None) -> None:
        """Have a job that is handed out wait again. Raises NoSuchJob, StaleRun, InvalidRequest."""
        raise NotImplementedError

    async def job(self, queue: str, key: str) -> PullJob:
        """Return a job, handed out or not. Raises NoSuchJob."""
        raise NotImplementedError
