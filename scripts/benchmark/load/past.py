"""Samples of the load, as a sampler would have left them behind.

No API takes them, so they are written to the store itself, before the server that is measured has it.
"""

import time
from collections.abc import Mapping

import trio

from benchmark.errors import Deadline
from benchmark.load.phases import Plan
from benchmark.progress import Progress
from trioworq.config import Config, Driver
from trioworq.core.jobs import Kind
from trioworq.core.load import Load, LoadSample, TypeName
from trioworq.stores.opening import open_store

# Those of as many writers share transactions.
WRITERS = 50

WHAT = "the past to be written"


def write(options: Mapping[str, str], plan: Plan, deadline: Deadline, progress: Progress) -> None:
    """Fill the store that a daemon with these options would have. Raises BenchError if it takes too long."""
    config = Config(
        driver=Driver(options["driver"]),
        sqlite_path=options["sqlite-path"],
        mysql_dsn=options.get("mysql-dsn", ""),
    )
    if not trio.run(_fill, config, plan, deadline.left_s(WHAT), progress):
        deadline.left_s(WHAT)


async def _fill(config: Config, plan: Plan, limit_s: float, progress: Progress) -> bool:
    """Write every sample; return whether there was time for it.

    Tasks: the writers. Stops when: all has been written, or the time is over. Raises: what the store raises.
    """
    with trio.move_on_after(limit_s) as scope:
        await _write_all(config, plan, progress)
    return not scope.cancelled_caught


async def _write_all(config: Config, plan: Plan, progress: Progress) -> None:
    async with open_store(config, node_id="bench") as store:
        names = [TypeName(Kind.PUSH, plan.type_name(index)) for index in range(plan.types)]
        types = [job_type.id for job_type in await store.name_types(names)]
        left = iter(range(plan.samples))
        last_ms = time.time_ns() // 1_000_000

        async def write() -> None:
            for index in left:
                progress.show("samples written", index, plan.samples)
                await store.add_load(_sample(last_ms - index * plan.interval_s * 1000, index, types))

        async with trio.open_nursery() as writers:
            for _ in range(WRITERS):
                writers.start_soon(write)


def _sample(time_ms: int, index: int, types: list[int]) -> LoadSample:
    by_type = {job_type: Load(index % 7, index % 11, job_type % 13) for job_type in types}
    return LoadSample(time_ms, sum(by_type.values(), Load()), by_type)
