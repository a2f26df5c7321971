"""Why a measurement ends without figures, and the clock that ends it."""

import time

from attrs import frozen


class BenchError(Exception):
    """The measurement cannot go on; the message is one line for the terminal."""


@frozen
class Deadline:
    """The moment by which a measurement has to be over."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline that is `seconds` away."""
        return cls(time.monotonic() + seconds)

    def left_s(self, waiting_for: str) -> float:
        """Return the seconds left; raise BenchError, naming what was waited for, when there are none."""
        left_s = self.at_s - time.monotonic()
        if left_s <= 0:
            raise BenchError(f"out of time while waiting for {waiting_for}; see --timeout")
        return left_s
