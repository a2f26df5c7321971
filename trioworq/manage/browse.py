"""Queues and jobs as people look for them: page by page, so that each job is shown once."""

from collections.abc import Sequence

from trioworq.clock import Clock
from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter, FailureGroup
from trioworq.core.jobs import FailedJob, FinishedJob, Job
from trioworq.core.load import LoadSpread, QueueEnded, SpreadQuery
from trioworq.core.nodes import QueueName
from trioworq.core.pull import PullJob
from trioworq.manage.shared import SharedRead
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.interface import JobSet, Page, Store


class JobBrowser:
    """Lists of jobs. Each method may raise StoreUnavailable.

    A page may have no items and still not be the last, where a search has gone through many jobs in vain.
    """

    def __init__(self, store: Store, clock: Clock, ended: SharedRead[list[QueueEnded]]) -> None:
        self._store = store
        self._clock = clock
        self._ended = ended

    async def jobs(
        self,
        queue: QueueName,
        jobs: JobSet,
        limit: int,
        *,
        cursor: Cursor | None = None,
        category: str | None = None,
        text: str | None = None,
    ) -> Page[Job | PullJob]:
        """Return a page of jobs that have not ended, those that are due first, first.

        `category` is the whole one, `text` part of the URL or the key.
        """
        return await self._store.search_jobs(
            JobSearch(
                kind=queue.kind,
                queue=queue.name,
                jobs=jobs,
                now_ms=self._clock.now_ms(),
                limit=limit,
                cursor=cursor,
                category=category,
                text=text,
            )
        )

    async def finished(
        self,
        queue: QueueName,
        limit: int,
        *,
        cursor: Cursor | None = None,
        category: str | None = None,
        text: str | None = None,
    ) -> Page[FinishedJob]:
        """Return a page of finished jobs, the latest first."""
        return await self._store.search_finished(
            FinishedSearch(
                kind=queue.kind, queue=queue.name, limit=limit, cursor=cursor, category=category, text=text
            )
        )

    async def failures(
        self, wanted: FailureFilter, limit: int, cursor: Cursor | None = None
    ) -> Page[FailedJob]:
        """Return a page of failures of both kinds, the newest first."""
        return await self._store.newest_failures(wanted, cursor, limit)

    async def groups(self, wanted: FailureFilter, limit: int) -> Sequence[FailureGroup]:
        """Return failures by queue, category and error, those with the most first."""
        return await self._store.failure_groups(wanted, limit)

    async def ended(self) -> Sequence[QueueEnded]:
        """Count failed and finished jobs by queue, once for all who ask at the same time."""
        return await self._ended.get()

    async def load(self, query: SpreadQuery) -> LoadSpread:
        """Return the load of the fullest job types over time."""
        return await self._store.load_spread(query)
