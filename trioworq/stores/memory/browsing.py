"""What the in-memory store shows to people who look around."""

import trio

from trioworq.core.cursors import Cursor
from trioworq.core.failures import FailureFilter, FailureGroup
from trioworq.core.jobs import FailedJob, FinishedJob, Job, JobState, Kind
from trioworq.core.load import LoadSpread, QueueEnded, SpreadQuery
from trioworq.core.nodes import LiveNode
from trioworq.core.pull import PullJob
from trioworq.core.queues import Owner
from trioworq.core.results import Result
from trioworq.stores.browsing import FinishedSearch, JobSearch
from trioworq.stores.interface import Page
from trioworq.stores.memory.failures import Failures
from trioworq.stores.memory.groups import group
from trioworq.stores.memory.history import History
from trioworq.stores.memory.load import LoadLog
from trioworq.stores.memory.ownership import Ownership
from trioworq.stores.memory.pull import PullQueues
from trioworq.stores.memory.push import PushQueues


class BrowsedMemory:
    """`browsing.BrowsedStore` in this process's memory."""

    def __init__(
        self,
        *,
        push: PushQueues,
        pull: PullQueues,
        failures: Failures,
        history: History,
        load: LoadLog,
        ownership: Ownership,
    ) -> None:
        self._push = push
        self._pull = pull
        self._failures = failures
        self._history = history
        self._load = load
        self._ownership = ownership

    async def search_jobs(self, search: JobSearch) -> Page[Job | PullJob]:
        """Return one page of jobs that have not ended."""
        await trio.lowlevel.checkpoint()
        return self._push.search(search) if search.kind is Kind.PUSH else self._pull.search(search)

    async def search_finished(self, search: FinishedSearch) -> Page[FinishedJob]:
        """Return one page of the history."""
        await trio.lowlevel.checkpoint()
        return self._history.search(search)

    async def last_error(self, job_id: int) -> Result | None:
        """Return what is kept of the last attempt at a job that is tried again."""
        await trio.lowlevel.checkpoint()
        return self._push.last_error(job_id)

    async def hasten(self, job_id: int, now_ms: int) -> Job | PullJob | None:
        """Have a job that waits be due now; return it."""
        await trio.lowlevel.checkpoint()
        job = self._push.find(job_id) or self._pull.find_id(job_id)
        if job is None or job.state is JobState.RUNNING:
            return None
        return self._push.hasten(job, now_ms) if isinstance(job, Job) else self._pull.hasten(job, now_ms)

    async def newest_failures(
        self, wanted: FailureFilter, cursor: Cursor | None, limit: int
    ) -> Page[FailedJob]:
        """Return one page of failures of both kinds, newest first."""
        await trio.lowlevel.checkpoint()
        return self._failures.newest(wanted, cursor, limit)

    async def failure_groups(self, wanted: FailureFilter, limit: int) -> list[FailureGroup]:
        """Return the groups of failures."""
        await trio.lowlevel.checkpoint()
        return group(self._failures.wanted(wanted), limit)

    async def count_ended_by_queue(self) -> list[QueueEnded]:
        """Count the failures and the history of each queue."""
        await trio.lowlevel.checkpoint()
        failed, finished = self._failures.by_queue(), self._history.by_queue()
        return [
            QueueEnded(kind=kind, queue=queue, failed=failed[kind, queue], finished=finished[kind, queue])
            for kind, queue in failed.keys() | finished.keys()
        ]

    async def load_spread(self, query: SpreadQuery) -> LoadSpread:
        """Return the load of several job types over time."""
        await trio.lowlevel.checkpoint()
        return self._load.spread(query)

    async def report(self, node_id: str, host: str, report: bytes) -> None:
        """Keep what a live node says of itself."""
        await trio.lowlevel.checkpoint()
        self._ownership.report(LiveNode(node_id, host, report))

    async def nodes(self, now_ms: int) -> list[LiveNode]:
        """Return the nodes that are live."""
        await trio.lowlevel.checkpoint()
        return self._ownership.nodes(now_ms)

    async def owners(self, now_ms: int) -> dict[str, Owner]:
        """Return who holds the leases of queues."""
        await trio.lowlevel.checkpoint()
        return self._ownership.owners(now_ms)
