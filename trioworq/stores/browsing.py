"""What a store shows to people who look around; a part of `interface`, whose rules hold here too."""

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter, FailureGroup
from trioworq.core.jobs import FailedJob, FinishedJob, Job, Kind
from trioworq.core.load import LoadSpread, QueueEnded, SpreadQuery
from trioworq.core.nodes import LiveNode
from trioworq.core.pull import PullJob
from trioworq.core.queues import Owner
from trioworq.core.results import Result
from trioworq.stores.lists import JobSet, Page

# How many jobs one search goes through at most: what it has found by then is its page, be it nothing, and the
# next one goes on from there. So no search is a look at all of a million jobs.
SEARCHED_JOBS = 20_000


@frozen(kw_only=True)
class JobSearch:
    """One page of one set of a queue's jobs, ascending by (next_try, id), from `cursor` on, inclusive.

    Of pull jobs their run_at stands for next_try. `category` is the whole one, `text` part of the URL or of
    the key, whatever the case of its ASCII letters.
    """

    kind: Kind
    queue: str
    jobs: JobSet
    now_ms: int
    limit: int
    cursor: Cursor | None = None
    category: str | None = None
    text: str | None = None


@frozen(kw_only=True)
class FinishedSearch:
    """One page of a queue's finished jobs, descending by (ended_at, job_id), from `cursor` on, inclusive."""

    kind: Kind
    queue: str
    limit: int
    cursor: Cursor | None = None
    category: str | None = None
    text: str | None = None


class BrowsedStore(Protocol):
    """Queues and jobs as people look for them, and the nodes that work on them."""

    # Jobs

    async def search_jobs(self, search: JobSearch) -> Page[Job | PullJob]:
        """Return one page of jobs that have not ended; goes through SEARCHED_JOBS at most."""
        ...

    async def search_finished(self, search: FinishedSearch) -> Page[FinishedJob]:
        """Return one page of the history; goes through SEARCHED_JOBS at most."""
        ...

    async def last_error(self, job_id: int) -> Result | None:
        """Return what the last attempt came to at a push job that is tried again; None for all others."""
        ...

    async def hasten(self, job_id: int, now_ms: int) -> Job | PullJob | None:
        """Have a job of either kind that waits, and is due later, be due now; return it as it is then.

        One that is due already is returned as it is. None, with nothing changed, when there is no such job or
        it runs.
        """
        ...

    # Failures

    async def newest_failures(
        self, wanted: FailureFilter, cursor: Cursor | None, limit: int
    ) -> Page[FailedJob]:
        """Return one page of failures of both kinds, newest first by id, from `cursor` on, inclusive.

        Of the cursor only the id counts. Goes through SEARCHED_JOBS at most.
        """
        ...

    async def failure_groups(self, wanted: FailureFilter, limit: int) -> list[FailureGroup]:
        """Return the groups of failures, those with the most first, of equals that with the newest failure.

        Without a text index-only.
        """
        ...

    async def count_ended_by_queue(self) -> list[QueueEnded]:
        """Count failed and finished jobs of each queue that has any; index-only. Order does not matter."""
        ...

    # Load

    async def load_spread(self, query: SpreadQuery) -> LoadSpread:
        """Return the load of several job types over time."""
        ...

    # Nodes

    async def report(self, node_id: str, host: str, report: bytes) -> None:
        """Have a live node be known by its host, and by what it says of itself; nothing if it is not live."""
        ...

    async def nodes(self, now_ms: int) -> list[LiveNode]:
        """Return the nodes that are live, ordered by host and id."""
        ...

    async def owners(self, now_ms: int) -> Mapping[str, Owner]:
        """Return who holds the leases of queues, of those that are held."""
        ...
