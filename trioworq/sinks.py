"""Where log lines go: files and standard streams, written by a thread.

A log line never blocks the program: lines wait in memory and a thread writes them. A target that stops
taking them (a full disk, a blocked pipe) costs lines, which are counted and reported, and nothing else.
"""

import os
import threading
from collections import deque
from pathlib import Path

import orjson
import trio

from trioworq.config import ConfigError

# Lines of one burst are written together; nobody reads a log sooner than this.
FLUSH_INTERVAL_S = 0.01
# Lines that wait for a slow target; beyond this they are counted and dropped.
WAITING_LIMIT_BYTES = 8 * 1024 * 1024


class Sink:
    """One target of log lines: a file that can be reopened, or a standard stream."""

    def __init__(self, path: str, standard_stream: int) -> None:
        """Open the target; no `path` means the file descriptor `standard_stream`. Raises ConfigError."""
        self._path = path
        self._fd = _open_for_append(path) if path else standard_stream
        self._writing = threading.Lock()
        self._lines: list[bytes] = []
        # Taken, and left to whichever thread writes next.
        self._batches: deque[list[bytes]] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        self._has_lines = trio.Event()

    def write(self, line: bytes) -> None:
        """Take a line, without its line end; return at once."""
        if self._waiting_bytes > WAITING_LIMIT_BYTES:
            self._dropped += 1
            return
        self._lines.append(line)
        self._waiting_bytes += len(line)
        self._has_lines.set()

    def reopen(self) -> None:
        """Close the file and open what is at its path now; a standard stream stays as it is.

        Raises ConfigError, and goes on with the old file, when the new one cannot be opened.
        """
        if self._path:
            fresh = _open_for_append(self._path)
            # The number stays, so a thread that is just writing cannot meet a closed file.
            os.dup2(fresh, self._fd, inheritable=False)
            os.close(fresh)

    async def run(self) -> None:
        """Write lines as they come. If cancelled: `finish` sees to the lines not yet written."""
        while True:
            await self._has_lines.wait()
            await trio.sleep(FLUSH_INTERVAL_S)
            await self._flush()

    async def finish(self) -> None:
        """Write the lines that are left, also what `run` had taken when it was cancelled; close the file.

        If cancelled: the file stays open, because a thread may still be writing to it.
        """
        await self._flush()
        if self._path:
            os.close(self._fd)

    async def _flush(self) -> None:
        self._batches.append(self._take())
        # A blocked pipe may hold the thread for ever; it must not hold the program's end.
        lost = await trio.to_thread.run_sync(self._write_batches, abandon_on_cancel=True)
        self._dropped += lost

    def _take(self) -> list[bytes]:
        if self._dropped:
            notice = {"level": "warn", "message": "log lines dropped", "count": self._dropped}
            self._lines.append(orjson.dumps(notice))
        lines, self._lines = self._lines, []
        self._waiting_bytes = self._dropped = 0
        self._has_lines = trio.Event()
        return lines

    def _write_batches(self) -> int:
        """Write, in a thread, what has been taken; return how many lines were lost.

        Whoever has waited for the lock finds that what was taken before has been written.
        """
        lost = 0
        with self._writing:
            while self._batches:
                lines = self._batches.popleft()
                if not self._write(lines):
                    lost += len(lines)
        return lost

    def _write(self, lines: list[bytes]) -> bool:
        """Write lines; False when the target is full or gone, as far as it took them."""
        view = memoryview(b"\n".join([*lines, b""]))
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except OSError:
                return False
        return True


def _open_for_append(path: str) -> int:
    try:
        Path(path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError(f"cannot write the log {path}: {error.strerror}; choose another file") from None
