"""Group commit: every submitter gets the outcome of its own operation, and only after the commit."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache
from typing import Any

import pytest
import trio
from attrs import define, evolve, field
from trio.testing import wait_all_tasks_blocked

from tests.stores.nodes import Starter
from trioworq.core.errors import InvalidRequest, NoSuchQueue
from trioworq.core.jobs import Job, NewJob, Payload, PayloadForm
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Completed, Failed, Released, Retried
from trioworq.stores.batching import CLOSING_S, Batcher, BatchRejected
from trioworq.stores.interface import Claim, Hold, Push, StoreUnavailable
from trioworq.stores.operations import Operation, PushJobs, weight


def echo(operation: Operation) -> object:
    return [operation] if isinstance(operation, PushJobs) else operation


class Ledger:
    """A scripted database: commits when let, and keeps what it committed, batch by batch."""

    def __init__(self) -> None:
        self.begun: list[list[Operation]] = []
        self.batches: list[list[Operation]] = []
        self.attempts = 0
        self.errors: list[Exception | None] = []
        self.outcome: Callable[[Operation], object] = echo
        self.gate = trio.Event()
        self.gate.set()
        self.bad: Operation | None = None

    async def apply(self, operations: Sequence[Operation]) -> list[object]:
        self.begun.append(list(operations))
        await self.gate.wait()
        await trio.lowlevel.checkpoint()
        self.attempts += 1
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        if self.bad in operations:
            raise BatchRejected(InvalidRequest("too long"))
        self.batches.append(list(operations))
        return [self.outcome(operation) for operation in operations]

    @property
    def committed(self) -> list[Operation]:
        return [operation for batch in self.batches for operation in batch]


def job(number: int, size: int = 0) -> NewJob:
    return NewJob("q", "c", f"http://w/{number}", Payload(PayloadForm.TEXT, b"x" * size), 0, 0)


@cache
def push(number: int, size: int = 0) -> PushJobs:
    """Return the push of this number; the same one whenever it is asked for."""
    return PushJobs([Push(job(number, size))])


def done(job_id: int) -> Completed:
    return Completed(job_id, 1)


async def submit_into(batcher: Batcher, operation: Operation, answers: dict[Operation, Any]) -> None:
    try:
        answers[operation] = await batcher.submit(operation)
    except (StoreUnavailable, InvalidRequest, NoSuchQueue) as error:
        answers[operation] = error


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


Opener = Callable[..., Awaitable[Batcher]]


@pytest.fixture
async def running(nursery: trio.Nursery, ledger: Ledger) -> AsyncIterator[Opener]:
    """Start batchers on the ledger; they are closed at the end, so that a test that fails does not hang."""
    batchers: list[Batcher] = []

    async def start(**bounds: int) -> Batcher:
        batchers.append(Batcher(ledger.apply, **bounds))
        nursery.start_soon(batchers[-1].run)
        return batchers[-1]

    yield start
    ledger.gate.set()
    for batcher in batchers:
        batcher.close()


async def start_all(
    nursery: trio.Nursery, batcher: Batcher, operations: Sequence[Operation]
) -> dict[Operation, Any]:
    """Submit all in order and wait until each of them waits for its outcome."""
    answers: dict[Operation, Any] = {}
    for operation in operations:
        nursery.start_soon(submit_into, batcher, operation, answers)
        await wait_all_tasks_blocked()
    return answers


async def test_idle_store_commits_a_single_operation_at_once(
    running: Opener, ledger: Ledger, autojump_clock: trio.testing.MockClock
) -> None:
    """No timer holds an operation back: no time passes between submission and outcome."""
    batcher = await running()
    began = trio.current_time()
    assert await batcher.submit(done(1)) == done(1)
    assert trio.current_time() == began


async def test_operations_submitted_during_a_commit_share_the_next_one(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """While one batch is under way the others gather, and then go together, in order."""
    batcher = await running()
    ledger.gate = trio.Event()
    operations = [done(number) for number in range(5)]
    answers = await start_all(nursery, batcher, operations)
    assert answers == {}
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert ledger.batches == [operations[:1], operations[1:]]
    assert answers == {operation: operation for operation in operations}


async def test_batch_is_bounded_in_rows_and_in_bytes(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Neither bound is passed, and one operation above the bytes bound still goes, alone; pushes go first."""
    batcher = await running(batch_rows=3, batch_bytes=2000)
    ledger.gate = trio.Event()
    small = [done(number) for number in range(5)]
    large = [push(1, 1000), push(2, 1000), push(3, 9000)]
    await start_all(nursery, batcher, [done(99), *small, *large])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert [len(batch) for batch in ledger.batches] == [1, 3, 3, 1, 1]
    assert ledger.committed == [done(99), *small[:3], large[0], *small[3:], *large[1:]]


async def test_outcome_that_is_an_exception_is_raised_to_its_submitter_only(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """The neighbours of an operation that found no queue get their own outcomes."""
    ledger.outcome = lambda operation: NoSuchQueue("q") if operation == done(2) else operation
    batcher = await running()
    ledger.gate = trio.Event()
    answers = await start_all(nursery, batcher, [done(0), done(1), done(2), done(3)])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert isinstance(answers.pop(done(2)), NoSuchQueue)
    assert answers == {done(number): done(number) for number in (0, 1, 3)}
    assert len(ledger.batches) == 2


async def test_bad_operation_never_fails_its_neighbours(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """A rejected batch is applied one by one, and only the bad operation's submitter hears of it."""
    ledger.bad = push(2)
    batcher = await running()
    ledger.gate = trio.Event()
    answers = await start_all(nursery, batcher, [push(0), push(1), push(2), push(3)])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert isinstance(answers[push(2)], InvalidRequest)
    assert ledger.committed == [push(0), push(1), push(3)]
    assert [answers[push(number)] for number in (0, 1, 3)] == [[push(0)], [push(1)], [push(3)]]


async def test_unavailable_store_tells_every_submitter_of_the_batch_and_goes_on(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Each gets an exception of its own; the next operation is tried afresh."""
    ledger.errors = [None, StoreUnavailable("locked"), None]
    batcher = await running()
    ledger.gate = trio.Event()
    answers = await start_all(nursery, batcher, [done(0), done(1), done(2)])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    first, second = answers[done(1)], answers[done(2)]
    assert isinstance(first, StoreUnavailable)
    assert isinstance(second, StoreUnavailable)
    assert first is not second
    assert first.args == second.args == ("locked",)
    assert await batcher.submit(done(3)) == done(3)
    assert ledger.committed == [done(0), done(3)]


async def test_unknown_error_ends_the_service_and_tells_everyone_waiting(ledger: Ledger) -> None:
    """A bug in the store is not survived, and nobody is left waiting for ever."""
    ledger.errors = [None, ValueError("a bug")]
    ledger.gate = trio.Event()
    batcher = Batcher(ledger.apply, batch_rows=1)
    answers: dict[Operation, Any] = {}
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="a bug")):
        async with trio.open_nursery() as service, trio.open_nursery() as submitters:
            service.start_soon(batcher.run)
            for number in range(3):
                submitters.start_soon(submit_into, batcher, done(number), answers)
                await wait_all_tasks_blocked()
            ledger.gate.set()
    assert answers[done(0)] == done(0)
    assert isinstance(answers[done(1)], StoreUnavailable)
    assert isinstance(answers[done(2)], StoreUnavailable)
    with pytest.raises(StoreUnavailable):
        await batcher.submit(done(3))


async def submit_and_leave(
    nursery: trio.Nursery, batcher: Batcher, operation: Operation
) -> Callable[[], Awaitable[None]]:
    """Submit, and return a function that cancels the submitter and waits until it has gone."""
    scope, gone = trio.CancelScope(), trio.Event()

    async def submitter() -> None:
        with scope:
            await batcher.submit(operation)
        gone.set()

    nursery.start_soon(submitter)
    await wait_all_tasks_blocked()

    async def leave() -> None:
        scope.cancel()
        await gone.wait()

    return leave


async def test_cancelled_settlement_is_still_applied(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """What a worker has done is recorded even if the task that reports it is cancelled."""
    batcher = await running()
    ledger.gate = trio.Event()
    await start_all(nursery, batcher, [done(0)])
    leave = await submit_and_leave(nursery, batcher, done(1))
    await leave()
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert ledger.committed == [done(0), done(1)]


async def test_cancelled_push_that_no_transaction_has_taken_is_dropped(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Its client is gone and was told nothing, so it need not be stored."""
    batcher = await running()
    ledger.gate = trio.Event()
    await start_all(nursery, batcher, [done(0)])
    leave = await submit_and_leave(nursery, batcher, push(1))
    await leave()
    ledger.gate.set()
    assert await batcher.submit(done(2)) == done(2)
    assert ledger.committed == [done(0), done(2)]


async def test_cancelled_push_in_flight_is_committed_with_its_batch(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Only the waiting ends; the transaction under way is not disturbed."""
    batcher = await running()
    ledger.gate = trio.Event()
    leave = await submit_and_leave(nursery, batcher, push(1))
    await leave()
    assert ledger.committed == []
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert ledger.committed == [push(1)]


@pytest.mark.parametrize("bounds", [{"queued_rows": 2}, {"queued_bytes": 2500}])
async def test_submitters_beyond_the_bound_wait_and_leave_nothing_when_cancelled(
    running: Opener, nursery: trio.Nursery, ledger: Ledger, bounds: dict[str, int]
) -> None:
    """Two fit the queue; the third waits outside: even a settlement is forgotten there, a fourth gets in."""
    batcher = await running(**bounds)
    ledger.gate = trio.Event()
    await start_all(nursery, batcher, [done(0)])
    await start_all(nursery, batcher, [push(1, 800), push(2, 800)])
    leave = await submit_and_leave(nursery, batcher, push(3, 800))
    forget = await submit_and_leave(nursery, batcher, done(4))
    answers = await start_all(nursery, batcher, [push(5, 800)])
    await leave()
    await forget()
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert ledger.batches == [[done(0)], [push(1, 800), push(2, 800)], [push(5, 800)]]
    assert answers == {push(5, 800): [push(5, 800)]}


@pytest.mark.parametrize("bounds", [{"queued_rows": 2}, {"queued_bytes": 1500}])
async def test_leaving_the_queue_makes_room_for_the_next(
    running: Opener, nursery: trio.Nursery, ledger: Ledger, bounds: dict[str, int]
) -> None:
    """A dropped push gives its place, and its bytes, to the first that waits outside."""
    batcher = await running(**bounds)
    ledger.gate = trio.Event()
    await start_all(nursery, batcher, [done(0), done(1)])
    leave = await submit_and_leave(nursery, batcher, push(2, 800))
    await start_all(nursery, batcher, [done(3)])
    await leave()
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert ledger.batches == [[done(0)], [done(1), done(3)]]


def offering(starter: Starter, *numbers: int) -> PushJobs:
    return PushJobs([Push(job(number), starter.offer) for number in numbers])


def stored(operation: Operation) -> object:
    """Answer a push as a store does that starts whatever it may."""
    assert isinstance(operation, PushJobs)
    return [
        push.job.stored(1, is_running=start is not None)
        for push, start in zip(operation.pushes, operation.starts, strict=True)
    ]


async def test_offers_are_asked_when_the_transaction_begins_and_in_order(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """A slot is not kept while its job waits for the commit before it; earlier jobs are asked for first."""
    batcher = await running()
    starter = Starter(1, slots=3)
    ledger.outcome = stored
    ledger.gate = trio.Event()
    first = offering(starter, 1)
    second, third = offering(starter, 2, 3), offering(starter, 4)
    await start_all(nursery, batcher, [first, second, third])
    assert [len(operation.starts) for operation in (first, second, third)] == [1, 0, 0]
    assert starter.slots == 2
    assert starter.begun == []
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert [job.url for job in starter.begun] == ["http://w/1", "http://w/2", "http://w/3"]
    assert starter.withdrawn == 0


async def test_start_is_told_even_if_its_submitter_has_left(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """The job is running in the store, so somebody has to run it."""
    batcher = await running()
    starter = Starter(1)
    ledger.outcome = stored
    ledger.gate = trio.Event()
    leave = await submit_and_leave(nursery, batcher, offering(starter, 1))
    await leave()
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert len(starter.begun) == 1


async def test_push_that_is_dropped_before_its_transaction_asks_nobody(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Without a transaction there is no slot to give back."""
    batcher = await running()
    starter = Starter(1)
    ledger.gate = trio.Event()
    await start_all(nursery, batcher, [done(0)])
    leave = await submit_and_leave(nursery, batcher, offering(starter, 1))
    await leave()
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert (starter.slots, starter.begun, starter.withdrawn) == (100, [], 0)


@pytest.mark.parametrize("error", [StoreUnavailable("locked"), BatchRejected(InvalidRequest("too long"))])
async def test_start_is_withdrawn_once_when_nothing_was_stored(
    running: Opener, ledger: Ledger, error: Exception
) -> None:
    """A slot comes back from a transaction that failed."""
    batcher = await running()
    starter = Starter(1)
    ledger.errors = [error]
    with pytest.raises((StoreUnavailable, InvalidRequest)):
        await batcher.submit(offering(starter, 1))
    assert (starter.begun, starter.withdrawn) == ([], 1)


async def test_starts_of_a_rejected_batch_are_told_one_by_one(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """The bad push gives its slot back, its neighbours start."""
    batcher = await running()
    starter = Starter(1)
    ledger.outcome = stored
    ledger.gate = trio.Event()
    good, bad = offering(starter, 1), offering(starter, 2)
    ledger.bad = bad
    await start_all(nursery, batcher, [offering(starter, 0), good, bad])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert sorted(job.url for job in starter.begun) == ["http://w/0", "http://w/1"]
    assert starter.withdrawn == 1


async def test_start_is_withdrawn_when_the_service_ends_in_its_transaction(ledger: Ledger) -> None:
    """Whoever waits for the outcome of a slot is told of one, once."""
    starter = Starter(1)
    ledger.errors = [ValueError("a bug")]
    batcher = Batcher(ledger.apply)
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="a bug")):
        async with trio.open_nursery() as service:
            service.start_soon(batcher.run)
            with pytest.raises(StoreUnavailable):
                await batcher.submit(offering(starter, 1))
    assert (starter.begun, starter.withdrawn) == ([], 1)


@define(eq=False)
class Wanting:
    """Asks for claims of these limits, one after the other, and keeps what it is given."""

    limits: list[int]
    asked: int = 0
    taken: list[Any] = field(factory=list)

    def ask(self) -> Claim | None:
        self.asked += 1
        return Claim("q", 1, self.limits.pop(0), 0) if self.limits else None

    def take(self, jobs: Sequence[Job]) -> None:
        self.taken.append(jobs)


async def test_a_claim_is_in_every_transaction_until_nothing_more_is_asked_for(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """What was free when the claim was made may be more when its turn comes, so it is asked for then."""
    batcher = await running()
    ledger.gate = trio.Event()
    await start_all(nursery, batcher, [done(0)])
    claimant = Wanting([3, 5])
    nursery.start_soon(batcher.claim, claimant)
    await wait_all_tasks_blocked()
    assert claimant.asked == 0
    await start_all(nursery, batcher, [push(1)])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    claims = [Claim("q", 1, limit, 0) for limit in (3, 5)]
    assert ledger.batches == [[done(0)], [push(1), claims[0]], [claims[1]]]
    assert claimant.taken == claims
    assert claimant.asked == 3


async def test_a_claim_for_which_there_is_no_room_makes_no_transaction(
    running: Opener, ledger: Ledger
) -> None:
    """It ends, and the store is left alone."""
    batcher = await running()
    await batcher.claim(Wanting([]))
    assert ledger.batches == []


async def test_no_push_starts_ahead_of_a_claim_of_its_own_transaction(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Claims are asked for before starts are, and find what the pushes have stored."""
    batcher = await running()
    ledger.gate = trio.Event()
    ledger.outcome = lambda operation: stored(operation) if isinstance(operation, PushJobs) else operation
    await start_all(nursery, batcher, [done(0)])
    claimant = Wanting([3])
    order: list[str] = []

    def offer() -> None:
        order.append(f"offer after {claimant.asked} claims")

    await start_all(nursery, batcher, [PushJobs([Push(job(1), offer)])])
    nursery.start_soon(batcher.claim, claimant)
    await wait_all_tasks_blocked()
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert order == ["offer after 1 claims"]
    assert [type(operation) for operation in ledger.batches[1]] == [PushJobs, Claim]


@pytest.mark.parametrize(
    "back", [Retried(7, 1, 0, 0, 1), Released(7, 1)], ids=["a retry", "a job that was given back"]
)
async def test_what_comes_back_is_there_before_the_pushes_of_its_transaction(
    running: Opener, nursery: trio.Nursery, ledger: Ledger, back: Operation
) -> None:
    """No start overtakes a job that waits again; what removes jobs is in nobody's way (I9)."""
    batcher = await running()
    ledger.gate = trio.Event()
    await start_all(nursery, batcher, [done(0), done(1), push(2), back])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert ledger.batches == [[done(0)], [back, push(2), done(1)]]


async def test_a_cancelled_claim_is_handed_over_once_and_not_repeated(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Jobs that were claimed are told of, whoever has stopped waiting; no more are claimed."""
    batcher = await running()
    ledger.gate = trio.Event()
    claimant, scope = Wanting([1, 1, 1]), trio.CancelScope()

    async def claim() -> None:
        with scope:
            await batcher.claim(claimant)

    nursery.start_soon(claim)
    await wait_all_tasks_blocked()
    scope.cancel()
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert len(claimant.taken) == 1
    assert len(ledger.batches) == 1


async def test_a_claim_that_fails_is_raised_to_its_claimant(running: Opener, ledger: Ledger) -> None:
    """The store being away ends the claim; nothing was handed over."""
    batcher = await running()
    ledger.errors = [None, StoreUnavailable("locked")]
    claimant = Wanting([1, 1, 1])
    with pytest.raises(StoreUnavailable):
        await batcher.claim(claimant)
    assert len(claimant.taken) == 1


async def test_the_next_transaction_begins_before_the_last_ones_submitters_act(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """While they answer their clients the database is at work, not waiting for them."""
    batcher = await running()
    ledger.gate = trio.Event()
    begun: list[list[Operation]] = []

    async def submit_and_look() -> None:
        await batcher.submit(done(1))
        begun.extend(ledger.begun)

    nursery.start_soon(submit_and_look)
    await wait_all_tasks_blocked()
    await start_all(nursery, batcher, [done(2)])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert begun == [[done(1)], [done(2)]]


async def test_closing_applies_what_was_submitted(ledger: Ledger) -> None:
    """Everything handed over before the close is answered; nothing is accepted after it."""
    batcher = Batcher(ledger.apply, batch_rows=2)
    ledger.gate = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(batcher.run)
        operations = [done(number) for number in range(6)]
        answers = await start_all(nursery, batcher, operations)
        batcher.close()
        with pytest.raises(StoreUnavailable):
            await batcher.submit(done(9))
        ledger.gate.set()
    assert answers == {operation: operation for operation in operations}


async def test_closing_ends_at_its_deadline(ledger: Ledger, autojump_clock: trio.testing.MockClock) -> None:
    """A commit that never ends holds a shutdown for no longer than the deadline."""
    batcher = Batcher(ledger.apply)
    ledger.gate = trio.Event()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(batcher.run)
        leave_answers: dict[Operation, Any] = {}
        nursery.start_soon(submit_into, batcher, done(1), leave_answers)
        await trio.testing.wait_all_tasks_blocked()
        batcher.close()
    assert trio.current_time() - began == pytest.approx(CLOSING_S)
    assert isinstance(leave_answers[done(1)], StoreUnavailable)


async def test_service_outlives_the_cancellation_of_its_users(ledger: Ledger) -> None:
    """Cancelling everything around the service does not tear a commit that is under way."""
    batcher = Batcher(ledger.apply)
    ledger.gate = trio.Event()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(batcher.run)
            nursery.start_soon(submit_into, batcher, done(1), {})
            await wait_all_tasks_blocked()
            scope.cancel()
            ledger.gate.set()
            batcher.close()
    assert ledger.committed == [done(1)]


async def test_submitting_is_a_checkpoint_and_heeds_a_cancellation_before_it(
    running: Opener, ledger: Ledger
) -> None:
    """A task that is already cancelled hands nothing over."""
    batcher = await running()
    with trio.testing.assert_checkpoints():
        await batcher.submit(done(0))
    with trio.CancelScope() as scope:
        scope.cancel()
        await batcher.submit(done(1))
    assert ledger.committed == [done(0)]


def test_weight_counts_bytes_not_characters() -> None:
    """Bounds hold for what goes over the wire: text in UTF-8, payloads and messages as they are."""
    plain = weight(push(1))
    assert weight(push(1, 1000)) == plain + 1000
    assert weight(PushJobs([Push(evolve(job(1), url="é" * 1000))])) == plain - len("http://w/1") + 2000
    assert weight(Failed(1, 1, Result(ResultStatus.FAILURE, 200, "é" * 1000), 1, 0)) >= 2000
    assert weight(Hold("n", "h", ["é" * 100] * 10, 0, 0)) >= 2000
