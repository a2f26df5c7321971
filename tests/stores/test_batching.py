"""Group commit: every submitter gets the outcome of its own operation, and only after the commit."""

from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import wait_all_tasks_blocked

from tests.stores.ledger import Ledger, Opener, done, job, push, start_all, submit_and_leave, submit_into
from tests.stores.nodes import NOW
from tests.stores.workers import completion, heartbeat, pull_job
from trioworq.core.errors import InvalidRequest, NoSuchQueue
from trioworq.core.leases import Hold
from trioworq.core.results import Result, ResultStatus
from trioworq.core.retry import Failed
from trioworq.stores.batching import CLOSING_S, Batcher
from trioworq.stores.claims import Push
from trioworq.stores.interface import StoreUnavailable
from trioworq.stores.operations import EnqueueJobs, ExpireLeases, Operation, PushJobs, weight


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


async def test_workers_are_heard_before_leases_are_ended_and_jobs_come_back_before_others_come(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """Whoever keeps or ends a job in time is not told that it is too late, however long a commit takes."""
    batcher = await running()
    ledger.gate = trio.Event()
    expiry, enqueued = ExpireLeases(NOW, 10), EnqueueJobs((pull_job(),))
    heard: list[Operation] = [heartbeat(), completion()]
    await start_all(nursery, batcher, [done(0), done(1), enqueued, expiry, *heard])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert ledger.batches == [[done(0)], [*heard, expiry, enqueued, done(1)]]


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


async def test_jobs_of_one_push_are_never_parted(
    running: Opener, nursery: trio.Nursery, ledger: Ledger
) -> None:
    """More jobs than a transaction's bound have one of their own, all of them together."""
    batcher = await running(batch_rows=3)
    ledger.gate = trio.Event()
    many = PushJobs([Push(job(number)) for number in range(5)])
    await start_all(nursery, batcher, [done(0), done(1), many, done(2)])
    ledger.gate.set()
    await wait_all_tasks_blocked()
    assert ledger.batches == [[done(0)], [done(1)], [many], [done(2)]]


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


async def test_transactions_are_counted_by_size_and_duration(
    running: Opener, ledger: Ledger, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """With what waited while the first was under way; one that stored nothing is counted apart."""
    batcher = await running()
    ledger.gate = trio.Event()
    ledger.errors = [None, None, StoreUnavailable("away")]
    await start_all(nursery, batcher, [done(1)])
    await start_all(nursery, batcher, [done(2), done(3)])
    await trio.sleep(3)
    ledger.gate.set()
    await wait_all_tasks_blocked()
    with pytest.raises(StoreUnavailable):
        await batcher.submit(done(4))
    sizes, durations_s = batcher.commits.sizes, batcher.commits.durations_s
    assert [count for bound, count in sizes.cumulative() if bound in (1, 2)] == [1, 2]
    assert [count for bound, count in durations_s.cumulative() if bound in (2.5, 5.0)] == [1, 2]
    assert (sizes.total, batcher.commits.failures) == (3, 1)


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
