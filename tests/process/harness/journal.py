"""Append-only files of JSON lines. What was recorded is there, whoever dies after it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import trio


class Journal:
    """An open file; made by `open_journal`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def note(self, event: str, **fields: Any) -> float:
        """Append a line and return its time, in seconds of the monotonic clock; waits for no disk."""
        at_s = time.monotonic()
        line = orjson.dumps({"at_s": at_s, "event": event, **fields}, option=orjson.OPT_APPEND_NEWLINE)
        os.write(self._descriptor, line)
        return at_s

    async def record(self, event: str, **fields: Any) -> float:
        """Append a line, wait until the disk has it, and return its time.

        If cancelled: the line is there, but may not outlive the machine.
        """
        at_s = self.note(event, **fields)
        await trio.to_thread.run_sync(os.fdatasync, self._descriptor)
        return at_s


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """Open a file to append to; it may be there already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        yield Journal(descriptor)
    finally:
        os.close(descriptor)


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file in order."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]
