"""Group commit: many submitters, one transaction at a time (design §4).

There is no timer. The service task takes what was submitted while the previous commit was under way, so
an idle store commits a single push at once and a busy one commits many together.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import trio
from attrs import define, field

from trioworq.stores.claims import Claim, Claimant, Taker
from trioworq.stores.commits import Commits
from trioworq.stores.interface import StoreUnavailable
from trioworq.stores.operations import EnqueueJobs, Operation, PushJobs, rows, turn, weight

# Rows bound the time that a transaction keeps others waiting, bytes its memory.
BATCH_ROWS = 500
BATCH_BYTES = 8 * 1024 * 1024
# Only what claims and takes ask for is known before the transaction, and it may be a thousand jobs each.
CLAIMED_ROWS = 5000
QUEUED_ROWS = 10_000
QUEUED_BYTES = 64 * 1024 * 1024

# How long a closing store goes on committing what it has accepted.
CLOSING_S = 10.0

# What stands for a claim until its claimant is asked.
NOTHING_YET = Claim(queue="", epoch=0, limit=0, now_ms=0)

Apply = Callable[[Sequence[Operation]], Awaitable[Sequence[object]]]


class BatchRejected(Exception):
    """Raised by an `Apply` that rolled everything back because some operation can never be carried out.

    `reason` is what the submitter of that operation is told, once it has been tried alone.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


@define(eq=False)
class _Submission:
    """An operation on its way, and the task that waits for its outcome; None once it has it or has left."""

    operation: Operation
    task: trio.lowlevel.Task | None
    size: int = field(init=False)
    outcome: object = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.size = weight(self.operation)

    def begin(self) -> bool:
        """Settle what was left open until the transaction; return whether there is anything to do in it."""
        if isinstance(self.operation, PushJobs):
            self.operation.begin()
        return True

    def answer(self, outcome: object) -> None:
        """Let start what was stored to start at once, and wake the submitter, if it still waits."""
        if isinstance(self.operation, PushJobs):
            self.operation.end(None if isinstance(outcome, Exception) else cast("list[object]", outcome))
        if self.task is not None:
            self.outcome = outcome
            trio.lowlevel.reschedule(self.task)
            self.task = None


@define(eq=False)
class _Claiming(_Submission):
    """A claim in every transaction, until the claimant has enough."""

    claimant: Claimant | Taker
    limit: int = field(init=False, default=0)

    def begin(self) -> bool:
        """Ask the claimant; with nothing to claim the submitter is answered."""
        claim = self.claimant.ask()
        if claim is None:
            self.answer(None)
            return False
        self.operation, self.limit = claim, claim.limit
        return True


class Batcher:
    """Collects operations and applies them batch by batch, one batch in flight.

    `apply` carries out a sequence of operations in one transaction and returns their outcomes in order;
    an outcome that is an exception is raised to its submitter. It raises BatchRejected when one bad
    operation spoilt the transaction (then each is applied alone, so that none fails its neighbours), and
    StoreUnavailable when nothing was stored (then every submitter of the batch gets that). Whatever else
    it raises ends the service.
    """

    def __init__(
        self,
        apply: Apply,
        *,
        batch_rows: int = BATCH_ROWS,
        batch_bytes: int = BATCH_BYTES,
        queued_rows: int = QUEUED_ROWS,
        queued_bytes: int = QUEUED_BYTES,
    ) -> None:
        self._apply = apply
        self._batch_rows = batch_rows
        self._batch_bytes = batch_bytes
        self._queued_rows = queued_rows
        self._queued_bytes = queued_bytes
        self._outside: deque[_Submission] = deque()  # waiting for room in the queue
        self._queue: deque[_Submission] = deque()  # accepted, not yet taken
        self._size = 0  # of the queue, in bytes
        self._in_flight: list[_Submission] = []
        self._idle = trio.lowlevel.ParkingLot()
        self._scope = trio.CancelScope(shield=True)
        self._is_closing = False
        self.commits = Commits()

    async def submit(self, operation: Operation) -> Any:
        """Hand over an operation; return its outcome after the commit, or raise it.

        Waits its turn while the queue is full. Raises StoreUnavailable when nothing was stored, or when
        the store closes before it could be.

        If cancelled: a push or an enqueue that no transaction has taken yet is dropped, since its client is
        gone, and so is anything still waiting for room. Everything else is carried out, with nobody to tell.
        """
        return await self._outcome_of(_Submission(operation, trio.lowlevel.current_task()))

    async def claim(self, claimant: Claimant | Taker) -> None:
        """Claim in each transaction until nothing is asked for; see `interface.Store.claim` and `take`."""
        await self._outcome_of(_Claiming(NOTHING_YET, trio.lowlevel.current_task(), claimant))

    async def _outcome_of(self, submission: _Submission) -> Any:
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._is_closing:
            raise StoreUnavailable("the store is closing")
        self._outside.append(submission)
        self._admit()
        if self._idle:
            self._idle.unpark()

        def abandon(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._abandon(submission)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abandon)
        if isinstance(submission.outcome, Exception):
            raise submission.outcome
        return submission.outcome

    async def run(self) -> None:
        """Apply what is submitted until `close`, then what is left, for at most `CLOSING_S` seconds.

        Cancellation from outside is not heeded: who opened the store must `close` it, in a `finally`. Hence
        no `task_status`: a start that is cancelled would wait for this to end before that `finally`.
        """
        with self._scope:
            try:
                while await self._wait_for_work():
                    self._take()
                    await self._commit(self._in_flight)
            finally:
                self._is_closing = True
                self._turn_away()

    def close(self) -> None:
        """Accept nothing more; let `run` finish what was accepted and return."""
        self._is_closing = True
        self._scope.deadline = trio.current_time() + CLOSING_S
        self._idle.unpark_all()

    async def _wait_for_work(self) -> bool:
        # No checkpoint while there is work: the next transaction is under way while those who have just
        # been answered act on it.
        if not self._queue:
            await trio.lowlevel.checkpoint()
        while not self._queue and not self._is_closing:
            await self._idle.park()
        return bool(self._queue)

    def _admit(self) -> None:
        while self._outside and len(self._queue) < self._queued_rows:
            size = self._outside[0].size
            if self._queue and self._size + size > self._queued_bytes:
                break
            self._queue.append(self._outside.popleft())
            self._size += size

    def _take(self) -> None:
        """Move a batch from the queue into flight; at least one operation, however large.

        What it holds was waiting at the same time, so any order is a right one. What comes back goes first,
        then pushes, so that a claim finds the jobs of its own batch, and no start overtakes one that is due.
        """
        batch: list[_Submission] = []
        count = size = 0
        while self._queue:
            count += rows(self._queue[0].operation)
            size += self._queue[0].size
            if batch and (count > self._batch_rows or size > self._batch_bytes):
                break
            batch.append(self._queue.popleft())
            self._size -= batch[-1].size
        # Claims are asked for first: where there is one, no push to its queue may start at once.
        self._in_flight = self._begin_claims([each for each in batch if isinstance(each, _Claiming)])
        self._in_flight += [each for each in batch if not isinstance(each, _Claiming) and each.begin()]
        self._in_flight.sort(key=lambda submission: turn(submission.operation))
        self._admit()

    def _begin_claims(self, claims: Sequence["_Claiming"]) -> list[_Submission]:
        """Ask claimants, one at least, until they want so much that the rest is for the next batch."""
        begun: list[_Submission] = []
        wanted = 0
        for place, claiming in enumerate(claims):
            if wanted >= CLAIMED_ROWS:
                self._queue.extendleft(reversed(claims[place:]))
                self._size += sum(each.size for each in claims[place:])
                break
            if claiming.begin():
                begun.append(claiming)
                wanted += claiming.limit
        return begun

    async def _commit(self, batch: list[_Submission]) -> None:
        if not batch:
            return
        started_at_s = trio.current_time()
        try:
            outcomes = await self._apply([submission.operation for submission in batch])
        except StoreUnavailable as error:
            self.commits.failed()
            for submission in batch:
                submission.answer(_copy(error))
        except BatchRejected as rejection:
            self.commits.failed()
            if len(batch) == 1:
                batch[0].answer(rejection.reason)
                return
            for submission in batch:
                await self._commit([submission])
        else:
            self.commits.succeeded(len(batch), trio.current_time() - started_at_s)
            for submission, outcome in zip(batch, outcomes, strict=True):
                self._end(submission, outcome)

    def _end(self, submission: _Submission, outcome: object) -> None:
        if not isinstance(submission, _Claiming):
            submission.answer(outcome)
            return
        submission.claimant.take(cast("list[Any]", outcome))
        if submission.task is not None:
            self._queue.append(submission)
            self._size += submission.size

    def _abandon(self, submission: _Submission) -> None:
        submission.task = None
        is_droppable = isinstance(submission, _Claiming) or isinstance(
            submission.operation, PushJobs | EnqueueJobs
        )
        if submission in self._outside:
            self._outside.remove(submission)
        elif is_droppable and submission in self._queue:
            self._queue.remove(submission)
            self._size -= submission.size
            self._admit()

    def _turn_away(self) -> None:
        for submission in (*self._in_flight, *self._queue, *self._outside):
            submission.answer(StoreUnavailable("the store has closed"))
        self._in_flight = []
        self._queue.clear()
        self._outside.clear()


def _copy(error: StoreUnavailable) -> StoreUnavailable:
    """A raised exception collects the traceback of who raised it, so each submitter gets its own."""
    copy = StoreUnavailable(*error.args)
    copy.__cause__ = error
    return copy
