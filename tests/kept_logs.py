"""Logs that keep their lines."""

from typing import Any

import orjson
import structlog
from attrs import frozen

from trioworq.clock import Clock
from trioworq.logs import AccessLog, ErrorLog, Logs, PullLog, QueueLog
from trioworq.sinks import Sink


class KeptLines(Sink):
    """A log target that keeps its lines, read."""

    def __init__(self) -> None:
        super().__init__("", 1)
        self.lines: list[dict[str, Any]] = []

    def write(self, line: bytes) -> None:
        self.lines.append(orjson.loads(line))


def kept_errors() -> tuple[ErrorLog, list[Any]]:
    """Return an error log of every level, and the list that it keeps its lines in."""
    capture = structlog.testing.LogCapture()
    level = structlog.make_filtering_bound_logger(0)
    return structlog.wrap_logger(None, processors=[capture], wrapper_class=level), capture.entries


@frozen
class KeptLogs:
    """The logs of a node, and the lines of two of them."""

    logs: Logs
    queue_lines: list[dict[str, Any]]
    errors: list[Any]


def keep_logs(clock: Clock) -> KeptLogs:
    """Return logs of every level."""
    lines = KeptLines()
    error_log, errors = kept_errors()
    logs = Logs(
        access=AccessLog(KeptLines(), clock, "access"),
        queue=QueueLog(lines, clock, "queue", shows_info=True, shows_debug=True),
        pull=PullLog(lines, clock, "queue", shows_info=True, shows_debug=True),
        error=error_log,
        sinks=(),
    )
    return KeptLogs(logs, lines.lines, errors)
