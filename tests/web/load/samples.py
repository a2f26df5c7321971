"""Samples of the load, written as the sampler would, and asked for."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from tests.web.face import Face
from trioworq.core.jobs import Kind
from trioworq.core.load import Load, LoadSample, TypeName
from trioworq.stores.interface import Store

# 2015-10-21, as in the original's examples.
THEN_MS = 1_445_385_600_000
MINUTE_MS = 60_000
DAY = {"started": "2015-10-21T00:00:00Z", "ended": "2015-10-22T00:00:00Z"}

MAIL = TypeName(Kind.PUSH, "mail")
NEWS = TypeName(Kind.PUSH, "news")
TRADES = TypeName(Kind.PULL, "trades")


async def sample(store: Store, time_ms: int, by_type: Mapping[TypeName, Load] | None = None) -> None:
    """Write down how many jobs of each type there were."""
    loads = by_type or {}
    numbers = {job_type.type: job_type.id for job_type in await store.name_types(loads)}
    await store.add_load(
        LoadSample(
            time_ms=time_ms,
            total=sum(loads.values(), Load()),
            by_type={numbers[name]: load for name, load in loads.items()},
        )
    )


async def number_of(store: Store, name: TypeName) -> int:
    """Return the number of a type."""
    [job_type] = await store.name_types([name])
    return job_type.id


async def ask(face: Face, query: Sequence[tuple[str, object]] | Mapping[str, object] = ()) -> Any:
    """Ask for the load and return what comes."""
    answer = await face.client.get(f"/v6/load/?{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def series(face: Face, *query: tuple[str, object]) -> list[tuple[int, int, int]]:
    """Return the numbers of each sample of that day."""
    shown = await ask(face, [*DAY.items(), *query])
    return [
        tuple(item[f"{each}_count"] for each in ("pending", "queued", "running")) for item in shown["results"]
    ]
