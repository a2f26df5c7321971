"""How many jobs of a queue may start now."""

from trio.testing import MockClock

from trioworq.core.queues import QueueDefinition
from trioworq.dispatch.slots import CLAIM_LIMIT, SETTLING_FACTOR, Slots


def slots(max_workers: int, *, per_second: float = 0.0, burst: int = 0) -> Slots:
    return Slots(QueueDefinition("q", 200, max_workers, per_second, burst))


async def test_there_is_room_for_as_many_jobs_as_slots_are_free() -> None:
    """A slot that is taken is no room until it is given back (I6)."""
    some = slots(3)
    holders = [object(), object()]
    for holder in holders:
        some.take(holder)
    assert (some.room(settling=0), some.busy) == (1, 2)
    some.give(holders[0])
    assert (some.room(settling=0), some.busy) == (2, 1)


async def test_one_claim_takes_no_more_than_its_limit() -> None:
    """However many workers a queue has."""
    assert slots(CLAIM_LIMIT + 1).room(settling=0) == CLAIM_LIMIT


async def test_outcomes_that_wait_for_the_store_are_bounded() -> None:
    """They may be more than the workers, until a store that is away has kept enough of them (I13)."""
    some = slots(3)
    most = 3 * SETTLING_FACTOR
    assert [some.room(settling=settling) for settling in (most - 3, most - 2, most, most + 9)] == [3, 2, 0, 0]


async def test_fewer_workers_than_busy_ones_leave_no_room() -> None:
    """Slots beyond the new number are not given again (I6)."""
    some = slots(2)
    holders = [object(), object()]
    for holder in holders:
        some.take(holder)
    some.redefine(QueueDefinition("q", 200, 1))
    some.give(holders[0])
    assert some.room(settling=0) == 0
    some.give(holders[1])
    assert some.room(settling=0) == 1


async def test_a_slot_that_is_older_than_the_definition_keeps_to_its_caps() -> None:
    """A job whose slot was kept may find fewer workers by now, or a throttle without a token (I6)."""
    some = slots(2)
    assert some.admit(2)
    some.redefine(QueueDefinition("q", 200, 1))
    assert (some.admit(1), some.admit(2)) == (True, False)
    some.redefine(QueueDefinition("q", 200, 2, 1.0, 1))
    assert some.admit(1)
    some.spend()
    assert not some.admit(1)


async def test_a_throttle_gives_a_free_slot_its_token(autojump_clock: MockClock) -> None:
    """Without a token there is no room, and it is known when there will be (I6)."""
    some = slots(5, per_second=2.0, burst=2)
    assert some.are_throttled
    assert some.room(settling=0) == 2
    some.spend()
    some.spend()
    assert some.room(settling=0) == 0
    assert 0.5 <= some.wait_s() < 0.51


async def test_a_throttle_is_not_waited_for_while_something_else_is_missing() -> None:
    """With a token at hand, no free slot or no throttle it is not known when there will be room."""
    some = slots(1, per_second=1.0, burst=1)
    assert some.wait_s() == float("inf")
    some.take(object())
    some.spend()
    assert some.wait_s() == float("inf")
    assert slots(1).wait_s() == float("inf")


async def test_a_change_of_the_throttle_earns_no_tokens(autojump_clock: MockClock) -> None:
    """What was spent stays spent; a throttle that is lifted holds nothing back."""
    some = slots(5, per_second=1.0, burst=3)
    for _ in range(3):
        some.spend()
    some.redefine(QueueDefinition("q", 100, 5, 10.0, 5))
    assert some.room(settling=0) == 0
    some.redefine(QueueDefinition("q", 200, 5))
    assert not some.are_throttled
    assert some.room(settling=0) == 5
