"""Files that an operator replaces while the daemon runs."""

import os
from collections.abc import Callable
from typing import Generic, TypeVar

import trio
from attrs import define, field

from trioworq.config import ConfigError
from trioworq.logs import ErrorLog

LOOK_INTERVAL_S = 1.0

_T = TypeVar("_T")

# What changes when a file is replaced, written to or given other rights; None where there is no file. The
# time is not that of the last writing, which can be set, and which a change of rights leaves as it is.
_Stamp = tuple[int, int, int] | None


@define(eq=False)
class Followed(Generic[_T]):
    """What is read from files, at once and again when they have changed."""

    _option: str
    _paths: tuple[str, ...]
    _read: Callable[[], _T]
    _use: Callable[[_T], None]
    _seen: list[_Stamp] = field(init=False)
    # Why what was seen last cannot be used; empty when it is in force.
    _refused: str = field(default="", init=False)

    def __attrs_post_init__(self) -> None:
        """Read and use it for the first time. Raises ConfigError."""
        # Before reading: what changes meanwhile is found later.
        self._seen = self._look()
        self._use(self._read())

    async def follow(self, error_log: ErrorLog) -> None:
        """Look for changes. Runs until cancelled."""
        while True:
            await trio.sleep(LOOK_INTERVAL_S)
            await self.take_up(error_log)

    async def take_up(self, error_log: ErrorLog) -> None:
        """Read the files anew if they have changed; those that cannot be used leave all as it was.

        They are read again each time until they can be: the reason may pass without a change of theirs, as
        when all files are in use, and a token that was taken away should not live on for that.
        If cancelled: nothing is used of what has been read.
        """
        seen = await trio.to_thread.run_sync(self._look, abandon_on_cancel=True)
        if seen == self._seen and not self._refused:
            return
        try:
            value = await trio.to_thread.run_sync(self._read, abandon_on_cancel=True)
        except ConfigError as error:
            self._refuse(str(error), error_log, is_new=seen != self._seen)
        else:
            self._refused = ""
            self._use(value)
            error_log.info(f"{self._option}: changed, and is in force")
        self._seen = seen

    def _refuse(self, reason: str, error_log: ErrorLog, *, is_new: bool) -> None:
        if is_new or reason != self._refused:
            error_log.error(
                f"{self._option}: changed, but cannot be used; what was read before stays in force",
                reason=reason,
            )
        self._refused = reason

    def _look(self) -> list[_Stamp]:
        return [_stamp(path) for path in self._paths]


def _stamp(path: str) -> _Stamp:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_ctime_ns
