"""A long read that many ask for is made once, and is never older than the question."""

import pytest
import trio
from trio.testing import MockClock

from trioworq.manage.shared import MOST_REST_S, REST_SHARE, SharedRead
from trioworq.stores.interface import StoreUnavailable


class Reading:
    """A read that takes a second and tells how often it has begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.trouble: Exception | None = None
        self.takes_s = 1.0

    async def read(self) -> int:
        """Read."""
        self.begun += 1
        number = self.begun
        await trio.sleep(self.takes_s)
        if self.trouble is not None:
            raise self.trouble
        return number


async def test_all_who_ask_before_a_read_begins_share_it(autojump_clock: MockClock) -> None:
    """Ten who come while a read is under way wait for one more, not for ten."""
    reading = Reading()
    shared = SharedRead(reading.read)
    got: list[int] = []

    async def ask() -> None:
        got.append(await shared.get())

    async with trio.open_nursery() as askers:
        askers.start_soon(ask)
        await trio.sleep(0.5)
        for _ in range(10):
            askers.start_soon(ask)
    assert got == [1] + [2] * 10


async def test_nobody_is_shown_what_was_read_before_the_question(autojump_clock: MockClock) -> None:
    """Whoever has just changed something sees it."""
    reading = Reading()
    shared = SharedRead(reading.read)
    assert await shared.get() == 1
    assert await shared.get() == 2


async def test_a_long_read_rests(autojump_clock: MockClock) -> None:
    """Those who ask without end leave the store most of the time to others."""
    shared = SharedRead(Reading().read)
    for _ in range(10):
        await shared.get()
    assert trio.current_time() == pytest.approx(10 + 9 * REST_SHARE)


async def test_a_rest_has_an_end(autojump_clock: MockClock) -> None:
    """Also where a read took long because the store stood still."""
    reading = Reading()
    shared = SharedRead(reading.read)
    reading.takes_s = 100.0
    await shared.get()
    reading.takes_s = 1.0
    await shared.get()
    assert trio.current_time() == pytest.approx(100 + MOST_REST_S + 1)


async def test_who_leaves_takes_nobody_along(autojump_clock: MockClock) -> None:
    """When the one whose read it is goes away, the next one reads."""
    shared = SharedRead(Reading().read)
    got: list[int] = []

    async def ask() -> None:
        got.append(await shared.get())

    async with trio.open_nursery() as askers:
        with trio.move_on_after(0.5):
            await shared.get()
        askers.start_soon(ask)
    assert got == [2]


async def test_who_leaves_again_and_again_does_not_have_the_store_count_all_the_time(
    autojump_clock: MockClock,
) -> None:
    """A read goes on in the store when nobody waits for it any more, so the next one is put off as well."""
    reading = Reading()
    shared = SharedRead(reading.read)
    for _ in range(1000):
        with trio.move_on_after(0.03):
            await shared.get()
    assert reading.begun == pytest.approx(30 / (1 + REST_SHARE), abs=1)


async def test_all_who_ask_while_the_store_is_away_are_told_together(autojump_clock: MockClock) -> None:
    """Ten who wait do not each wait for the others' failures, one after the other."""
    reading = Reading()
    reading.trouble = StoreUnavailable("away")
    shared = SharedRead(reading.read)
    told_s: list[float] = []

    async def ask() -> None:
        with pytest.raises(StoreUnavailable, match="away"):
            await shared.get()
        told_s.append(trio.current_time())

    async with trio.open_nursery() as askers:
        askers.start_soon(ask)
        await trio.sleep(0.5)
        for _ in range(10):
            askers.start_soon(ask)
    assert reading.begun == 2
    assert told_s[-1] == told_s[1] == pytest.approx(2 + REST_SHARE)


async def test_each_is_told_why_a_read_failed(autojump_clock: MockClock) -> None:
    """A failed read answers nobody who asks after it."""
    reading = Reading()
    reading.trouble = StoreUnavailable("away")
    shared = SharedRead(reading.read)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="away"):
            await shared.get()
    reading.trouble = None
    assert await shared.get() == 3
