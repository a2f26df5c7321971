"""What a queue is, which definitions are allowed, and what a changed set of definitions asks for."""

import math
from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import DEFAULT_PRIORITY, MAX_PRIORITY, NAME_MAX_BYTES, UINT32_MAX

# A throttled queue is polled at this interval whatever its definition says (contract §1.5).
THROTTLED_POLLING_INTERVAL_MS = 100

# Each worker slot can hold a connection and a payload; without a ceiling one definition could take the
# daemon's whole memory (contract W2).
MAX_WORKERS_CEILING = 10_000


@frozen
class QueueDefinition:
    """A queue as it is stored; every number is set. `priority` is that of jobs which ask for none."""

    name: str
    polling_interval_ms: int
    max_workers: int
    max_dispatches_per_second: float = 0.0
    max_burst_size: int = 0
    priority: int = DEFAULT_PRIORITY

    @property
    def is_throttled(self) -> bool:
        """Whether dispatches are limited in time as well as in number."""
        return self.max_dispatches_per_second > 0


@frozen
class QueueDefaults:
    """What a definition gets where it is silent."""

    polling_interval_ms: int = 200
    max_workers: int = 20


@frozen
class Revision:
    """Counts that grow when queue definitions or routings change, on any node."""

    queues: int
    routings: int


@frozen
class Owner:
    """The node that dispatches a queue, until its lease ends."""

    node_id: str
    host: str
    epoch: int
    expires_at_ms: int


def define(
    name: str,
    *,
    defaults: QueueDefaults,
    polling_interval_ms: int = 0,
    max_workers: int = 0,
    max_dispatches_per_second: float = 0.0,
    max_burst_size: int = 0,
    priority: int = DEFAULT_PRIORITY,
) -> QueueDefinition:
    """Check a definition and fill its gaps; 0 stands for "not given" (contract §1.5).

    Raises InvalidRequest for a throttle that is half given or negative and for numbers out of range.
    """
    check_name("queue name", name)
    _check_throttle(max_dispatches_per_second, max_burst_size)
    if max_workers > MAX_WORKERS_CEILING:
        raise InvalidRequest(f"max_workers should be at most {MAX_WORKERS_CEILING}")
    if polling_interval_ms > UINT32_MAX:
        raise InvalidRequest(f"polling_interval should be at most {UINT32_MAX}")
    check_priority(priority)
    definition = QueueDefinition(
        name=name,
        polling_interval_ms=polling_interval_ms or defaults.polling_interval_ms,
        max_workers=max_workers or defaults.max_workers,
        max_dispatches_per_second=max_dispatches_per_second,
        max_burst_size=max_burst_size,
        priority=priority,
    )
    if definition.is_throttled:
        return evolve(definition, polling_interval_ms=THROTTLED_POLLING_INTERVAL_MS)
    return definition


def _check_throttle(per_second: float, burst: int) -> None:
    if not math.isfinite(per_second):
        raise InvalidRequest("MaxDispatchesPerSecond should be a finite number")
    if per_second > 0 and burst == 0:
        raise InvalidRequest("Cannot configure MaxDispatchesPerSecond without MaxBurstSize")
    if per_second < 0:
        raise InvalidRequest("MaxDispatchesPerSecond should be non-negative")
    if per_second == 0 and burst != 0:
        raise InvalidRequest("Cannot configure MaxBurstSize without MaxDispatchesPerSecond")
    if burst > UINT32_MAX:
        raise InvalidRequest(f"MaxBurstSize should be at most {UINT32_MAX}")


def check_priority(priority: int) -> None:
    """Raise InvalidRequest unless it is one that jobs and queues may have (contract README 17)."""
    if not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
        raise InvalidRequest(f"priority should be between {-MAX_PRIORITY} and {MAX_PRIORITY}")


def check_name(what: str, name: str, *, least_bytes: int = 1) -> None:
    """Raise InvalidRequest unless `name` fits the name columns of every store: at most 255 bytes of UTF-8."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidRequest(f"The {what} is not valid UTF-8") from None
    if not least_bytes <= size <= NAME_MAX_BYTES:
        raise InvalidRequest(f"The {what} should have {least_bytes} to {NAME_MAX_BYTES} bytes, not {size}")
    if "\x00" in name:
        raise InvalidRequest(f"The {what} contains a NUL")


@frozen
class Start:
    """A queue is defined and does not run yet."""

    definition: QueueDefinition


@frozen
class Change:
    """A running queue is defined differently from how it runs."""

    definition: QueueDefinition


@frozen
class Stop:
    """A running queue is no longer defined."""

    name: str


def plan(
    running: Mapping[str, QueueDefinition], defined: Iterable[QueueDefinition]
) -> list[Start | Change | Stop]:
    """Say what brings the running queues in line with the defined ones, and touches no other (README 7)."""
    wanted = {definition.name: definition for definition in defined}
    actions: list[Start | Change | Stop] = [Stop(name) for name in running if name not in wanted]
    for name, definition in wanted.items():
        if name not in running:
            actions.append(Start(definition))
        elif running[name] != definition:
            actions.append(Change(definition))
    return actions
