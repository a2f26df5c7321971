"""Pages of what a store has."""

from collections.abc import Sequence
from enum import Enum
from typing import Generic, TypeVar

from attrs import frozen

from trioworq.core.cursors import Cursor

# A page ends before its items' payloads, URLs and messages take more bytes than this, however few they are.
PAGE_BYTES = 16 * 1024 * 1024

T = TypeVar("T")


class JobSet(Enum):
    """The three lists of jobs (contract §1.10)."""

    RUNNING = "running"
    WAITING = "waiting"
    DEFERRED = "deferred"


@frozen
class Page(Generic[T]):
    """As many items as the query's `limit` and `PAGE_BYTES` let in, but one at least if there is any.

    `next_cursor` is the place of the first one that was left out; None at the end of the list. What leaves
    the list while it is read is not shown, so a page may hold less, and still not be the last.
    """

    items: Sequence[T]
    next_cursor: Cursor | None
