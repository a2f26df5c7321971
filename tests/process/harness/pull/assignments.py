"""What the jobs of a run are: what the workers that fetch one are to do, and so how each has to end."""

import random
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from attrs import asdict, evolve, field, frozen

# The names of push queues too, on purpose: they have nothing to do with each other.
PULSE = "pulse"  # a steady stream that shows gaps
ONE = "one"  # one worker that fetches one job at a time: shows the order
MIXED = "mixed"
IDLE = "idle"  # never has a job; for workers that wait in vain
PAUSED = "paused"  # and resumed, again and again

DEFAULT_PRIORITY = 100
# Of a job that its worker keeps by heartbeats.
LONG_HOLD_MS = 2500


class Kind(StrEnum):
    """What its workers do to a job."""

    COMPLETED = "completed"
    RESCHEDULED = "rescheduled"  # once, and then completed
    DROPPED = "dropped"  # left to its lease `fails` times, then completed
    NEVER = "never"  # left to its lease as often as it is fetched
    LATE = "late"  # at first completed when its lease has ended, by a run that is another's by then
    LATE_BARE = "late-bare"  # the same without naming a run
    MENDED = "mended"  # left to its lease until it fails; when it is run again, it is completed


@frozen(kw_only=True)
class Assignment:
    """One job as its client means it."""

    name: str
    queue: str
    kind: Kind = field(default=Kind.COMPLETED, converter=Kind)
    fails: int = 0
    hold_ms: int = 0
    # None: nothing is said of the time, which means now.
    run_after_s: int | None = None
    timeout_s: int = 3
    max_retries: int = 5
    priority: int | None = None
    is_fenced: bool = True  # whether its workers name their run
    padding: int = 0

    @property
    def tries(self) -> int:
        """How often it is handed out when nothing goes wrong."""
        match self.kind:
            case Kind.COMPLETED:
                return 1
            case Kind.DROPPED:
                return self.fails + 1
            case Kind.NEVER:
                return self.max_retries + 1
            case Kind.MENDED:
                return self.max_retries + 2
            case _:
                return 2

    def order(self, run_after_s: int | None) -> dict[str, Any]:
        """Return the body that enqueues or reschedules it."""
        order: dict[str, Any] = {
            "id": self.name,
            "queue": self.queue,
            "timeout": self.timeout_s,
            "max_retries": self.max_retries,
            "payload": {**asdict(self), "padding": "x" * self.padding},
        }
        if run_after_s is not None:
            at = datetime.fromtimestamp(time.time_ns() / 1e9 + run_after_s, UTC)
            order["run_at"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self.priority is not None:
            order["priority"] = self.priority
        return order


def assigned(payload: dict[str, Any]) -> Assignment:
    """Read a job's payload."""
    return Assignment(**{**payload, "padding": len(payload["padding"])})


def draw(rng: random.Random, name: str) -> Assignment:
    """Make up a job."""
    if rng.random() < 0.25:
        return Assignment(
            name=name,
            queue=ONE,
            run_after_s=rng.choice((None, None, None, 0, 1)),
            priority=rng.choice((None, None, None, 50, 200)),
            is_fenced=rng.random() < 0.7,
        )
    if rng.random() < 0.1:
        return Assignment(name=name, queue=PAUSED)
    plain = Assignment(
        name=name,
        queue=MIXED,
        kind=rng.choices(tuple(Kind), (65, 8, 10, 4, 5, 3, 5))[0],
        run_after_s=rng.choice((None, None, None, 0, 1)),
        is_fenced=rng.random() < 0.7,
        padding=rng.choice((0, 0, 0, 0, 10, 2000, 40_000)),
    )
    return _any(rng, plain)


def _any(rng: random.Random, plain: Assignment) -> Assignment:
    match plain.kind:
        case Kind.COMPLETED:
            hold_ms = rng.choice((0, 0, 0, 0, 0, 20, 100, LONG_HOLD_MS))
            return evolve(plain, hold_ms=hold_ms, timeout_s=2 if hold_ms == LONG_HOLD_MS else 3)
        case Kind.DROPPED:
            return evolve(plain, fails=rng.randint(1, 2), timeout_s=1, max_retries=rng.choice((-1, 6)))
        case Kind.NEVER | Kind.MENDED:
            return evolve(plain, timeout_s=rng.choice((0, 1, 1)), max_retries=rng.randint(0, 2))
        case Kind.LATE | Kind.LATE_BARE:
            return evolve(plain, timeout_s=1, hold_ms=LONG_HOLD_MS, is_fenced=True)
        case Kind.RESCHEDULED:
            return evolve(plain, run_after_s=None)
