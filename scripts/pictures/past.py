"""A week of the shop's load, as a sampler would have left it behind: no API takes samples."""

import math
import time
from collections.abc import Mapping

import trio

from trioworq.config import Config, Driver
from trioworq.core.jobs import Kind
from trioworq.core.load import Load, LoadSample, TypeName
from trioworq.stores.opening import open_store

INTERVAL_S = 300
DAY_S = 86_400
SAMPLES = 7 * DAY_S // INTERVAL_S
# (category or pull queue, jobs at noon, hours by which it is later than the others)
SHARES = (
    (TypeName(Kind.PUSH, "order/confirmation"), 40, 0),
    (TypeName(Kind.PUSH, "pictures/thumbnail"), 60, 2),
    (TypeName(Kind.PUSH, "newsletter/weekly"), 90, 6),
    (TypeName(Kind.PUSH, "catalogue/changed"), 25, 9),
    (TypeName(Kind.PUSH, "order/risk"), 20, 1),
    (TypeName(Kind.PUSH, "partners/stock"), 30, 4),
    (TypeName(Kind.PULL, "exports"), 35, 12),
    (TypeName(Kind.PULL, "video-transcoding"), 15, 3),
)


def write(options: Mapping[str, str]) -> None:
    """Fill the store that a daemon with these options would have."""
    config = Config(driver=Driver(options["driver"]), sqlite_path=options["sqlite-path"])
    trio.run(_write, config)


async def _write(config: Config) -> None:
    async with open_store(config, node_id="past") as store:
        types = [job_type.id for job_type in await store.name_types([each[0] for each in SHARES])]
        last_s = time.time_ns() // 1_000_000_000
        for index in range(SAMPLES, 0, -1):
            time_s = last_s - index * INTERVAL_S
            await store.add_load(_sample(time_s, types))


def _sample(time_s: int, types: list[int]) -> LoadSample:
    by_type = {
        job_type: _load(time_s - late_h * 3600, noon)
        for job_type, (_, noon, late_h) in zip(types, SHARES, strict=True)
    }
    return LoadSample(time_s * 1000, sum(by_type.values(), Load()), by_type)


def _load(time_s: int, noon: int) -> Load:
    """Return much by day and little by night, with some waves on it."""
    day = (1 - math.cos(2 * math.pi * time_s / DAY_S)) / 2
    wave = 1 + 0.3 * math.sin(time_s / 5000 + noon) * math.sin(time_s / 1700)
    jobs = noon * (0.15 + day) * wave
    return Load(pending=int(jobs / 4), queued=int(jobs), running=int(jobs / 3))
