"""The commands: `trioworq` runs the daemon; `trioworq jobs`, `queues` and `load` ask one that runs."""

# General layout:
#
#   serve          the daemon's command: options → Config → `trio.run`
#   management     the commands that ask a daemon, and what they end with
#     jobs         failed jobs, any job's status, counts
#     queues       push queues, what waits, pauses
#     load         the load over time
#       plot       as a picture
#     connecting   which daemon, and with which token
#     moments      points in time as they are typed
#     output       tables and JSON, with nothing in them that a terminal would obey
#
# The daemon does not load what asks one, nor that the daemon: both would pay for it at each start.

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

MANAGING = frozenset({"jobs", "queues", "load"})


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process."""
    _fill_standard_streams()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        sys.exit(_run(given))
    except KeyboardInterrupt:
        # While modules are loaded; later each command looks after it.
        sys.exit(130)


def _run(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] in MANAGING:
        from trioworq.cli.management import manage

        return manage(arguments)
    from trioworq.cli.serve import serve

    return serve(arguments)


def _fill_standard_streams() -> None:
    """Put something behind each standard stream that the process was started without.

    Otherwise the next connection or file would take its number, and the log lines with it. Python itself has
    None for such a stream.
    """
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115  # for as long as the process
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
