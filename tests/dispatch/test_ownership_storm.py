"""Ownership in a storm: minutes of it take seconds, and TRIOWORQ_TEST_SEED repeats a run."""

import trio
from trio.testing import MockClock

from tests.dispatch.push_side import open_memory_store
from tests.dispatch.storm import QUEUES, Storm, definition_of
from tests.seeds import seeded_dice
from trioworq.clock import Clock
from trioworq.core.routing import Routing
from trioworq.dispatch.ownership import LETTING_GO_AGAIN_S

STEPS = 3000
STEP_S = 0.2
# By then the last queues have moved, and the throttle has let everything through: more than a hundred jobs
# may wait for it when the storm ends, and half of this time is enough for all that one brings.
QUIET_S = 48 * LETTING_GO_AGAIN_S


async def blow(storm: Storm) -> None:
    """Push jobs and do harm, step by step; then let the sky clear, with every queue defined."""
    news = (storm.define, storm.define, storm.undefine, storm.delete_job)
    harm = (storm.join, storm.join, storm.leave, storm.crash, storm.cut_off, storm.outage, storm.stall)
    weights = (40.0, *[1.0] * len(news), *[0.5] * len(harm))
    for _ in range(STEPS):
        await trio.sleep(storm.dice.uniform(0, STEP_S))
        (deed,) = storm.dice.choices((storm.push, *news, *harm), weights)
        await deed()
    await trio.sleep(QUIET_S / 2)
    await storm.define_all()
    await trio.sleep(QUIET_S / 2)


async def test_storm_loses_no_job_and_leaves_the_queues_spread(autojump_clock: MockClock) -> None:
    """Jobs run again only where a node was in trouble, caps hold, and in the end all is even and empty."""
    dice = seeded_dice()
    async with open_memory_store() as store, trio.open_nursery() as tasks:
        storm = Storm(dice, store, Clock(), tasks)
        for queue in QUEUES:
            await store.put_queue(definition_of(queue))
            await store.put_routing(Routing(queue, queue))
        await storm.join()
        await blow(storm)
        assert await storm.left() == []
        assert storm.never_run() == set()
        assert storm.unexplained_repetitions() == {}
        assert storm.excess() == []
        assert storm.hasty_starts() == []
        assert storm.late_calls() == []
        spread = await storm.spread()
        assert max(spread.values()) - min(spread.values()) <= 1, spread
        tasks.cancel_scope.cancel()
