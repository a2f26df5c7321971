"""Group commit: direct starts and claims are asked for when their transaction begins, told when it ends."""

from collections.abc import Sequence
from typing import Any

import pytest
import trio
from attrs import define, field
from trio.testing import wait_all_tasks_blocked

from tests.stores.ledger import Ledger, Opener, done, job, push, start_all, submit_and_leave
from tests.stores.nodes import A_FAILURE, Starter
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Job
from trioworq.core.retry import Released, Retried
from trioworq.stores.batching import CLAIMED_ROWS, Batcher, BatchRejected
from trioworq.stores.claims import Claim, Push
from trioworq.stores.interface import StoreUnavailable
from trioworq.stores.operations import Operation, PushJobs


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


async def test_claims_that_want_very_much_are_parted(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Others wait for the transaction, and all that it brings is in memory (I13); each has its turn."""
    batcher = await running()
    ledger.gate = trio.Event()
    await start_all(nursery, batcher, [done(0)])
    wanting = [Wanting([CLAIMED_ROWS // 2] * 2) for _ in range(3)]
    for claimant in wanting:
        nursery.start_soon(batcher.claim, claimant)
        await wait_all_tasks_blocked()
    await start_all(nursery, batcher, [done(1)])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    _, second, third, fourth = ledger.batches
    assert [len(batch) for batch in (second, third, fourth)] == [3, 2, 2]
    assert done(1) in second
    assert [len(claimant.taken) for claimant in wanting] == [2, 2, 2]


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
    "back", [Retried(7, 1, 0, 0, 1, A_FAILURE), Released(7, 1)], ids=["a retry", "a job that was given back"]
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
