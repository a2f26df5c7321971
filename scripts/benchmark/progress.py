"""One line that shows how far a phase is, on a terminal only."""

import sys
import time

from attrs import define, field

WIDTH = 30
INTERVAL_S = 0.1


@define
class Progress:
    """Draws over the same line of standard error; nothing is drawn where that is no terminal."""

    _is_on: bool = field(factory=lambda: sys.stderr.isatty())
    _drawn_at_s: float = 0.0

    def show(self, what: str, done: int, total: int) -> None:
        """Draw, at most ten times a second."""
        now_s = time.monotonic()
        if not self._is_on or now_s - self._drawn_at_s < INTERVAL_S:
            return
        self._drawn_at_s = now_s
        bar = ("#" * (WIDTH * done // max(1, total))).ljust(WIDTH)
        sys.stderr.write(f"\r\x1b[K[{bar}] {what} {done}/{total}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave an empty line for what is printed next."""
        if self._is_on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def print(self, text: str) -> None:
        """Print what was found, on a line of its own."""
        self.clear()
        print(text, flush=True)
