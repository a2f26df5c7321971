"""Connections that wait for the next call to their origin.

A queue at full load gives and takes connections all the time, and opening one costs as much as several
calls: so what was just given may be more than a host's share, and only what nobody takes for
`TEND_INTERVAL_S` counts as idle.
"""

import trio
from attrs import frozen

from trioworq.streams import Stream

# For all origins together: job URLs can name any number of hosts, file descriptors are few (I13).
MAX_IDLE = 256
TEND_INTERVAL_S = 1.0

Origin = tuple[str, str, int]


@frozen(eq=False)
class _Waiting:
    connection: Stream
    since: float


class IdleConnections:
    """A stack of connections for each origin; the last one given is the first one taken."""

    def __init__(self, max_per_host: int, timeout_s: int) -> None:
        """`max_per_host` is how many may wait for longer than a moment; with 0 none is kept at all.

        `timeout_s` is how long a connection may wait; 0 for as long as the worker keeps it open.
        """
        self._max_per_host = max_per_host
        self._timeout_s = timeout_s
        self._stacks: dict[Origin, list[_Waiting]] = {}
        self._count = 0
        self._is_closed = False

    def take(self, origin: Origin) -> Stream | None:
        """Hand over a connection that is still good, if there is one."""
        stack = self._stacks.get(origin)
        if stack is None:
            return None
        while stack:
            waiting = self._remove(origin, -1)
            if self._is_good(waiting):
                return waiting.connection
            waiting.connection.close()
        return None

    def give(self, origin: Origin, connection: Stream) -> None:
        """Take over a connection: keep it, or close it when none are kept; the oldest makes room."""
        if self._is_closed or not self._max_per_host:
            connection.close()
            return
        if self._count >= MAX_IDLE:
            oldest = min(self._stacks, key=lambda key: self._stacks[key][0].since)
            self._remove(oldest, 0).connection.close()
        stack = self._stacks.get(origin, [])
        stack.append(_Waiting(connection, trio.current_time()))
        self._stacks[origin] = stack
        self._count += 1

    async def tend(self) -> None:
        """Close what is too many, what has waited too long, and what workers have closed; until cancelled."""
        while True:
            await trio.sleep(TEND_INTERVAL_S)
            for origin in list(self._stacks):
                self._weed(origin)

    def close(self) -> None:
        """Close every connection, now and whenever one is given."""
        self._is_closed = True
        for stack in self._stacks.values():
            for waiting in stack:
                waiting.connection.close()
        self._stacks.clear()
        self._count = 0

    def _weed(self, origin: Origin) -> None:
        stack = self._stacks[origin]
        excess = max(0, len(stack) - self._max_per_host)
        unused_since = trio.current_time() - TEND_INTERVAL_S
        for index in reversed(range(len(stack))):
            is_too_much = index < excess and stack[index].since <= unused_since
            if is_too_much or not self._is_good(stack[index]):
                self._remove(origin, index).connection.close()

    def _remove(self, origin: Origin, index: int) -> _Waiting:
        stack = self._stacks[origin]
        waiting = stack.pop(index)
        self._count -= 1
        if not stack:
            del self._stacks[origin]
        return waiting

    def _is_good(self, waiting: _Waiting) -> bool:
        is_in_time = not self._timeout_s or trio.current_time() < waiting.since + self._timeout_s
        return is_in_time and waiting.connection.is_quiet()
