"""A stop: signals ask for it, the first for one in order, the second for one at once."""

import signal
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

import trio
from attrs import define, field

from trioworq.logs import Logs
from trioworq.service import ServiceManager


@define(eq=False)
class Shutdown:
    """Whether the daemon was asked to stop, and by when it shall have done so.

    Jobs have `timeout_s` to end; the end itself may take `ending_s` more.
    """

    timeout_s: float
    ending_s: float
    requested: trio.Event = field(factory=trio.Event)
    deadline: float = float("inf")
    is_serving: bool = False
    starting: trio.CancelScope = field(factory=trio.CancelScope)

    def request(self) -> None:
        """Begin; the time counts from here. A daemon that is still starting has nothing to finish."""
        self.deadline = trio.current_time() + self.timeout_s
        self.requested.set()
        if not self.is_serving:
            self.starting.cancel(reason="asked to stop while starting")

    def trouble(self) -> str:
        """Say why nobody should come here any more; nothing until the stop was requested."""
        return "draining" if self.requested.is_set() else ""


async def receive_signals(
    shutdown: Shutdown,
    logs: Logs,
    manager: ServiceManager,
    die: Callable[[str], NoReturn],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Stop at the first signal, die at the second; SIGUSR1 reopens the log files. Runs until cancelled."""
    stops = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    with trio.open_signal_receiver(*stops, signal.SIGUSR1) as arrivals:
        task_status.started()
        await _wait_for_stop(arrivals, logs)
        shutdown.request()
        logs.error.info("stopping; a second signal ends the process at once")
        manager.tell_stopping("stopping: requests and jobs at hand come to their end")
        with trio.move_on_at(shutdown.deadline + shutdown.ending_s):
            await _wait_for_stop(arrivals, logs)
            die("second signal: ended at once; running jobs will run again")
        die("the shutdown took too long: ended; running jobs will run again")


async def _wait_for_stop(arrivals: AsyncIterator[int], logs: Logs) -> None:
    async for number in arrivals:
        if number != signal.SIGUSR1:
            return
        logs.reopen()
