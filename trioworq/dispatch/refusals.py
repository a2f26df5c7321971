"""What the error log says of calls that the egress rules refuse; jobs can make any number of them."""

from collections.abc import Sequence

import trio

from trioworq.dispatch.addresses import Address
from trioworq.dispatch.targets import Target
from trioworq.logs import ErrorLog

# At most one warning in this time; it counts those that were left out.
QUIET_S = 60.0


class Refusals:
    """The calls that were refused since the last warning."""

    def __init__(self, error_log: ErrorLog) -> None:
        self._error_log = error_log
        self._left_out = 0
        self._quiet_until = float("-inf")

    def note(self, target: Target, addresses: Sequence[Address] = ()) -> None:
        """Log a refused call, with the addresses if they were looked up: the log is for operators alone."""
        now = trio.current_time()
        if now < self._quiet_until:
            self._left_out += 1
            return
        self._error_log.warning(
            "a job asks for an address that dispatch_allow and dispatch_deny do not allow",
            host=target.host,
            port=target.port,
            addresses=[str(address.place[0]) for address in addresses],
            left_out=self._left_out,
        )
        self._left_out = 0
        self._quiet_until = now + QUIET_S
