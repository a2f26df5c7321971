"""The overview of recent snapshots, made once for all who look at it."""

from collections import deque
from collections.abc import Mapping, Sequence

import orjson
from attrs import frozen

from trioworq.core.nodes import QueueName
from trioworq.core.overview import QueueStatus
from trioworq.manage.feed import Snapshot
from trioworq.web.console.desk import Desk
from trioworq.web.console.live import Write
from trioworq.web.console.overview.rows import (
    Cells,
    changed,
    key_of,
    name_cells,
    node_texts,
    state_cells,
    total_cells,
)
from trioworq.web.console.overview.sparkline import lines
from trioworq.web.messages import Request

# How many queues are shown, those first that somebody should look at: names are the clients' choice.
MOST_QUEUES = 1000

_NO_CELLS: Cells = {}


@frozen
class Table:
    """All that the overview says: what each queue's row does, by its key and in order, and the rest."""

    rows: Mapping[str, Cells]
    totals: Cells
    nodes: Sequence[tuple[str, str]]
    left_out: int

    def changes(self, before: "Table | None") -> bytes:
        """Write as JSON what is not as it was before: cells by rows, and the order of rows if that is new."""
        rows = before.rows if before else {}
        told: dict[str, object] = {
            "rows": {
                key: new
                for key, cells in self.rows.items()
                if (new := changed(cells, rows.get(key, _NO_CELLS)))
            },
            "cells": changed(self.totals, before.totals if before else _NO_CELLS),
        }
        if before is None or list(self.rows) != list(rows):
            told["order"] = list(self.rows)
        if before is None or self.nodes != before.nodes:
            told["nodes"] = self.nodes
        return orjson.dumps(told)


class Tables:
    """Makes tables of snapshots, and keeps the last two, as all who watch ask for these."""

    def __init__(self) -> None:
        self._tables: deque[tuple[Snapshot, Table]] = deque(maxlen=2)
        self._written: tuple[Snapshot | None, Snapshot | None, bytes] = (None, None, b"")
        self._lines: dict[QueueName, tuple[str, str]] = {}
        self._traced = -1
        self._names: dict[QueueName, tuple[str, Cells]] = {}

    def of(self, snapshot: Snapshot) -> Table:
        """Return the table of a snapshot."""
        for known, table in self._tables:
            if known is snapshot:
                return table
        table = self._make(snapshot)
        self._tables.append((snapshot, table))
        return table

    def view(self, _desk: Desk, _request: Request) -> Write:
        """Return how an open overview is written to."""
        return self.write

    def write(self, snapshot: Snapshot, before: Snapshot | None) -> bytes:
        """Write what has changed since a snapshot before, or all of it."""
        if self._written[0] is not snapshot or self._written[1] is not before:
            table_before = self.of(before) if before else None
            self._written = snapshot, before, self.of(snapshot).changes(table_before)
        return self._written[2]

    def _make(self, snapshot: Snapshot) -> Table:
        if snapshot.traced != self._traced:
            self._traced = snapshot.traced
            self._lines = {queue: lines(trace) for queue, trace in snapshot.traces.items()}
        shown = snapshot.queues[:MOST_QUEUES]
        now_ms = snapshot.time_ms if snapshot.seen_ms is None else snapshot.seen_ms
        names = self._names
        self._names = {status.queue: names.get(status.queue) or _named(status.queue) for status in shown}
        return Table(
            rows=dict(self._row(status, snapshot, now_ms) for status in shown),
            totals=total_cells(snapshot),
            nodes=node_texts(snapshot.nodes),
            left_out=len(snapshot.queues) - len(shown),
        )

    def _row(self, status: QueueStatus, snapshot: Snapshot, now_ms: int) -> tuple[str, Cells]:
        key, named = self._names[status.queue]
        completed, failed = self._lines.get(status.queue, ("", ""))
        state = state_cells(status, snapshot.troubles[status.queue], now_ms)
        return key, {**named, **state, "done@points": completed, "bad@points": failed}


def _named(queue: QueueName) -> tuple[str, Cells]:
    return key_of(queue), name_cells(queue)
