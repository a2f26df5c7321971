"""The load over time, and the jobs that wait, by job type (contract load §4.2, §4.3)."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from attrs import frozen

from trioworq.clock import Clock
from trioworq.core.errors import NoSuchRoute
from trioworq.core.jobs import DEFAULT_PRIORITY, Kind
from trioworq.core.load import JobCount, JobType, LoadPoint, LoadQuery, QueuedType, TypeName
from trioworq.dispatch.routings import Routings
from trioworq.manage.shared import SharedRead
from trioworq.manage.types import number
from trioworq.pauses import Pauses
from trioworq.stores.interface import Store


@frozen(kw_only=True)
class TypeFilter:
    """Which job types count; an empty set leaves all in, of several each has to let a type in.

    `categories` are the queues that types are routed to by now, `priorities` those of these queues.
    """

    ids: frozenset[int] = frozenset()
    kinds: frozenset[Kind] = frozenset()
    names: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    priorities: frozenset[int] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything in."""
        return not (self.ids or self.kinds or self.names or self.categories or self.priorities)


class LoadBoard:
    """What samples and counts show. Each method may raise StoreUnavailable."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        counts: SharedRead[list[JobCount]],
        routings: Routings,
        pauses: Pauses,
    ) -> None:
        self._store = store
        self._clock = clock
        self._counts = counts
        self._routings = routings
        self._pauses = pauses

    def now_ms(self) -> int:
        """Return the time by which jobs are due."""
        return self._clock.now_ms()

    async def series(
        self, first_ms: int, last_ms: int, types: TypeFilter, offset: int, limit: int
    ) -> tuple[int, Sequence[LoadPoint]]:
        """Return how many samples there are within a time, both ends inclusive, and some of them, ascending.

        A filter leaves no sample out: where no job of its types was there, the point is zero.
        """
        count = await self._store.count_load(first_ms, last_ms)
        if offset >= count:
            return count, ()
        query = LoadQuery(
            first_ms=first_ms,
            last_ms=last_ms,
            job_types=None if types.is_empty else await self._matching(types),
            offset=offset,
            limit=limit,
        )
        return count, await self._store.load(query)

    async def queued_types(self) -> Sequence[QueuedType]:
        """Return the types of which jobs wait that are due: those that start first, first."""
        waiting: defaultdict[TypeName, list[JobCount]] = defaultdict(list)
        for count in await self._counts.get():
            if count.waiting:
                waiting[count.type].append(count)
        defined = {definition.name for definition in await self._store.queues()}
        types = await number(self._store, waiting)
        queued = [self._queued(job_type, waiting[job_type.type], defined) for job_type in types]
        return sorted(queued, key=_place)

    async def _matching(self, types: TypeFilter) -> frozenset[int]:
        """Return the numbers of those types that a filter lets in."""
        priorities = {definition.name: definition.priority for definition in await self._store.queues()}

        def is_wanted(job_type: JobType) -> bool:
            queue = self._queue_of(job_type.type)
            priority = DEFAULT_PRIORITY
            if job_type.type.kind is Kind.PUSH and queue is not None:
                priority = priorities.get(queue, DEFAULT_PRIORITY)
            return (
                (not types.ids or job_type.id in types.ids)
                and (not types.kinds or job_type.type.kind in types.kinds)
                and (not types.names or job_type.type.name in types.names)
                and (not types.categories or queue in types.categories)
                and (not types.priorities or priority in types.priorities)
            )

        return frozenset(job_type.id for job_type in await self._store.job_types() if is_wanted(job_type))

    def _queue_of(self, job_type: TypeName) -> str | None:
        """Return where jobs of a type go by now; None where none is taken."""
        if job_type.kind is Kind.PULL:
            return job_type.name
        try:
            return self._routings.queue_of(job_type.name)
        except NoSuchRoute:
            return None

    def _queued(self, job_type: JobType, counts: Sequence[JobCount], defined: Collection[str]) -> QueuedType:
        kind = job_type.type.kind
        fullest = sorted(counts, key=lambda count: (-count.waiting, count.queue))
        return QueuedType(
            type=job_type,
            queues=[count.queue for count in fullest],
            count=sum(count.waiting for count in counts),
            oldest_due_ms=min(count.oldest_due_ms for count in counts if count.oldest_due_ms is not None),
            priority=min(count.priority for count in counts if count.priority is not None),
            is_active=self._queue_of(job_type.type) is not None,
            is_paused=all(
                self._pauses.is_paused(kind, count.queue)
                or (kind is Kind.PUSH and count.queue not in defined)
                for count in counts
            ),
        )


def _place(queued: QueuedType) -> tuple[bool, int, int, int]:
    return queued.is_paused, queued.priority, queued.oldest_due_ms, queued.type.id
