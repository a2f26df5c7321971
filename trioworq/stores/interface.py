"""What a store does. Everything above this folder knows stores by this file, those whose parts are put
together here, and `claims` alone.

Every method may be cancelled: only the caller's waiting ends. A write that was handed over is carried
out or not carried out as a whole, and a write whose caller is still there is answered after it is
durable. Times come from the caller's clock, in UTC milliseconds; the store has none of its own but
`clock_ms`.

Errors, wherever a store is asked:

    StoreError
    ├─ StoreUnavailable    out of reach or too slow for now; nothing was stored; asking again may work
    └─ StoreBroken         will not work until somebody mends it
       └─ StoreRefused     cannot be opened as configured; the message says what to do
"""

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Protocol

from attrs import frozen

from trioworq.core.cursors import Cursor
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import FailedJob, Job, Kind
from trioworq.core.leases import Held, Hold
from trioworq.core.pull import NewPullJob, PullChange, PullJob, TimedOut, Verdict
from trioworq.core.queues import Owner, QueueDefinition, Revision
from trioworq.core.retry import Settlement
from trioworq.core.routing import Routing
from trioworq.core.suspicion import Peer
from trioworq.stores.browsing import BrowsedStore
from trioworq.stores.claims import Claimant, Push, Taker
from trioworq.stores.commits import Commits
from trioworq.stores.lists import PAGE_BYTES as PAGE_BYTES
from trioworq.stores.lists import JobSet as JobSet
from trioworq.stores.lists import Page as Page
from trioworq.stores.managing import ManagedStore


class StoreError(Exception):
    """A store could not do what it was asked."""


class StoreUnavailable(StoreError):
    """Out of reach or too slow for now; asking again may work."""


class StoreBroken(StoreError):
    """Will not work until somebody mends it."""


class StoreRefused(StoreBroken):
    """The store cannot be opened as configured; the message is one line and says what to do."""


class FailureOrder(Enum):
    """The two orders of the failure log, newest first in both (contract §1.11)."""

    FAILED = "failed"
    CREATED = "created"


@frozen
class Outlook:
    """What pull jobs are going to ask for: when a lease ends first, of all queues, and when the first
    waiting job of each of the queues is due; nothing for a queue where none waits.
    """

    first_lease_end_ms: int | None
    first_tries_ms: Mapping[str, int]


@frozen
class JobQuery:
    """One page of one set of a queue's jobs, ordered by (next_try, id), from `cursor` on, inclusive."""

    queue: str
    jobs: JobSet
    now_ms: int
    limit: int
    cursor: Cursor | None = None
    ascending: bool = False


@frozen
class FailureQuery:
    """One page of the failures of a queue of the given kind, newest first, from `cursor` on, inclusive.

    Ordered by failure id, or by (created_at, failure id); in the first order only the cursor's id counts.
    """

    queue: str
    limit: int
    order: FailureOrder = FailureOrder.FAILED
    cursor: Cursor | None = None
    kind: Kind = Kind.PUSH


@frozen
class Sighting:
    """What a look at the others shows.

    `free` are the defined queues whose leases have ended; `deletions` grows whenever a running job is
    deleted, `pauses` whenever a queue is paused or resumed.
    """

    peers: Sequence[Peer]
    free: frozenset[str]
    deletions: int
    pauses: int


@frozen
class Schema:
    """The version of a store's schema, and the one that this program needs."""

    found: int
    needed: int

    @property
    def is_right(self) -> bool:
        """Whether this program can work with it. A newer release's is no reason to stop those that run."""
        return self.found >= self.needed


class Store(ManagedStore, BrowsedStore, Protocol):
    """Durable state: jobs, failures, definitions, ownership, and all that looking after them needs."""

    # Push jobs

    async def push(self, pushes: Sequence[Push]) -> list[Job | InvalidRequest]:
        """Store jobs in one transaction; return each as it was stored, or why it does not fit.

        Ids grow in the order of the pushes, and no other job has had them or will. A job that its offer
        keeps a slot for is stored as running, but only if the epoch is the queue's current one (I7) and
        no job that is due by then waits (I9).
        """
        ...

    async def claim(self, claimant: Claimant) -> None:
        """Mark due jobs as running and hand them over, one transaction after the other.

        Returns when the claimant asks for nothing more; what it asks for shares its transactions with
        other writes, and the next claim goes into the very next one. If cancelled: what is under way is
        carried out and handed over all the same.
        """
        ...

    async def settle(self, settlement: Settlement) -> bool:
        """End an attempt as the settlement says, in one transaction with all that follows from it.

        That includes what a completion wants to be remembered.

        Returns False, with nothing changed, when the job is gone or that attempt is no longer the
        running one (I3). Safe to repeat.
        """
        ...

    async def job(self, queue: str, job_id: int) -> Job | None:
        """Return a job that has not ended."""
        ...

    async def jobs(self, query: JobQuery) -> Page[Job]:
        """Return one page of a list."""
        ...

    async def delete_job(self, queue: str, job_id: int) -> Job | None:
        """Remove a job, running or not, and return it as it was; None when there is none."""
        ...

    async def due_queues(self, now_ms: int) -> list[str]:
        """Name the defined queues that have at least one job to claim; one statement for all of them."""
        ...

    # Pull jobs

    async def enqueue(self, jobs: Sequence[NewPullJob]) -> list[int | None]:
        """Store jobs in one transaction; return each one's id, None where its queue has one of that key.

        Of two with the same key the first wins. Raises InvalidRequest, with nothing stored, when one of them
        does not fit. Ids grow in the order of the jobs; push jobs have theirs from the same numbers.
        """
        ...

    async def take(self, taker: Taker) -> None:
        """Hand out due pull jobs, one transaction after the other; for the rest as `claim`.

        Any node may take from any queue at any time: each job goes to one taker (I3).
        """
        ...

    async def change(self, change: PullChange) -> Verdict:
        """Carry out a change if `core.pull.judge` lets it; else nothing changes. Raises InvalidRequest."""
        ...

    async def expire_leases(self, now_ms: int, limit: int) -> list[TimedOut]:
        """End leases that ended before `now_ms`, at most `limit` of them, in one transaction.

        Jobs wait again as before, with one retry less, or move to the failed store when they have none
        left. Two nodes that do this at the same time end each lease once.
        """
        ...

    async def outlook(self, queues: Collection[str]) -> Outlook:
        """Return what is next; cheap enough for several times a second."""
        ...

    async def pull_job(self, queue: str, key: str) -> PullJob | None:
        """Return a pull job that has not ended."""
        ...

    # Failures

    async def failures(self, query: FailureQuery) -> Page[FailedJob]:
        """Return one page of the failure log."""
        ...

    async def failure(self, queue: str, failure_id: int) -> FailedJob | None:
        """Return an entry of a push queue's failure log."""
        ...

    async def delete_failure(self, queue: str, failure_id: int) -> FailedJob | None:
        """Remove an entry of a push queue's failure log and return it; None when there is none."""
        ...

    # Definitions

    async def queues(self) -> list[QueueDefinition]:
        """Return the defined queues, ordered by the bytes of their names."""
        ...

    async def queue(self, name: str) -> QueueDefinition | None:
        """Return a queue's definition."""
        ...

    async def put_queue(self, definition: QueueDefinition) -> bool:
        """Define a queue or replace its definition; True, and a new revision, if that changed anything."""
        ...

    async def add_queue(self, definition: QueueDefinition) -> bool:
        """Define a queue unless it is defined already; True, and a new revision, if it was not."""
        ...

    async def delete_queue(self, name: str) -> QueueDefinition | None:
        """Remove a definition and return it. Routings, jobs and failures stay (contract §1.5)."""
        ...

    async def routings(self) -> list[Routing]:
        """Return the routings, ordered by the bytes of (queue, category)."""
        ...

    async def put_routing(self, routing: Routing) -> bool:
        """Route a category or re-route it; True, and a new revision, if that changed anything.

        Raises NoSuchQueue, with nothing changed, when the queue is not defined.
        """
        ...

    async def delete_routing(self, category: str) -> Routing | None:
        """Remove a routing and return it; None when there is none."""
        ...

    async def set_paused(self, kind: Kind, queue: str, *, is_paused: bool) -> bool:
        """Pause or resume a queue; True, and a new count of `pauses`, if that changed anything.

        Raises NoSuchQueue for a push queue that is not defined. A deleted definition takes its pause along.
        """
        ...

    async def paused_queues(self) -> frozenset[tuple[Kind, str]]:
        """Return the queues that are paused."""
        ...

    async def revision(self) -> Revision:
        """Return the counts that tell whether definitions or routings have changed since."""
        ...

    # Ownership

    async def hold(self, hold: Hold) -> Held:
        """Take or renew the leases of the named queues, each node its share; return which are held now.

        A lease that another node holds and that has not ended is left to it. A lease taken over starts
        a new epoch, and in the same transaction the jobs that were running go back to waiting with
        nothing counted against them (contract §1.21, I4, I7).
        """
        ...

    async def give_back(self, node_id: str, now_ms: int, queues: Sequence[str] | None = None) -> None:
        """End the leases of these queues, as far as the node holds them; with None, the node leaves."""
        ...

    async def look_round(self, now_ms: int) -> Sighting:
        """Look at the other nodes and at what they have let go; cheap enough for several times a second."""
        ...

    async def missing_jobs(self, job_ids: Sequence[int]) -> set[int]:
        """Return which of these jobs are no longer there."""
        ...

    async def owner(self, queue: str, now_ms: int) -> Owner | None:
        """Return who holds the lease of a queue at `now_ms`."""
        ...

    # Health

    async def schema(self) -> Schema:
        """Read the version of the schema, the least that can be asked of a store."""
        ...

    @property
    def commits(self) -> Commits:
        """What has been committed since the store was opened; nothing where there are no transactions."""
        ...

    # Time

    async def clock_ms(self) -> int | None:
        """Return the time of the store's own clock; None where the store shares this machine's."""
        ...
