"""The load as it is asked for, and the jobs that wait by their types (contract load §4.2 to §4.4)."""

from collections.abc import AsyncIterator

import pytest
from trio.testing import MockClock

from tests.dispatch.push_side import hanging
from tests.manage.desk import Desk, open_desk
from trioworq.core.jobs import Kind
from trioworq.core.load import Load, LoadPoint, LoadSample, TypeName
from trioworq.core.routing import Routing
from trioworq.manage.load import TypeFilter
from trioworq.manage.types import number

MAIL = TypeName(Kind.PUSH, "mail")
OTHER = TypeName(Kind.PUSH, "other")
MAIL_QUEUE = TypeName(Kind.PULL, "mail")


@pytest.fixture
async def desk(autojump_clock: MockClock) -> AsyncIterator[Desk]:
    """A node whose category mail goes to a queue of its own, and others to the default queue."""
    async with open_desk(hanging()) as opened:
        await opened.side.define("letters", priority=7)
        await opened.side.queues.routings.put(Routing("mail", "letters"))
        yield opened


async def sampled(desk: Desk, *, times: int = 3) -> dict[TypeName, int]:
    """Store samples at 1000, 2000, …, the first without the category mail; return the types' numbers."""
    types = await number(desk.side.store, [MAIL, OTHER, MAIL_QUEUE])
    numbers = {job_type.type: job_type.id for job_type in types}
    for place in range(times):
        loads = {MAIL: Load(place, 0, 0), OTHER: Load(0, 10, 0), MAIL_QUEUE: Load(0, 0, 100)}
        by_type = {numbers[name]: load for name, load in loads.items() if load.total}
        total = sum(loads.values(), Load())
        await desk.side.store.add_load(LoadSample((place + 1) * 1000, total, by_type))
    return numbers


async def series(desk: Desk, types: TypeFilter, offset: int = 0, limit: int = 100) -> list[LoadPoint]:
    """Return the points of every sample."""
    count, points = await desk.management.load.series(1000, 3000, types, offset, limit)
    assert count == 3
    return list(points)


async def test_without_a_filter_every_job_counts(desk: Desk) -> None:
    """Points come in the order of time, each with the sums of its sample."""
    await sampled(desk)
    points = await series(desk, TypeFilter())
    assert points == [LoadPoint((place + 1) * 1000, Load(place, 10, 100)) for place in range(3)]


@pytest.mark.parametrize(
    ("types", "loads"),
    [
        (TypeFilter(names=frozenset({"other"})), [Load(0, 10, 0)] * 3),
        (TypeFilter(names=frozenset({"mail"})), [Load(0, 0, 100), Load(1, 0, 100), Load(2, 0, 100)]),
        (TypeFilter(names=frozenset({"mail", "other"})), [Load(n, 10, 100) for n in range(3)]),
        (TypeFilter(names=frozenset({"none"})), [Load()] * 3),
        (TypeFilter(categories=frozenset({"letters"})), [Load(n, 0, 0) for n in range(3)]),
        (TypeFilter(categories=frozenset({"default"})), [Load(0, 10, 0)] * 3),
        (TypeFilter(categories=frozenset({"mail"})), [Load(0, 0, 100)] * 3),
        (TypeFilter(priorities=frozenset({7})), [Load(n, 0, 0) for n in range(3)]),
        (TypeFilter(priorities=frozenset({100})), [Load(0, 10, 100)] * 3),
        (TypeFilter(priorities=frozenset({8})), [Load()] * 3),
        (TypeFilter(names=frozenset({"mail"}), priorities=frozenset({7})), [Load(n, 0, 0) for n in range(3)]),
        (TypeFilter(ids=frozenset({12345})), [Load()] * 3),
        (TypeFilter(kinds=frozenset({Kind.PULL})), [Load(0, 0, 100)] * 3),
        (
            TypeFilter(kinds=frozenset({Kind.PUSH}), names=frozenset({"mail"})),
            [Load(n, 0, 0) for n in range(3)],
        ),
    ],
)
async def test_filters_let_some_types_in(desk: Desk, types: TypeFilter, loads: list[Load]) -> None:
    """Several values are alternatives, several filters must all agree; an instant without jobs is zero."""
    await sampled(desk)
    assert [point.load for point in await series(desk, types)] == loads


async def test_a_type_is_found_by_its_number(desk: Desk) -> None:
    """The numbers are those that the queue status shows."""
    numbers = await sampled(desk)
    only = TypeFilter(ids=frozenset({numbers[MAIL_QUEUE]}))
    assert [point.load for point in await series(desk, only)] == [Load(0, 0, 100)] * 3


async def test_a_page_is_a_part_of_the_series(desk: Desk) -> None:
    """The count is that of the whole."""
    await sampled(desk)
    points = await series(desk, TypeFilter(names=frozenset({"mail"})), offset=1, limit=1)
    assert points == [LoadPoint(2000, Load(1, 0, 100))]
    assert await series(desk, TypeFilter(), offset=3) == []


async def test_waiting_jobs_are_counted_by_type(desk: Desk) -> None:
    """Deferred and running jobs are not among them; of those that are, the oldest and the first show."""
    desk.side.queues.leave()
    oldest_ms = desk.clock.now_ms()
    await desk.side.push(category="mail")
    await desk.side.push(category="mail", priority=3)
    await desk.side.push(category="mail", run_after_s=60)
    (queued,) = await desk.management.load.queued_types()
    assert queued.type.type == MAIL
    assert (queued.count, queued.priority, queued.queues) == (2, 3, ["letters"])
    assert oldest_ms <= queued.oldest_due_ms <= desk.clock.now_ms()
    assert queued.is_active
    assert not queued.is_paused


async def test_paused_types_come_last_then_the_urgent_then_the_old(desk: Desk) -> None:
    """This is the contract's order (load §4.3)."""
    desk.side.queues.leave()
    await desk.pull_side.enqueue("a", queue="old")
    await desk.pull_side.enqueue("b", queue="paused", priority=1, run_at_ms=0)
    await desk.pull_side.enqueue("c", queue="older", run_at_ms=0)
    await desk.pull_side.enqueue("d", queue="urgent", priority=2)
    await desk.management.pauses.pause(Kind.PULL, "paused")
    queued = await desk.management.load.queued_types()
    assert [each.type.type.name for each in queued] == ["urgent", "older", "old", "paused"]
    assert [each.is_paused for each in queued] == [False, False, False, True]


async def test_a_type_is_paused_when_nothing_of_it_can_start(desk: Desk) -> None:
    """Its jobs may wait in several queues; one that is not defined any more starts none either."""
    desk.side.queues.leave()
    await desk.side.push(category="mail")
    await desk.side.queues.routings.put(Routing("mail", "default"))
    await desk.side.push(category="mail")

    async def is_paused() -> bool:
        (queued,) = await desk.management.load.queued_types()
        assert sorted(queued.queues) == ["default", "letters"]
        return queued.is_paused

    await desk.management.pauses.pause(Kind.PUSH, "default")
    assert not await is_paused()
    await desk.side.queues.definitions.undefine("letters")
    assert await is_paused()
    await desk.management.pauses.resume(Kind.PUSH, "default")
    assert not await is_paused()


async def test_a_type_is_active_while_it_is_routed(autojump_clock: MockClock) -> None:
    """Jobs wait that were pushed before their routing went, and there is no default queue."""
    async with open_desk(hanging(), default_queue="") as desk:
        await desk.side.define("letters")
        await desk.side.queues.routings.put(Routing("mail", "letters"))
        desk.side.queues.leave()
        await desk.side.push(category="mail")
        (queued,) = await desk.management.load.queued_types()
        assert queued.is_active
        await desk.side.queues.routings.delete("mail")
        (queued,) = await desk.management.load.queued_types()
        assert not queued.is_active


async def test_types_keep_their_numbers(desk: Desk) -> None:
    """Numbers are small, and given once for each kind and name."""

    async def numbers(*types: TypeName) -> dict[TypeName, int]:
        return {job_type.type: job_type.id for job_type in await number(desk.side.store, types)}

    first = await numbers(MAIL, OTHER)
    assert sorted(first.values()) == [1, 2]
    assert await numbers(MAIL_QUEUE, OTHER, MAIL) == {**first, MAIL_QUEUE: 3}
