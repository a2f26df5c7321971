"""The load of several job types beside each other, on every store."""

from tests.stores.nodes import NOW
from tests.stores.test_load_store import OTHER, PULLED, PUSHED, numbers, sample
from trioworq.core.jobs import INT64_MAX
from trioworq.core.load import JobType, Load, LoadPoint, LoadSample, LoadSpread, SpreadQuery, TypeName
from trioworq.stores.interface import Store

STEP_MS = 10


def asking(
    first_ms: int = 0, last_ms: int = INT64_MAX, *, step_ms: int = STEP_MS, most: int = 10
) -> SpreadQuery:
    """Return a query, of everything if nothing else is said."""
    return SpreadQuery(first_ms=first_ms, last_ms=last_ms, step_ms=step_ms, most=most)


async def named(store: Store) -> dict[TypeName, JobType]:
    """Give three types their numbers, 1 to 3."""
    for name in (PUSHED, PULLED, OTHER):
        await store.name_types([name])
    types = numbers(await store.job_types())
    assert types == {PUSHED: 1, PULLED: 2, OTHER: 3}
    return {name: JobType(number, name) for name, number in types.items()}


async def test_no_samples_make_an_empty_spread(store: Store) -> None:
    """Neither points nor types, whatever types there are."""
    await named(store)
    assert await store.load_spread(asking()) == LoadSpread([], {})


async def test_first_sample_of_each_step_counts(store: Store) -> None:
    """Steps are counted from the epoch, so that a window that moves on shows the same samples."""
    types = await named(store)
    for age in (0, 1, 9, 12, 15, 30, 39, 41):
        await store.add_load(sample(NOW + age, t1=age + 1))
    spread = await store.load_spread(asking())
    ages = (0, 12, 30, 41)
    assert spread.points == [LoadPoint(NOW + age, Load(9, age + 1, age + 1)) for age in ages]
    assert spread.by_type == {types[PUSHED]: [Load(0, age + 1, age + 1) for age in ages]}


async def test_both_ends_are_inclusive(store: Store) -> None:
    """A step that begins before the first is begun by what lies within."""
    await named(store)
    for age in (0, 5, 10, 15, 20):
        await store.add_load(sample(NOW + age, t1=1))
    for first, last, ages in (
        (0, 20, [0, 10, 20]),
        (1, 19, [5, 10]),
        (5, 10, [5, 10]),
        (6, 9, []),
        (9, 6, []),
        (20, 99, [20]),
    ):
        spread = await store.load_spread(asking(NOW + first, NOW + last))
        assert [point.time_ms - NOW for point in spread.points] == ages
        assert all(len(loads) == len(ages) for loads in spread.by_type.values())
    fine = await store.load_spread(asking(step_ms=1))
    assert [point.time_ms - NOW for point in fine.points] == [0, 5, 10, 15, 20]


async def test_types_have_a_load_for_each_point(store: Store) -> None:
    """The fullest first; zero where they had no jobs."""
    types = await named(store)
    await store.add_load(LoadSample(NOW, Load(9, 9, 9), {1: Load(1, 2, 3), 2: Load(0, 0, 1)}))
    await store.add_load(LoadSample(NOW + 10, Load(), {}))
    await store.add_load(LoadSample(NOW + 20, Load(5), {2: Load(3, 2, 1), 3: Load(0, 1, 0)}))
    spread = await store.load_spread(asking())
    assert list(spread.by_type.items()) == [
        (types[PULLED], [Load(0, 0, 1), Load(), Load(3, 2, 1)]),
        (types[PUSHED], [Load(1, 2, 3), Load(), Load()]),
        (types[OTHER], [Load(), Load(), Load(0, 1, 0)]),
    ]


async def test_no_more_types_are_shown_than_asked_for(store: Store) -> None:
    """Those with the most jobs in the samples that are shown, of equals the one with the lesser number."""
    types = await named(store)
    await store.add_load(sample(NOW, t3=2, t2=3, t1=2))
    await store.add_load(sample(NOW + 1, t3=1000))
    await store.add_load(sample(NOW - 1000, t3=1000))
    spread = await store.load_spread(asking(NOW, most=2))
    assert list(spread.by_type) == [types[PULLED], types[PUSHED]]
    assert spread.points[0].load == Load(9, 7, 7)
    assert (await store.load_spread(asking(NOW, most=0))).by_type == {}
