"""Job types, samples of the load, and chores that one node does for all; on every store."""

import random

import pytest
import trio

from tests.stores.conftest import OpenStore
from tests.stores.nodes import NOW
from trioworq.core.jobs import INT64_MAX, Kind
from trioworq.core.load import JobType, Load, LoadPoint, LoadQuery, LoadSample, TypeName
from trioworq.stores.interface import Store
from trioworq.stores.managing import Chore

PERIOD_MS = 60_000

PUSHED = TypeName(Kind.PUSH, "name")
PULLED = TypeName(Kind.PULL, "name")
OTHER = TypeName(Kind.PUSH, 'it\'s \\ "%s" \U0001f4a5')


def numbers(types: list[JobType]) -> dict[TypeName, int]:
    """Return the number of each type, which must be there once."""
    found = {job_type.type: job_type.id for job_type in types}
    assert len(found) == len(types)
    return found


def sample(time_ms: int, **by_type: int) -> LoadSample:
    """Return a sample whose types `t1`, `t2`, … have so many jobs that wait, and as many that run."""
    loads = {int(name[1:]): Load(0, count, count) for name, count in by_type.items()}
    return LoadSample(time_ms, sum(loads.values(), Load(9, 0, 0)), loads)


async def series(
    store: Store, *job_types: int, first_ms: int = 0, last_ms: int = INT64_MAX
) -> list[LoadPoint]:
    """Return every sample within a time, of some types if there are any."""
    return await store.load(
        LoadQuery(
            first_ms=first_ms,
            last_ms=last_ms,
            job_types=frozenset(job_types) if job_types else None,
            limit=1000,
        )
    )


async def test_types_get_small_numbers_that_they_keep(store: Store) -> None:
    """Kinds are apart; who is named again has its number, and uses up none."""
    assert await store.job_types() == []
    first = numbers(await store.name_types([PUSHED, PULLED]))
    assert sorted(first.values()) == [1, 2]
    for _ in range(3):
        assert numbers(await store.name_types([PULLED, PUSHED])) == first
    assert numbers(await store.name_types([PULLED, OTHER])) == {PULLED: first[PULLED], OTHER: 3}
    assert numbers(await store.job_types()) == {**first, OTHER: 3}


async def test_types_without_a_number_are_not_given_one_by_a_question(store: Store) -> None:
    """Of those asked for the ones that have one are returned."""
    (named,) = await store.name_types([PULLED])
    assert await store.job_types([PUSHED]) == []
    assert await store.job_types([PUSHED, PULLED, OTHER]) == [named]
    assert await store.job_types([]) == []
    assert await store.name_types([]) == []


async def test_names_that_differ_in_bytes_are_different_types(store: Store) -> None:
    """By a letter's case, an accent, or a blank at the end."""
    names = ["a", "A", "ä", "a ", "", "x" * 255]
    found = numbers(await store.name_types([TypeName(Kind.PUSH, name) for name in names]))
    assert sorted(found.values()) == list(range(1, len(names) + 1))
    for name, number in found.items():
        assert await store.job_types([name]) == [JobType(number, name)]


async def test_types_named_by_many_at_once_have_one_number_each(store: Store) -> None:
    """Whoever comes first; hundreds at a time, as when a node begins to count."""
    types = [TypeName(Kind.PULL, f"queue {number}") for number in range(300)]
    answers: list[dict[TypeName, int]] = []

    async def name(wanted: list[TypeName]) -> None:
        answers.append(numbers(await store.name_types(wanted)))

    async with trio.open_nursery() as naming:
        for start in (0, 100, 200):
            naming.start_soon(name, types[start:] + types[:start])
    assert answers[0] == answers[1] == answers[2]
    assert sorted(answers[0].values()) == list(range(1, 301))


async def test_samples_are_a_series_in_time(store: Store) -> None:
    """Whatever order they came in, from the first to the last instant, both included."""
    for age in (3, 1, 2, 5):
        await store.add_load(sample(NOW + age, t1=age))
    points = {age: LoadPoint(NOW + age, Load(9, age, age)) for age in (1, 2, 3, 5)}
    assert await series(store) == list(points.values())
    assert await series(store, first_ms=NOW + 2, last_ms=NOW + 3) == [points[2], points[3]]
    assert await series(store, first_ms=NOW + 4, last_ms=NOW + 4) == []
    assert await series(store, first_ms=NOW + 3, last_ms=NOW + 2) == []
    for first_ms, last_ms in ((0, INT64_MAX), (NOW + 2, NOW + 3), (NOW + 3, NOW + 2), (NOW + 6, INT64_MAX)):
        expected = len(await series(store, first_ms=first_ms, last_ms=last_ms))
        assert await store.count_load(first_ms, last_ms) == expected


async def test_series_of_types_adds_them_up_and_is_zero_without_them(store: Store) -> None:
    """It has the same instants as the whole one, so that two of them can be compared."""
    await store.add_load(sample(NOW, t1=1, t2=10, t3=100))
    await store.add_load(sample(NOW + 1))
    await store.add_load(sample(NOW + 2, t2=20))
    shown = {
        wanted: [point.load.queued for point in await series(store, *wanted)]
        for wanted in ((1,), (2,), (1, 3), (2, 7), (7,))
    }
    assert shown == {
        (1,): [1, 0, 0],
        (2,): [10, 0, 20],
        (1, 3): [101, 0, 0],
        (2, 7): [10, 0, 20],
        (7,): [0, 0, 0],
    }
    assert await series(store, 2) == [
        LoadPoint(NOW, Load(0, 10, 10)),
        LoadPoint(NOW + 1, Load()),
        LoadPoint(NOW + 2, Load(0, 20, 20)),
    ]


async def test_series_of_no_type_is_zero(store: Store) -> None:
    """A filter that lets nothing in is not the same as none."""
    await store.add_load(sample(NOW, t1=1))
    query = LoadQuery(first_ms=0, last_ms=INT64_MAX, job_types=frozenset(), limit=10)
    assert await store.load(query) == [LoadPoint(NOW, Load())]


@pytest.mark.parametrize("job_types", [None, frozenset({1})])
async def test_series_is_cut_by_offset_and_limit(store: Store, job_types: frozenset[int] | None) -> None:
    """Alike with and without a filter: an instant without the type takes its place all the same."""
    for age in range(6):
        await store.add_load(sample(NOW + age, **({"t1": age} if age % 2 else {"t2": age})))

    async def instants(offset: int, limit: int) -> list[int]:
        query = LoadQuery(first_ms=NOW + 1, last_ms=NOW + 5, job_types=job_types, offset=offset, limit=limit)
        return [point.time_ms - NOW for point in await store.load(query)]

    assert [await instants(offset, 2) for offset in (0, 2, 4, 5, 99)] == [[1, 2], [3, 4], [5], [], []]


async def test_sample_of_the_same_instant_takes_the_others_place(store: Store) -> None:
    """With all its types: none of the first one's is left."""
    await store.add_load(sample(NOW, t1=1, t2=2))
    await store.add_load(sample(NOW, t2=5, t3=6))
    assert await series(store) == [LoadPoint(NOW, Load(9, 11, 11))]
    assert [(await series(store, number))[0].load.queued for number in (1, 2, 3)] == [0, 5, 6]
    assert await store.count_load(0, INT64_MAX) == 1


async def test_sample_may_have_a_thousand_types(store: Store) -> None:
    """All are kept, with as many jobs as there may ever be."""
    loads = {number: Load(number, 4_000_000 + number, 1) for number in range(1, 1001)}
    total = sum(loads.values(), Load())
    await store.add_load(LoadSample(NOW, total, loads))
    assert await series(store) == [LoadPoint(NOW, total)]
    assert await series(store, *loads) == [LoadPoint(NOW, total)]
    assert await series(store, 1000) == [LoadPoint(NOW, loads[1000])]


async def test_oldest_samples_are_forgotten_first(store: Store) -> None:
    """Those from before a time, a few at a time."""
    for age in (4, 1, 3, 2):
        await store.add_load(sample(NOW + age, t1=age))
    assert await store.forget_load(NOW + 1, 10) == 0
    assert await store.forget_load(NOW + 4, 2) == 2
    assert [point.time_ms for point in await series(store)] == [NOW + 3, NOW + 4]
    assert await store.forget_load(NOW + 4, 2) == 1
    assert await store.forget_load(NOW + 4, 2) == 0
    assert [point.load.queued for point in await series(store, 1)] == [4]


async def test_series_of_many_samples_is_that_of_a_plain_sum(store: Store, chance: random.Random) -> None:
    """Samples and types at random, held against the sums of what was stored."""
    samples = {}
    for time_ms in chance.sample(range(NOW, NOW + 500), 40):
        loads = {number: Load(*chance.choices(range(99), k=3)) for number in chance.sample(range(1, 9), 4)}
        samples[time_ms] = LoadSample(time_ms, sum(loads.values(), Load()), loads)
        await store.add_load(samples[time_ms])
    for wanted in (None, frozenset({1}), frozenset({2, 5, 8})):
        first_ms, last_ms = sorted(chance.choices(range(NOW, NOW + 500), k=2))
        query = LoadQuery(first_ms=first_ms, last_ms=last_ms, job_types=wanted, offset=2, limit=9)
        within = [samples[time_ms] for time_ms in sorted(samples) if first_ms <= time_ms <= last_ms]
        expected = [
            LoadPoint(
                each.time_ms,
                sum((load for key, load in each.by_type.items() if wanted is None or key in wanted), Load()),
            )
            for each in within[2:11]
        ]
        assert await store.load(query) == expected


async def test_chore_is_taken_once_in_a_period(store: Store) -> None:
    """By the first who asks once the period is over, to the millisecond; each chore by itself."""
    assert await store.take_turn(Chore.SAMPLE, NOW, PERIOD_MS) is True
    assert await store.take_turn(Chore.SAMPLE, NOW, PERIOD_MS) is False
    assert await store.take_turn(Chore.PRUNE, NOW, PERIOD_MS) is True
    assert await store.take_turn(Chore.SAMPLE, NOW + PERIOD_MS - 1, PERIOD_MS) is False
    assert await store.take_turn(Chore.SAMPLE, NOW + PERIOD_MS, PERIOD_MS) is True
    assert await store.take_turn(Chore.SAMPLE, NOW + PERIOD_MS + 1, PERIOD_MS) is False


async def test_refused_turn_does_not_put_off_the_next(store: Store) -> None:
    """The period counts from who had the chore, not from who asked for it."""
    await store.take_turn(Chore.SAMPLE, NOW, PERIOD_MS)
    for age in range(0, PERIOD_MS, PERIOD_MS // 4):
        assert await store.take_turn(Chore.SAMPLE, NOW + age, PERIOD_MS) is False
    assert await store.take_turn(Chore.SAMPLE, NOW + PERIOD_MS, PERIOD_MS) is True


async def test_turn_of_before_the_clock_was_set_back_does_not_count(store: Store) -> None:
    """A last time further ahead than the period would leave the chore undone for as long."""
    await store.take_turn(Chore.SAMPLE, NOW, PERIOD_MS)
    assert await store.take_turn(Chore.SAMPLE, NOW - PERIOD_MS, PERIOD_MS) is False
    assert await store.take_turn(Chore.SAMPLE, NOW - PERIOD_MS - 1, PERIOD_MS) is True
    assert await store.take_turn(Chore.SAMPLE, NOW - 1, PERIOD_MS) is True


async def test_of_those_who_ask_for_a_chore_at_once_one_has_it(store: Store) -> None:
    """In one transaction or in several; the first time, and every time after."""
    for round_ms in range(NOW, NOW + 3 * PERIOD_MS, PERIOD_MS):
        taken: list[bool] = []

        async def ask(now_ms: int, taken: list[bool] = taken) -> None:
            taken.append(await store.take_turn(Chore.SAMPLE, now_ms, PERIOD_MS))

        async with trio.open_nursery() as asking:
            for _ in range(5):
                asking.start_soon(ask, round_ms)
        assert sorted(taken) == [False] * 4 + [True]


async def test_of_two_nodes_one_has_the_chore(open_durable: OpenStore) -> None:
    """They know nothing of each other but what is in the database."""
    taken: list[bool] = []

    async with open_durable("node-1") as one, open_durable("node-2") as two:

        async def ask(store: Store) -> None:
            taken.append(await store.take_turn(Chore.SAMPLE, NOW, PERIOD_MS))

        async with trio.open_nursery() as asking:
            for store in (one, two, one, two):
                asking.start_soon(ask, store)
    assert sorted(taken) == [False, False, False, True]


async def test_load_is_there_after_a_restart(open_durable: OpenStore) -> None:
    """Samples, the numbers of types, and when a chore was done."""
    async with open_durable("node-1") as store:
        named = numbers(await store.name_types([PUSHED, OTHER]))
        await store.add_load(sample(NOW, t1=1))
        await store.take_turn(Chore.SAMPLE, NOW, PERIOD_MS)
    async with open_durable("node-2") as store:
        assert numbers(await store.job_types()) == named
        assert numbers(await store.name_types([PULLED])) == {PULLED: 3}
        assert await series(store, 1) == [LoadPoint(NOW, Load(0, 1, 1))]
        assert await store.take_turn(Chore.SAMPLE, NOW + 1, PERIOD_MS) is False
