"""Which rows a page of a list asks for, the same in every store (contract §1.10)."""

from attrs import frozen

from trioworq.core.cursors import Cursor
from trioworq.core.jobs import INT64_MAX, JobState
from trioworq.stores.interface import JobPage, JobSet

_FIRST = Cursor(0, 0)
_LAST = Cursor(INT64_MAX, INT64_MAX)


@frozen
class Bounds:
    """Rows in `state` with lowest <= next_try <= highest, cut off at `edge`.

    Ascending, a row is past the edge when (next_try, id) < edge; descending, when it is greater. `lowest`
    and `highest` already take the edge's time in, so that an index range serves them and only ties are
    left to compare: `next_try <> edge.time_ms OR id >= edge.id` (descending: `id <= edge.id`).
    """

    state: JobState
    lowest_ms: int
    highest_ms: int
    edge: Cursor


def bounds(page: JobPage) -> Bounds:
    """Say which rows `page` asks for."""
    state = JobState.RUNNING if page.jobs is JobSet.RUNNING else JobState.WAITING
    is_deferred = page.jobs is JobSet.DEFERRED
    lowest, highest = (page.now_ms + 1, INT64_MAX) if is_deferred else (0, page.now_ms)
    if page.ascending:
        edge = page.cursor or _FIRST
        return Bounds(state, max(lowest, edge.time_ms), highest, edge)
    edge = page.cursor or _LAST
    return Bounds(state, lowest, min(highest, edge.time_ms), edge)
