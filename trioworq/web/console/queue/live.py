"""What an open page of a queue is sent."""

from collections.abc import Sequence

import orjson
from attrs import define, field

from trioworq.core.nodes import Activity, QueueName
from trioworq.manage.feed import TRACE_INTERVAL_S, Snapshot
from trioworq.web.console.desk import Desk
from trioworq.web.console.live import Write
from trioworq.web.console.overview.rows import Cells, changed, state_cells, store_cells
from trioworq.web.console.queue.names import read_queue, standing_of
from trioworq.web.messages import Request


def view(desk: Desk, request: Request) -> Write:
    """Return how the page of the queue that is asked for is written to. Raises InvalidRequest."""
    return _Writer(read_queue(request.query), desk).write


@define(eq=False)
class _Writer:
    """Remembers what a page has been told."""

    _queue: QueueName
    _desk: Desk
    _told: Cells = field(factory=dict)
    _traced: int = -1

    def write(self, snapshot: Snapshot, _before: Snapshot | None) -> bytes:
        """Write the cells that have changed, the newest figures, and what went on of late, if that is new."""
        cells = page_cells(self._queue, snapshot, self._desk)
        message: dict[str, object] = {"cells": changed(cells, self._told)}
        self._told = cells
        status = standing_of(self._queue, snapshot, self._desk).status
        if not snapshot.trouble:
            message["now"] = [snapshot.time_ms / 1000, status.waiting, status.deferred, status.running]
        if snapshot.traced != self._traced:
            self._traced = snapshot.traced
            message["trace"] = trace_columns(trace_of(self._queue, snapshot))
        return orjson.dumps(message)


def page_cells(queue: QueueName, snapshot: Snapshot, desk: Desk) -> Cells:
    """Write how a queue stands, cell by cell."""
    standing = standing_of(queue, snapshot, desk)
    now_ms = snapshot.time_ms if snapshot.seen_ms is None else snapshot.seen_ms
    is_paused = standing.status.is_paused
    return {
        **state_cells(standing.status, standing.trouble, now_ms),
        **store_cells(snapshot),
        "pause@hidden": "" if is_paused else None,
        "resume@hidden": None if is_paused else "",
    }


def trace_of(queue: QueueName, snapshot: Snapshot) -> Sequence[tuple[int, Activity]]:
    """Return what went on in a queue of late, and when about that was."""
    trace = snapshot.traces.get(queue, ())
    step_ms = int(TRACE_INTERVAL_S * 1000)
    return [(snapshot.time_ms - step_ms * back, trace[-1 - back]) for back in reversed(range(len(trace)))]


def trace_columns(trace: Sequence[tuple[int, Activity]]) -> list[list[float]]:
    """Return it as a plot takes it: the times in seconds, and the rates."""
    return [
        [time_ms / 1000 for time_ms, _ in trace],
        [activity.pushed for _, activity in trace],
        [activity.completed for _, activity in trace],
        [activity.failed for _, activity in trace],
    ]
