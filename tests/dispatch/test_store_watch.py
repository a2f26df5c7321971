"""What is told of a store that answers, fails, says nothing, or has another schema."""

import pytest
import trio
from attrs import define
from trio.testing import MockClock

from trioworq.dispatch.store_watch import ASKING_INTERVAL_S, SILENCE_S, StoreWatch
from trioworq.stores.interface import Schema, StoreBroken, StoreError, StoreUnavailable


@define(eq=False)
class AskedStore:
    """Knows its schema, or fails, or does not answer at all."""

    answer: Schema | StoreError | None = Schema(3, 3)
    asked: int = 0

    async def schema(self) -> Schema:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        if isinstance(self.answer, StoreError):
            raise self.answer
        if self.answer is None:
            await trio.sleep_forever()
        assert isinstance(self.answer, Schema)
        return self.answer


def watch_of(store: AskedStore, tasks: trio.Nursery) -> StoreWatch:
    """Watch a store until the test ends."""
    watch = StoreWatch(store.schema)
    tasks.start_soon(watch.run)
    return watch


async def test_a_store_that_has_just_been_opened_is_in_reach(autojump_clock: MockClock) -> None:
    """Nobody has to wait for the first answer."""
    watch = StoreWatch(AskedStore().schema)
    assert (watch.reach_trouble(), watch.schema_trouble()) == ("", "")


async def test_a_store_is_asked_once_a_second(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    """However often it is told of."""
    store = AskedStore()
    watch = watch_of(store, nursery)
    for _ in range(100):
        await trio.sleep(0.1)
        assert watch.reach_trouble() == ""
    assert store.asked == pytest.approx(10 / ASKING_INTERVAL_S, abs=1)


@pytest.mark.parametrize("error", [StoreUnavailable("db7:3306 refuses"), StoreBroken("no table on db7")])
async def test_a_store_that_fails_is_out_of_reach_until_it_answers(
    error: StoreError, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Within an interval both ways; its own words, which may name the database, are not repeated (I14)."""
    store = AskedStore()
    watch = watch_of(store, nursery)
    await trio.sleep(0.5)
    store.answer = error
    await trio.sleep(ASKING_INTERVAL_S)
    assert watch.reach_trouble() == "out of reach"
    store.answer = Schema(3, 3)
    await trio.sleep(ASKING_INTERVAL_S)
    assert watch.reach_trouble() == ""


async def test_a_store_that_says_nothing_is_out_of_reach(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """It is not waited for, and has some time."""
    watch = watch_of(AskedStore(None), nursery)
    await trio.sleep(SILENCE_S - 0.1)
    assert watch.reach_trouble() == ""
    await trio.sleep(0.2)
    assert watch.reach_trouble() == "no answer for 3 s"
    await trio.sleep(20)
    assert watch.reach_trouble() == "no answer for 23 s"


@pytest.mark.parametrize(("found", "trouble"), [(2, "version 2, and this release needs 3"), (3, ""), (4, "")])
async def test_a_schema_older_than_the_program_is_wrong(
    found: int, trouble: str, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """A database that was put back from an old copy, say; one that a newer release has changed is not."""
    watch = watch_of(AskedStore(Schema(found, 3)), nursery)
    await trio.sleep(0.5)
    assert watch.schema_trouble() == trouble
    assert watch.reach_trouble() == ""
