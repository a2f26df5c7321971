"""What a store does for those who look after jobs; a part of `interface`, whose rules hold here too."""

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Protocol

from trioworq.core.failures import FailureFilter, FailureName, Requeued
from trioworq.core.jobs import FailedJob, FinishedJob, Job
from trioworq.core.load import EndedCount, JobCount, JobType, LoadPoint, LoadQuery, LoadSample, TypeName
from trioworq.core.pull import PullJob


class Chore(Enum):
    """What one node of a cluster does for all of them."""

    SAMPLE = "sample"
    PRUNE = "prune"


class ManagedStore(Protocol):
    """Jobs of both kinds: what failed, where one is, how many there are and were."""

    # Failures

    async def failed_jobs(self, wanted: FailureFilter, offset: int, limit: int) -> Sequence[FailedJob]:
        """Return failures of both kinds, the oldest first, from the one at `offset` on.

        At most `limit`, and fewer where they would take more than `interface.PAGE_BYTES`, but one at least if
        there is any. The order is that of the failures' ids.
        """
        ...

    async def count_failures(self, wanted: FailureFilter) -> int:
        """Count failures of both kinds."""
        ...

    async def failure_ids(self, wanted: FailureFilter, after_id: int, until_id: int, limit: int) -> list[int]:
        """Return the first ids of failures, ascending, that are above `after_id` and not above `until_id`.

        At most `limit`, and fewer where their payloads and saved states would take more than
        `claims.CLAIM_BYTES`, but one at least if there is any.
        """
        ...

    async def newest_failure_id(self) -> int:
        """Return the greatest id of a failure; 0 if there is none."""
        ...

    async def retry_failures(self, failure_ids: Sequence[int], now_ms: int) -> list[Requeued | None]:
        """Have failed jobs wait again, due now, in one transaction; None for a failure that is gone.

        Each keeps its job id, its creation, its priority and its payload, gets its retries back, counts
        from 0 again, and loses its failure. Its next attempt is numbered on from its last one, so that no
        old run is taken for a new one (I3). One with an obstacle stays as it is.
        """
        ...

    async def forget_failures(self, failure_ids: Sequence[int]) -> list[FailureName | None]:
        """Remove failures of either kind, in one transaction; None for one that was gone."""
        ...

    async def outdated_failures(self, before_ms: int, limit: int) -> list[int]:
        """Return ids of failures from before a time, `limit` at most."""
        ...

    # Jobs of both kinds

    async def find_job(self, job_id: int) -> Job | PullJob | FailedJob | FinishedJob | None:
        """Return a job wherever it is; one that moves meanwhile is found at one of its places."""
        ...

    async def count_jobs(self, now_ms: int, queue: str | None = None) -> list[JobCount]:
        """Count the jobs that have not ended, by kind, queue and category; index-only.

        With `queue`, only those of queues of that name. Order does not matter.
        """
        ...

    async def count_ended(self, queue: str | None = None) -> EndedCount:
        """Count the jobs in the failed store and in the history, of queues of both kinds; index-only."""
        ...

    # History

    async def outdated_finished(self, before_ms: int, most: int, limit: int) -> list[int]:
        """Return job ids of the history that are to be forgotten, `limit` at most.

        Those that ended before a time, and of each queue (of a kind) the oldest beyond the newest `most`.
        """
        ...

    async def forget_finished(self, job_ids: Sequence[int]) -> None:
        """Remove jobs from the history, in one transaction."""
        ...

    # Load

    async def job_types(self, types: Collection[TypeName] | None = None) -> list[JobType]:
        """Return those of the job types that have a number; with None, all. Order does not matter."""
        ...

    async def name_types(self, types: Collection[TypeName]) -> list[JobType]:
        """Return job types with their numbers, new ones for those without, which are never used twice."""
        ...

    async def add_load(self, sample: LoadSample) -> None:
        """Store a sample; one of the same time takes its place."""
        ...

    async def count_load(self, first_ms: int, last_ms: int) -> int:
        """Count the samples within a time, both ends inclusive."""
        ...

    async def load(self, query: LoadQuery) -> list[LoadPoint]:
        """Return samples. Costs by what is returned, whatever else is kept, but for the offset."""
        ...

    async def forget_load(self, before_ms: int, limit: int) -> int:
        """Remove the oldest samples from before a time, `limit` at most; return how many."""
        ...

    async def take_turn(self, chore: Chore, now_ms: int, period_ms: int) -> bool:
        """Say whether a chore is this node's now: nobody has had it within the period.

        If so, it counts as done at `now_ms`. A last time that lies more than a period ahead does not count:
        the clock has been set back.
        """
        ...
