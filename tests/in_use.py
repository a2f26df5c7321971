"""What the tests' process has in use: nothing that a hostile peer does may make it grow (I13)."""

import gc
import os
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from attrs import frozen

# What caches may keep. A connection that is left behind takes some ten thousand, and there are many.
SLACK_BYTES = 100_000

# Trio keeps up to a thousand deadlines that no longer matter; its tasks are counted as such.
_NOT_TRIO = tracemalloc.Filter(inclusive=False, filename_pattern=f"{os.path.dirname(trio.__file__)}/*")


@frozen
class InUse:
    """Tasks and open files."""

    tasks: int
    files: int

    @classmethod
    def now(cls) -> "InUse":
        """Count."""
        return cls(trio.lowlevel.current_statistics().tasks_living, len(os.listdir("/proc/self/fd")))

    async def wait_until_no_more(self) -> None:
        """Wait until no more is in use than this."""
        with trio.move_on_after(10):
            while (now := self.now()).tasks > self.tasks or now.files > self.files:
                await trio.sleep(0.005)
            return
        pytest.fail(f"{self.now()} are more than {self}")


@asynccontextmanager
async def flat(
    before: InUse, *, peak_bytes: int, records: Sequence[list[Any]] = (), kept: Sequence[bytes] = ()
) -> AsyncIterator[None]:
    """Check that the body leaves no more in use than `before`, and never takes more than `peak_bytes`.

    `records` are lists of the test's own, which are emptied; `kept` is what it needs still.
    """
    _empty(records)
    tracemalloc.start()
    try:
        yield
        await before.wait_until_no_more()
        peak = tracemalloc.get_traced_memory()[1]
        _empty(records)
        left = _held_bytes()
    finally:
        tracemalloc.stop()
    own = sum(map(len, kept))
    assert left - own < SLACK_BYTES, f"{left - own} bytes are left"
    assert peak - own < peak_bytes, f"{peak - own} bytes were in use"


def _empty(records: Sequence[list[Any]]) -> None:
    for record in records:
        record.clear()
    gc.collect()


def _held_bytes() -> int:
    traces = tracemalloc.take_snapshot().filter_traces([_NOT_TRIO]).traces
    return sum(trace.size for trace in traces)
