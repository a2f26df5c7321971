"""What the service manager is told (sd_notify(3)): the daemon serves, it stops, its loop turns."""

import os
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio
from attrs import frozen

from trioworq.logs import ErrorLog

_MICROSECONDS = re.compile(r"0*([1-9][0-9]{0,17})")


@frozen
class ServiceManager:
    """Who started the daemon, if it wants to be told; what cannot be told is logged, and does no harm."""

    _sender: socket.socket
    _address: str
    # How often it wants to hear that the loop turns; None for never.
    _watchdog_s: float | None
    _error_log: ErrorLog

    def tell_ready(self, status: str) -> None:
        """Say that clients are served; `status` is shown to people."""
        self._tell("READY=1", f"MAINPID={os.getpid()}", _status(status))

    def tell_stopping(self, status: str) -> None:
        """Say that the end has begun; `status` is shown to people."""
        self._tell("STOPPING=1", _status(status))

    async def keep_awake(self) -> None:
        """Say again and again that the loop turns, twice as often as wanted. Runs until cancelled, if at all.

        A task of the loop that it speaks for: when that is held up, it falls silent.
        """
        while self._watchdog_s is not None:
            self._tell("WATCHDOG=1")
            await trio.sleep(self._watchdog_s / 2)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            self._sender.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
        except OSError as error:
            self._error_log.warning("cannot tell the service manager", reason=error.strerror or str(error))


@asynccontextmanager
async def open_service_manager(
    environ: Mapping[str, str], error_log: ErrorLog
) -> AsyncIterator[ServiceManager]:
    """Speak to the service manager that `NOTIFY_SOCKET` names, if it does, and about this process."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address.startswith("@"):
        address = "\0" + address[1:]
    # Open all the time: when all files are in use is no time to fall silent.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        yield ServiceManager(sender, address, _watchdog_s(environ), error_log)


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Return the seconds after which this process, being silent, is taken for dead; None for never."""
    microseconds = _MICROSECONDS.fullmatch(environ.get("WATCHDOG_USEC", ""))
    is_ours = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    return int(microseconds[1]) / 1_000_000 if is_ours and microseconds else None


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.splitlines())
