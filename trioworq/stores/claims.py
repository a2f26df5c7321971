"""What is settled when a transaction begins: which jobs start with it, and who takes how many (design §4).

Those who ask a store for jobs are asked back by it, as late as can be, how many they have room for by then.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import frozen

from trioworq.core.jobs import DEFAULT_PRIORITY, Job, NewJob
from trioworq.core.pull import PullJob

# A claim is a transaction, and others wait for it: it ends with the job whose payload fills this.
CLAIM_BYTES = 8 * 1024 * 1024


class Start(Protocol):
    """A worker slot kept for a job while it is being stored (direct start, design §4).

    Exactly one of the two methods is called, once the outcome is durable or known to be none. Neither
    waits or raises.
    """

    @property
    def epoch(self) -> int:
        """The epoch under which the job is to start."""
        ...

    def begin(self, job: Job) -> None:
        """The job is stored as running: its attempt is in this node's hands."""
        ...

    def withdraw(self) -> None:
        """The job was stored to wait, or not at all."""
        ...


# Asked when a job's transaction begins, in the order of the jobs to come; None lets the job wait. Does not
# wait or raise.
Offer = Callable[[], Start | None]


@frozen
class Push:
    """A job to store, and who may start it at once."""

    job: NewJob
    offer: Offer | None = None


@frozen
class Claim:
    """A request for up to `limit` due jobs of a queue that the asking node owns under `epoch`.

    `priority` is what most of the queue's jobs have: a store may look there first. It changes nothing else.
    """

    queue: str
    epoch: int
    limit: int
    now_ms: int
    priority: int = DEFAULT_PRIORITY


class Claimant(Protocol):
    """Takes due jobs of a queue, as many at a time as it has room for. Neither method waits or raises."""

    def ask(self) -> Claim | None:
        """Say what to claim in the transaction that begins; None for nothing more."""
        ...

    def take(self, jobs: Sequence[Job]) -> None:
        """Take what was claimed: the jobs are running, durably, and in this node's hands.

        They are ordered by (priority, next_try, id). There are fewer than the claim's limit when no more
        are due, or when their payloads have `CLAIM_BYTES`, and none when the epoch is not the queue's
        current one (I7). Every job's `attempt` has grown by one.
        """
        ...


@frozen
class Take:
    """A request for up to `limit` due pull jobs of a queue, for workers that wait for them on this node."""

    queue: str
    limit: int
    now_ms: int


class Taker(Protocol):
    """Takes due pull jobs of a queue for those who wait for them. Neither method waits or raises."""

    def ask(self) -> Take | None:
        """Say what to take in the transaction that begins; None for nothing more."""
        ...

    def take(self, jobs: Sequence[PullJob]) -> None:
        """Take what was found: the jobs are running, durably, each with a lease from the take's `now_ms` on.

        It begins later where the store kept the take waiting. The jobs are ordered by (priority, run_at, id),
        and no one else is given them. There are fewer than the take's limit when no more are due, or when
        their payloads have `CLAIM_BYTES`. Every job's `attempt` has grown by one.
        """
        ...
