"""What the jobs of a run are: what their worker is to do, and so how each of them has to end."""

import random
from enum import StrEnum
from typing import Any

from attrs import asdict, evolve, field, frozen

# What each queue is for; the names of queues are their categories too.
PULSE = "pulse"  # a steady stream that shows gaps
ONE = "one"  # max_workers 1: shows the order
THREE = "three"
THROTTLED = "throttled"
MIXED = "mixed"  # redefined all the time
HANGING = "hanging"  # calls that end with their timeout
PAUSED = "paused"  # and resumed, again and again
QUEUES: dict[str, dict[str, float]] = {
    PULSE: {"max_workers": 20},
    ONE: {"max_workers": 1, "polling_interval": 100},
    THREE: {"max_workers": 3, "polling_interval": 100},
    THROTTLED: {"max_workers": 10, "max_dispatches_per_second": 20, "max_burst_size": 5},
    MIXED: {"max_workers": 30},
    HANGING: {"max_workers": 5},
    PAUSED: {"max_workers": 5},
}
REDEFINED = MIXED
REDEFINED_WORKERS = (8, 30)


class Kind(StrEnum):
    """What comes of an attempt."""

    SUCCESS = "success"
    FAILURE = "failure"
    PERMANENT = "permanent-failure"
    FLAKY = "flaky"  # fails `fails` times, then succeeds
    GARBAGE = "garbage"  # answers what is no verdict
    HANGING = "hanging"  # never answers
    UNREACHABLE = "unreachable"  # nobody listens
    MENDED = "mended"  # fails for good at first; when it is run again, it succeeds


ENDS_WELL = (Kind.SUCCESS, Kind.FLAKY)


@frozen(kw_only=True)
class Assignment:
    """One job as its client means it."""

    name: str
    queue: str
    kind: Kind = field(default=Kind.SUCCESS, converter=Kind)
    fails: int = 0
    hold_ms: int = 0
    run_after_s: int = 0
    retry_delay_s: int = 0
    max_retries: int = 0
    timeout_s: int = 0
    padding: int = 0

    @property
    def attempts(self) -> int:
        """How many attempts it takes when nothing goes wrong; no more than these may count as failures.

        When it is run again after it has failed, it takes as many once more at most.
        """
        match self.kind:
            case Kind.SUCCESS | Kind.PERMANENT | Kind.MENDED:
                return 1
            case Kind.FLAKY:
                return self.fails + 1
            case _:
                return self.max_retries + 1

    @property
    def fail_count(self) -> int | None:
        """What the failure log has to say of it in the end; None where it must not be there."""
        return None if self.kind in ENDS_WELL else self.attempts

    def order(self, worker_url: str) -> dict[str, Any]:
        """Return the body of its push."""
        url = "http://127.0.0.1:1" if self.kind is Kind.UNREACHABLE else worker_url
        return {
            "url": f"{url}/{self.queue}",
            "payload": {**asdict(self), "padding": "x" * self.padding},
            "run_after": self.run_after_s,
            "retry_delay": self.retry_delay_s,
            "max_retries": self.max_retries,
            "timeout": self.timeout_s,
        }


def draw(rng: random.Random, name: str) -> Assignment:
    """Make up a job."""
    queue = rng.choices((ONE, THREE, THROTTLED, MIXED, HANGING, PAUSED), (25, 20, 8, 40, 2, 5))[0]
    plain = Assignment(name=name, queue=queue)
    match queue:
        case "one":
            return evolve(plain, run_after_s=rng.choice((0,) * 9 + (1,)))
        case "throttled":
            return plain
        case "hanging":
            return evolve(plain, kind=Kind.HANGING, timeout_s=2, max_retries=rng.randint(0, 1))
        case _:
            return _any(rng, plain)


def _any(rng: random.Random, plain: Assignment) -> Assignment:
    kind = rng.choices(tuple(Kind), (65, 6, 5, 10, 4, 0, 5, 5))[0]
    return evolve(
        plain,
        kind=kind,
        fails=rng.randint(1, 2) if kind is Kind.FLAKY else 0,
        max_retries=2 if kind is Kind.FLAKY else rng.randint(0, 2),
        hold_ms=rng.choice((0, 0, 0, 0, 20, 100, 1500 if plain.queue == MIXED else 100)),
        run_after_s=rng.choice((0, 0, 0, 0, 0, 1, 2)),
        retry_delay_s=rng.choice((0, 1)),
        padding=rng.choice((0, 0, 0, 0, 10, 2000, 40_000)),
    )
