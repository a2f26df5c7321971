"""When the load is sampled, and what a sample holds (contract load §4.2)."""

from collections.abc import Collection
from typing import Any, cast

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from tests.kept_logs import kept_errors
from trioworq.clock import Clock
from trioworq.core.jobs import Kind
from trioworq.core.load import JobCount, JobType, Load, LoadSample, TypeName
from trioworq.manage.sampler import SAMPLED_TYPES, WATCH_S, Sampler
from trioworq.manage.shared import SharedRead
from trioworq.stores.interface import Store, StoreUnavailable
from trioworq.stores.managing import Chore

TWO_QUEUES = [
    JobCount(kind=Kind.PUSH, queue="a", category="mail", deferred=1, waiting=2, running=3),
    JobCount(kind=Kind.PULL, queue="b", category="", deferred=4, waiting=5, running=6),
]


@define(eq=False)
class KeptSamples:
    """A store that keeps samples and nothing else; `is_away` for as many calls."""

    counts: list[JobCount] = field(factory=list)
    samples: list[LoadSample] = field(factory=list)
    sampled_at_s: list[float] = field(factory=list)
    done_at_ms: int = -(10**9)
    is_away: int = 0

    async def take_turn(self, chore: Chore, now_ms: int, period_ms: int) -> bool:
        """Take the turn unless somebody has had it."""
        await trio.lowlevel.checkpoint()
        assert chore is Chore.SAMPLE
        if now_ms - self.done_at_ms < period_ms:
            return False
        self.done_at_ms = now_ms
        return True

    async def job_types(self, types: Collection[TypeName]) -> list[JobType]:
        """Know every type, by the length of its name."""
        await trio.lowlevel.checkpoint()
        return [JobType(len(each.name) * 10 + each.kind, each) for each in types]

    async def add_load(self, sample: LoadSample) -> None:
        """Keep a sample."""
        await trio.lowlevel.checkpoint()
        if self.is_away:
            self.is_away -= 1
            raise StoreUnavailable("away")
        self.samples.append(sample)
        self.sampled_at_s.append(trio.current_time())

    async def count(self) -> list[JobCount]:
        """Count jobs."""
        await trio.lowlevel.checkpoint()
        return self.counts


def sampler_of(store: KeptSamples, interval_s: float = 60) -> Sampler:
    """Make a sampler of one node."""
    return Sampler(
        store=cast("Store", cast("Any", store)),
        clock=Clock(),
        counts=SharedRead(store.count),
        error_log=kept_errors()[0],
        interval_s=interval_s,
    )


async def test_a_sample_is_taken_at_the_start_and_at_each_interval(autojump_clock: MockClock) -> None:
    """Six intervals have seven samples, and each is where it belongs."""
    store = KeptSamples()
    with trio.move_on_after(361):
        await sampler_of(store).run()
    assert store.sampled_at_s == pytest.approx([0, 60, 120, 180, 240, 300, 360])


async def test_a_sample_has_the_totals_and_each_type(autojump_clock: MockClock) -> None:
    """Deferred jobs are pending, due ones queued, those in workers' hands running (contract load §4.4)."""
    store = KeptSamples(counts=TWO_QUEUES)
    with trio.move_on_after(1):
        await sampler_of(store).run()
    (sample,) = store.samples
    assert sample.total == Load(5, 7, 9)
    assert sample.by_type == {40 + Kind.PUSH: Load(1, 2, 3), 10 + Kind.PULL: Load(4, 5, 6)}


async def test_of_several_nodes_one_samples(autojump_clock: MockClock) -> None:
    """Three nodes that start one after the other take as many samples as one."""
    store = KeptSamples()
    with trio.move_on_after(301):
        async with trio.open_nursery() as nodes:
            for _ in range(3):
                nodes.start_soon(sampler_of(store).run)
                await trio.sleep(0.3)
    assert len(store.samples) == 6


async def test_a_node_that_stops_sampling_is_followed_by_another(autojump_clock: MockClock) -> None:
    """The other takes the next sample in its time, or a little later."""
    store = KeptSamples()
    async with trio.open_nursery() as nodes:
        with trio.move_on_after(30):
            async with trio.open_nursery() as first:
                first.start_soon(sampler_of(store).run)
                await trio.sleep(1)
                nodes.start_soon(sampler_of(store).run)
                await trio.sleep_forever()
        await trio.sleep(60)
        nodes.cancel_scope.cancel()
    assert len(store.samples) == 2
    assert 60 - 0.2 <= store.sampled_at_s[1] <= 60 + WATCH_S


async def test_a_sample_that_the_store_did_not_take_is_taken_again(autojump_clock: MockClock) -> None:
    """A store that is away for a moment costs no sample, though the turn was taken."""
    store = KeptSamples(is_away=2)
    with trio.move_on_after(10):
        await sampler_of(store).run()
    assert store.sampled_at_s == pytest.approx([2])


async def test_only_the_fullest_types_stand_by_themselves(autojump_clock: MockClock) -> None:
    """Whoever makes a queue for each of their users does not fill the store; the totals are right."""
    counts = [
        JobCount(kind=Kind.PULL, queue="x" * (place + 1), category="", waiting=place + 1)
        for place in range(SAMPLED_TYPES + 5)
    ]
    store = KeptSamples(counts=counts)
    with trio.move_on_after(1):
        await sampler_of(store).run()
    (sample,) = store.samples
    assert len(sample.by_type) == SAMPLED_TYPES
    assert min(load.queued for load in sample.by_type.values()) == 6
    assert sample.total.queued == sum(count.waiting for count in counts)
