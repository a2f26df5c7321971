"""The clock by which jobs are due."""

import time

import trio
from trio.testing import MockClock

from trioworq.clock import Clock

STORE_MS = 1_700_000_000_000


async def test_a_new_clock_tells_this_machine_s_time() -> None:
    """To within what it takes to ask."""
    before_ms = time.time_ns() // 1_000_000
    now_ms = Clock().now_ms()
    assert before_ms - 1 <= now_ms <= time.time_ns() // 1_000_000 + 1


async def test_the_clock_moves_with_trio_s(autojump_clock: MockClock) -> None:
    """A test that lets Trio's time pass lets this one pass."""
    clock = Clock()
    before_ms = clock.now_ms()
    await trio.sleep(3600)
    assert abs(clock.now_ms() - before_ms - 3_600_000) <= 1


async def test_the_clock_follows_the_store(autojump_clock: MockClock) -> None:
    """The store's answer was true in the middle of its way (design §4, "Time")."""
    clock = Clock()

    async def read_ms() -> int:
        await trio.sleep(0.2)
        return STORE_MS

    assert await clock.follow(read_ms)
    assert abs(clock.now_ms() - STORE_MS - 100) <= 1


async def test_a_slow_answer_is_not_believed(autojump_clock: MockClock) -> None:
    """A clock set back by a slow store would let leases look lapsed (I7)."""
    clock = Clock()
    before_ms = clock.now_ms()

    async def read_ms() -> int:
        await trio.sleep(5)
        return STORE_MS

    assert not await clock.follow(read_ms)
    assert abs(clock.now_ms() - before_ms - 5000) <= 1


async def test_a_store_without_a_clock_leaves_it_to_the_machine(autojump_clock: MockClock) -> None:
    """A stepped system clock is followed at the next anchoring."""
    clock = Clock()
    clock.anchor(STORE_MS)

    async def read_ms() -> None:
        await trio.lowlevel.checkpoint()

    assert await clock.follow(read_ms)
    assert abs(clock.now_ms() - time.time_ns() // 1_000_000) < 1000
