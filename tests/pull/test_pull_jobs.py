"""Jobs from one side to the other: enqueued, fetched, kept, ended."""

import contextlib
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from tests.dispatch.push_side import open_memory_store
from tests.dispatch.tripping_store import TrippingStore
from tests.pull.pull_side import PullSide, open_pull_side, order
from trioworq.core.errors import InvalidRequest, JobExists, NoSuchJob, StaleRun
from trioworq.core.jobs import Kind
from trioworq.core.pull import Run
from trioworq.stores.interface import FailureQuery, StoreUnavailable


@pytest.fixture
async def side(autojump_clock: MockClock) -> AsyncIterator[PullSide]:
    """A node over an empty store."""
    async with open_memory_store() as store, open_pull_side(store) as opened:
        yield opened


async def test_a_job_is_enqueued_fetched_and_completed(side: PullSide, autojump_clock: MockClock) -> None:
    """Then nothing is left of it."""
    job_id = await side.pull.enqueue(order("a", payload=b'{"n": 1}', max_retries=2))
    job = await side.fetch_one()
    assert (job.id, job.key, job.payload, job.tries, job.max_retries) == (job_id, "a", b'{"n": 1}', 1, 2)
    assert job.lease_ends_at_ms == side.after(30)
    await side.pull.complete("q", "a", job.run)
    with pytest.raises(NoSuchJob):
        await side.pull.job("q", "a")


async def test_a_taken_name_is_refused_and_nothing_changes(side: PullSide, autojump_clock: MockClock) -> None:
    """Handed out or not (contract pull §2.5)."""
    await side.enqueue("a", payload=b"1")
    with pytest.raises(JobExists, match="job with id `a` already exists in queue `q`\\."):
        await side.pull.enqueue(order("a", payload=b"2"))
    assert (await side.fetch_one()).payload == b"1"
    with pytest.raises(JobExists):
        await side.pull.enqueue(order("a"))


async def test_many_are_stored_as_far_as_their_names_are_free(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """The first of two with the same name wins, and the same name in another queue is another job."""
    await side.enqueue("a")
    ids = await side.pull.enqueue_many(
        [order("b", payload=b"1"), order("a"), order("b", payload=b"2"), order("a", queue="r")]
    )
    assert [each is None for each in ids] == [False, True, True, False]
    assert (await side.pull.job("q", "b")).payload == b"1"


async def test_nothing_of_many_is_stored_when_one_does_not_fit(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """All or nothing (contract pull §2.5)."""
    with pytest.raises(InvalidRequest):
        await side.pull.enqueue_many([order("a"), order("b" * 256)])
    assert await side.fetch(2) == []


async def test_jobs_are_handed_out_in_order_and_never_twice(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """Ordered by (priority, run_at, id); what is due later is not handed out (I5, I9)."""
    await side.enqueue("late", run_at_ms=side.after(60))
    await side.enqueue("b", "c", run_at_ms=side.after(-1))
    await side.enqueue("a", run_at_ms=side.after(-2))
    await side.enqueue("first", priority=1)
    assert await side.fetch(3) == ["first", "a", "b"]
    assert await side.fetch(3) == ["c"]
    assert await side.fetch(3) == []


async def test_no_job_is_handed_out_for_nothing(side: PullSide, autojump_clock: MockClock) -> None:
    """Who asks for none gets none."""
    await side.enqueue("a")
    assert await side.fetch(0, wait_s=9) == []
    assert await side.fetch(1) == ["a"]


async def test_a_worker_that_waits_gets_a_job_the_moment_that_it_is_enqueued(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """Without a look of the lookout in between."""
    started_s = trio.current_time()
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            assert await side.fetch(5, wait_s=60) == ["a", "b"]
            assert trio.current_time() - started_s == pytest.approx(1.01)

        nursery.start_soon(wait)
        await trio.sleep(1.01)
        await side.enqueue("a", "b")


async def test_a_worker_that_waits_gets_a_job_when_it_falls_due(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """To the millisecond, as the look before has shown when."""
    await side.enqueue("a", run_at_ms=side.after(2.345))
    started_s = trio.current_time()
    assert await side.fetch(1, wait_s=60) == ["a"]
    assert 2.344 <= trio.current_time() - started_s <= 2.351


async def test_a_worker_gets_what_another_node_enqueued(autojump_clock: MockClock) -> None:
    """Found by the next look, a twentieth of a second later at the most."""
    async with (
        open_memory_store() as store,
        open_pull_side(store) as here,
        open_pull_side(store, here.clock) as there,
        trio.open_nursery() as nursery,
    ):

        async def wait() -> None:
            assert await here.fetch(1, wait_s=60) == ["a"]
            assert trio.current_time() - enqueued_s <= 0.06

        nursery.start_soon(wait)
        await trio.sleep(3.33)
        enqueued_s = trio.current_time()
        await there.enqueue("a")


async def test_a_worker_that_waits_in_vain_is_told_at_the_end(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """Not sooner and not later."""
    started_s = trio.current_time()
    assert await side.fetch(1, wait_s=7) == []
    assert trio.current_time() - started_s == pytest.approx(7)


async def test_jobs_go_to_those_who_wait_in_the_order_of_their_coming(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """One each."""
    got: dict[int, list[str]] = {}

    async def wait(number: int) -> None:
        got[number] = await side.fetch(1, wait_s=60)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(wait, number)
            await trio.sleep(0.01)
        await side.enqueue("a", "b", "c")
    assert got == {0: ["a"], 1: ["b"], 2: ["c"]}


@pytest.mark.parametrize("checkpoints", range(10))
async def test_one_that_stops_waiting_loses_no_job(
    side: PullSide, autojump_clock: MockClock, checkpoints: int
) -> None:
    """A job that comes while it is cancelled is in its hands, or goes to somebody else (I4)."""
    got: list[str] = []

    async def wait() -> None:
        got.extend(await side.fetch(1, wait_s=60))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(1)
        nursery.start_soon(side.enqueue, "a")
        for _ in range(checkpoints):
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    await trio.sleep(1)
    with contextlib.suppress(JobExists):
        await side.pull.enqueue(order("a"))
    assert got + await side.fetch(1) == ["a"]


async def test_one_that_hung_up_while_it_waited_gets_no_job(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """It stays for others, with no try counted (README 14)."""
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            assert not await side.pull.fetch("q", 1, 60, has_left=lambda: True)

        nursery.start_soon(wait)
        await trio.sleep(1)
        await side.enqueue("a")
        await trio.sleep(1)
        job = await side.fetch_one()
    assert (job.key, job.tries) == ("a", 1)
    assert side.pull.counters.returned == 1


async def test_a_heartbeat_keeps_the_lease_and_saves_the_state(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """The lease ends the job's timeout after it; one without a state leaves what was saved."""
    await side.enqueue("a", max_retries=1)
    job = await side.fetch_one()
    await trio.sleep(20)
    await side.pull.heartbeat("q", "a", b"[1]", job.run)
    await trio.sleep(20)
    await side.pull.heartbeat("q", "a")
    kept = await side.pull.job("q", "a")
    assert (kept.saved_state, kept.lease_ends_at_ms, kept.run) == (b"[1]", side.after(30), job.run)


async def test_an_ended_lease_is_noticed_within_a_second(side: PullSide, autojump_clock: MockClock) -> None:
    """The job is handed out again before younger ones, with its state; one try less is left."""
    await side.enqueue("a", max_retries=1, timeout_s=3)
    await side.enqueue("b")
    old = await side.fetch_one()
    await side.pull.heartbeat("q", "a", b"[1]")
    await trio.sleep(4)
    job = await side.fetch_one()
    assert (job.key, job.saved_state, job.tries, job.retries_left) == ("a", b"[1]", 2, 0)
    with pytest.raises(StaleRun):
        await side.pull.complete("q", "a", old.run)
    await side.pull.complete("q", "a", job.run)


async def test_a_worker_that_waits_gets_a_job_whose_lease_ended(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """At the end of the lease, not at some look after it."""
    await side.enqueue("a", max_retries=1, timeout_s=3)
    await side.fetch_one()
    started_s = trio.current_time()
    assert await side.fetch(1, wait_s=60) == ["a"]
    assert 3 < trio.current_time() - started_s < 3.1


async def test_a_job_whose_last_lease_ended_is_in_the_failed_store(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """Once, with how often it was tried; its name is free again (I11, README 21)."""
    await side.enqueue("a", max_retries=1, timeout_s=1)
    for _ in range(2):
        await side.fetch_one()
        await trio.sleep(2)
    assert await side.fetch() == []
    page = await side.store.failures(FailureQuery("q", 10, kind=Kind.PULL))
    assert [(each.key, each.result.message, each.fail_count) for each in page.items] == [
        ("a", "lease timed out after 2 attempts", 2)
    ]
    await side.enqueue("a")
    assert await side.fetch() == ["a"]
    assert (side.pull.counters.timed_out, side.pull.counters.failed) == (1, 1)


async def test_a_negative_number_of_retries_has_no_end(side: PullSide, autojump_clock: MockClock) -> None:
    """The job comes back however often its lease ends."""
    await side.enqueue("a", max_retries=-1, timeout_s=0)
    for tries in range(1, 8):
        job = await side.fetch_one()
        assert job.tries == tries
        await trio.sleep(1)


async def test_a_rescheduled_job_waits_as_if_enqueued_anew(side: PullSide, autojump_clock: MockClock) -> None:
    """It keeps its number; its retries are all there again, and an older run has no say (README 13)."""
    await side.enqueue("a", max_retries=3, timeout_s=1)
    first = await side.fetch_one()
    await trio.sleep(2)
    second = await side.fetch_one()
    change = order("a", payload=b"2", max_retries=5, run_at_ms=side.after(10), saved_state=b"[9]")
    with pytest.raises(StaleRun):
        await side.pull.reschedule(change, first.run)
    await side.pull.reschedule(change, second.run)
    assert await side.fetch() == []
    await trio.sleep(10)
    job = await side.fetch_one()
    assert (job.id, job.payload, job.saved_state, job.tries) == (first.id, b"2", b"[9]", 1)
    assert (job.max_retries, job.retries_left, job.fail_count) == (5, 5, 0)
    assert job.run not in (first.run, second.run)


async def test_a_worker_that_waits_gets_a_rescheduled_job(side: PullSide, autojump_clock: MockClock) -> None:
    """At once if it is due."""
    await side.enqueue("a")
    await side.fetch_one()
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            assert await side.fetch(1, wait_s=60) == ["a"]

        nursery.start_soon(wait)
        await trio.sleep(1)
        started_s = trio.current_time()
        await side.pull.reschedule(order("a"))
    assert trio.current_time() == started_s


async def test_what_is_not_there_is_told(side: PullSide, autojump_clock: MockClock) -> None:
    """In the words of the contract (pull §2.5)."""
    missing = "job with id `a` not found in queue `q`\\."
    with pytest.raises(NoSuchJob, match=missing):
        await side.pull.heartbeat("q", "a")
    with pytest.raises(NoSuchJob, match=missing):
        await side.pull.complete("q", "a")
    with pytest.raises(NoSuchJob, match=missing):
        await side.pull.reschedule(order("a"))
    with pytest.raises(NoSuchJob, match=missing):
        await side.pull.job("q", "a")
    await side.enqueue("a")
    with pytest.raises(NoSuchJob, match=missing):
        await side.pull.heartbeat("q", "a")
    with pytest.raises(StaleRun):
        await side.pull.heartbeat("q", "a", run=Run(1, 1))


async def test_who_waits_is_let_go_when_the_daemon_stops(side: PullSide, autojump_clock: MockClock) -> None:
    """At once and without a job, and nothing is handed out any more (I15, README 14)."""
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            assert await side.fetch(1, wait_s=60) == []

        nursery.start_soon(wait)
        await trio.sleep(1)
        stopped_s = trio.current_time()
        side.pull.leave()
    assert trio.current_time() == stopped_s
    await side.enqueue("a")
    assert await side.fetch(1, wait_s=60) == []
    assert trio.current_time() == stopped_s


async def test_jobs_can_be_kept_and_ended_while_the_daemon_stops(
    side: PullSide, autojump_clock: MockClock
) -> None:
    """Workers finish what they have in hand."""
    await side.enqueue("a")
    job = await side.fetch_one()
    side.pull.leave()
    await side.pull.heartbeat("q", "a", run=job.run)
    await side.pull.complete("q", "a", job.run)


async def test_each_step_of_a_job_is_logged(side: PullSide, autojump_clock: MockClock) -> None:
    """With what an operator looks for."""
    await side.enqueue("a", max_retries=1, timeout_s=1, payload=b'"x"')
    await side.fetch_one()
    await trio.sleep(2)
    await side.fetch_one()
    await side.pull.reschedule(order("a", timeout_s=1))
    await side.fetch_one()
    await trio.sleep(2)
    await side.enqueue("b")
    await side.pull.complete("q", "b")
    steps = [(line["action"], line["key"], line["status"]) for line in side.lines]
    assert steps == [
        ("enqueue", "a", "waiting"),
        ("fetch", "a", "running"),
        ("timeout", "a", "waiting"),
        ("fetch", "a", "running"),
        ("reschedule", "a", "waiting"),
        ("fetch", "a", "running"),
        ("timeout", "a", "failed"),
        ("enqueue", "b", "waiting"),
        ("complete", "b", "completed"),
    ]
    assert all(line["kind"] == "pull" and line["queue"] == "q" for line in side.lines)
    assert (side.lines[0]["payload"], side.lines[0]["timeout"], side.lines[0]["max_retries"]) == ('"x"', 1, 1)
    assert side.lines[6]["message"] == "lease timed out after 1 attempt"


async def test_everything_is_counted(side: PullSide, autojump_clock: MockClock) -> None:
    """For metrics."""
    await side.enqueue("a", "b")
    await side.fetch(2)
    await side.pull.heartbeat("q", "a")
    await side.pull.reschedule(order("a", run_at_ms=side.after(5)))
    await side.pull.complete("q", "b")
    counters = side.pull.counters
    assert (counters.enqueued, counters.fetched, counters.heartbeats) == (2, 2, 1)
    assert (counters.rescheduled, counters.completed) == (1, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(side.fetch, 1, 1)
        await trio.sleep(0.5)
        assert side.pull.waiting_workers == 1
    assert side.pull.waiting_workers == 0


async def test_a_store_that_is_away_is_told_to_all_who_ask(autojump_clock: MockClock) -> None:
    """Also to those who wait; and all works again when it is back, the end of leases included."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_pull_side(store.store) as side:
            await side.enqueue("a", timeout_s=1, max_retries=1)
            await side.fetch_one()
            store.unplug()
            with pytest.raises(StoreUnavailable):
                await side.fetch(1, wait_s=60)
            with pytest.raises(StoreUnavailable):
                await side.fetch(1)
            with pytest.raises(StoreUnavailable):
                await side.enqueue("b")
            with pytest.raises(StoreUnavailable):
                await side.pull.complete("q", "a")
            await trio.sleep(5)
            store.plug_in()
            assert await side.fetch(1, wait_s=60) == ["a"]
            assert any("cannot look after pull jobs" in line["event"] for line in side.errors)


async def test_leases_that_ended_while_the_store_was_away_can_still_be_kept(
    autojump_clock: MockClock,
) -> None:
    """Their workers could not be heard, and have two seconds now; then they end as ever (I4)."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_pull_side(store.store) as side:
            await side.enqueue("kept", "lost", timeout_s=4, max_retries=1)
            await side.fetch(2)
            await trio.sleep(3)
            store.unplug()
            await trio.sleep(10)
            store.plug_in()
            await trio.sleep(1.9)
            await side.pull.heartbeat("q", "kept")
            assert side.pull.counters.timed_out == 0
            await trio.sleep(2)
            assert side.pull.counters.timed_out == 1
            assert (await side.pull.job("q", "kept")).fail_count == 0
            assert (await side.pull.job("q", "lost")).fail_count == 1


async def test_jobs_that_nobody_got_are_given_back_when_the_store_is_there_again(
    autojump_clock: MockClock,
) -> None:
    """As often as it takes, and with one line for all of them each time."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_pull_side(store.store) as side, trio.open_nursery() as nursery:
            store.unplug("change")

            async def wait() -> None:
                await side.pull.fetch("q", 100, 60, has_left=lambda: True)

            nursery.start_soon(wait)
            await trio.sleep(1)
            await side.enqueue(*map(str, range(100)))
            await trio.sleep(3)
            assert await side.fetch() == []
            store.plug_in()
            await trio.sleep(2)
            assert len(await side.fetch(100)) == 100
            assert side.pull.counters.returned == 100
            warnings = [line for line in side.errors if "cannot give back" in line["event"]]
            assert [line["jobs"] for line in warnings[:2]] == [100, 100]
            assert len(warnings) <= 4


async def test_asking_in_vain_writes_nothing(autojump_clock: MockClock) -> None:
    """Workers that poll an empty queue cost looks and no transactions."""
    async with open_memory_store() as real:
        store = TrippingStore(real)
        async with open_pull_side(store.store) as side:
            for _ in range(10):
                assert await side.fetch() == []
            assert store.counts["take"] == 0
