"""The numbers of job types: small, given on first sight, and never used twice (contract load §4.4)."""

from collections.abc import Collection

from trioworq.core.load import JobType, TypeName
from trioworq.stores.interface import Store

# How many types one statement asks for, and one transaction gives numbers to.
TYPES_AT_ONCE = 500


async def number(store: Store, types: Collection[TypeName]) -> list[JobType]:
    """Return job types with their numbers.

    Raises StoreUnavailable. If cancelled: some may have been given numbers.
    """
    names = list(types)
    numbered: list[JobType] = []
    for start in range(0, len(names), TYPES_AT_ONCE):
        asked = names[start : start + TYPES_AT_ONCE]
        known = await store.job_types(asked)
        missing = set(asked).difference(job_type.type for job_type in known)
        numbered += known
        if missing:
            numbered += await store.name_types(sorted(missing, key=lambda each: (each.kind, each.name)))
    return numbered
