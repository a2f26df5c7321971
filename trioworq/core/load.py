"""How many jobs there are, by job type, now and in the past (contract load §4)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from trioworq.core.jobs import Kind


@frozen
class TypeName:
    """What jobs are counted by: push jobs by their category, pull jobs by their queue (load §4.4)."""

    kind: Kind
    name: str


@frozen
class JobType:
    """A job type and the small number that it has for good."""

    id: int
    type: TypeName


@frozen(kw_only=True)
class JobCount:
    """How many jobs of one category (none for pull jobs) one queue has, at one instant.

    `oldest_due_ms` is since when the first of those that wait, and are due, has been due, `priority` the
    least number that one of these has; both are None when none waits.
    """

    kind: Kind
    queue: str
    category: str
    deferred: int = 0
    waiting: int = 0
    running: int = 0
    oldest_due_ms: int | None = None
    priority: int | None = None

    @property
    def type(self) -> TypeName:
        """What type its jobs are of."""
        return TypeName(self.kind, self.category if self.kind is Kind.PUSH else self.queue)


@frozen
class EndedCount:
    """How many jobs are in the failed store, and how many are remembered as finished."""

    failed: int
    finished: int


@frozen(kw_only=True)
class QueueEnded:
    """How many jobs of one queue are in the failed store, and how many are remembered as finished."""

    kind: Kind
    queue: str
    failed: int = 0
    finished: int = 0


@frozen
class Load:
    """Jobs by what they do: deferred, waiting, running (Scale's pending, queued, running)."""

    pending: int = 0
    queued: int = 0
    running: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(self.pending + other.pending, self.queued + other.queued, self.running + other.running)

    @property
    def total(self) -> int:
        """How many jobs there are in all."""
        return self.pending + self.queued + self.running


def load_by_type(counts: Iterable[JobCount]) -> dict[TypeName, Load]:
    """Return the load of each type, those with the most jobs first; types without a job are left out."""
    loads: defaultdict[TypeName, Load] = defaultdict(Load)
    for count in counts:
        loads[count.type] += Load(count.deferred, count.waiting, count.running)
    totals = Counter({name: load.total for name, load in loads.items() if load.total})
    return {name: loads[name] for name, _ in totals.most_common()}


@frozen
class LoadSample:
    """The load at one instant: of everything, and by the numbers of job types."""

    time_ms: int
    total: Load
    by_type: Mapping[int, Load]


@frozen
class LoadPoint:
    """One point of a series."""

    time_ms: int
    load: Load


@frozen(kw_only=True)
class LoadQuery:
    """A series of samples, ascending in time, both ends inclusive.

    With `job_types` each point is the sum of these types alone, zero where they had no jobs.
    """

    first_ms: int
    last_ms: int
    job_types: frozenset[int] | None = None
    offset: int = 0
    limit: int


@frozen(kw_only=True)
class QueuedType:
    """The due jobs of one type that wait (contract load §4.3).

    `queues` are where they wait, the fullest first; `priority` is the least number that one of them has. A
    type is active while it is routed somewhere, and paused when nothing starts in any of the queues.
    """

    type: JobType
    queues: Sequence[str]
    count: int
    oldest_due_ms: int
    priority: int
    is_active: bool
    is_paused: bool


@frozen(kw_only=True)
class SpreadQuery:
    """The load of several job types beside each other, both ends inclusive.

    One sample counts of each `step_ms`, the first; the `most` types with the most jobs in these samples are
    shown by themselves.
    """

    first_ms: int
    last_ms: int
    step_ms: int
    most: int


@frozen
class LoadSpread:
    """The totals of some samples, ascending in time, and of the fullest types, the fullest first.

    Each type has a load for each of the points, zero where it had no jobs.
    """

    points: Sequence[LoadPoint]
    by_type: Mapping[JobType, Sequence[Load]]
