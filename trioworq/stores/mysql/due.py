"""Finds the jobs of a queue that are due, in the order in which they start.

One priority after the other: each is one range of the index, whatever is deferred.
"""
# ruff: noqa: S608  # what is put together here are our own column names; values are always quoted

from collections.abc import Sequence

from attrs import frozen

from trioworq.core.jobs import DEFAULT_PRIORITY, Kind
from trioworq.stores import paging
from trioworq.stores.mysql.conversations import Conversation
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.pull_reads import ITS_KEY
from trioworq.stores.mysql.wire import Result
from trioworq.stores.rows import Row

NEXT_PRIORITY = (
    "SELECT priority FROM job FORCE INDEX (job_claim) WHERE kind = %s AND queue = %s AND state = 0 "
    "AND priority > %s ORDER BY priority LIMIT 1"
)
DUE_PRIORITIES = (
    "SELECT DISTINCT priority FROM job FORCE INDEX (job_list) WHERE kind = %s AND queue = %s AND state = 0 "
    "AND next_try <= %s AND priority > %s ORDER BY priority LIMIT %s"
)
# What a pull job takes of `CLAIM_BYTES`.
SIZE = "LENGTH(payload) + COALESCE(LENGTH(pull_state), 0)"
# Pull jobs of this size at most are read as they are found.
SMALL_BYTES = 4096

FIND_DUE = {
    Kind.PUSH: (
        "SELECT id, LENGTH(payload) FROM job FORCE INDEX (job_claim) "
        "WHERE kind = 0 AND queue = %s AND state = 0 AND priority = %s AND next_try <= %s "
        "ORDER BY next_try, id LIMIT %s"
    ),
    # Whoever comes second takes others, and waits for nobody. Large ones are read when it is known how many
    # are handed out.
    Kind.PULL: (
        f"SELECT id, {SIZE}, job.pull_key, IF({SIZE} <= {SMALL_BYTES}, payload, NULL), "
        f"IF({SIZE} <= {SMALL_BYTES}, pull_state, NULL), priority, created_at, next_try, pull_timeout, "
        "max_retries, retries_left, fail_count, attempt "
        f"FROM job FORCE INDEX (job_claim) STRAIGHT_JOIN {ITS_KEY} "
        "WHERE kind = 1 AND job.queue = %s AND state = 0 AND priority = %s AND next_try <= %s "
        "ORDER BY next_try, id LIMIT %s FOR UPDATE SKIP LOCKED"
    ),
}

# How many priorities may turn out to have nothing but deferred jobs before it is asked which have others:
# that reads all that is due, but thousands of priorities would be as many round trips.
BARREN_PRIORITIES = 50

# Below every priority.
_LOWEST = -(2**31)


@frozen
class Search:
    """A search for up to `limit` jobs of a queue that are due at `now_ms`.

    Jobs of a pull queue are locked: any node may start them. Those of a push queue are kept by the owner's
    row of queue_owner, which whoever starts them has locked before. `usual` is the priority of most.
    """

    kind: Kind
    queue: str
    limit: int
    now_ms: int
    usual: int = DEFAULT_PRIORITY

    def begin(self) -> list[bytes]:
        """Return the statements of the first step, which may go out along with others."""
        return [
            self._next_priority(_LOWEST),
            # Nearly all jobs have this priority, so they are asked for without waiting for the first answers.
            self._find(self.usual, self.limit),
            self._next_priority(self.usual),
        ]

    def finish(self, answers: Sequence[Result]) -> Conversation[list[Row]]:
        """Return those that were found, up to the one that fills `CLAIM_BYTES`.

        The columns are the id, the size of what is handed out, and what a pull job needs beside.
        """
        priorities, found, others = answers
        due: list[Row] = []
        if priorities.rows == ((self.usual,),):
            due, priorities = list(found.rows), others
        barren = 0
        while priorities.rows and len(due) < self.limit and barren < BARREN_PRIORITIES:
            ((priority,),) = priorities.rows
            found, priorities = yield [
                self._find(priority, self.limit - len(due)),
                self._next_priority(priority),
            ]
            due += found.rows
            barren += not found.rows
        if barren == BARREN_PRIORITIES:
            due += yield from self._finish_by_time(priority, self.limit - len(due))
        return paging.fill(due, _size)

    def _finish_by_time(self, behind: int, limit: int) -> Conversation[list[Row]]:
        """Find those with a priority `behind` which only some have jobs that are due."""
        due: list[Row] = []
        asked = (self.kind.value, self.queue, self.now_ms, behind, limit)
        (priorities,) = yield [fill(DUE_PRIORITIES, asked)]
        for (priority,) in priorities.rows:
            if len(due) < limit:
                (found,) = yield [self._find(priority, limit - len(due))]
                due += found.rows
        return due

    def _next_priority(self, priority: int) -> bytes:
        return fill(NEXT_PRIORITY, (self.kind.value, self.queue, priority))

    def _find(self, priority: int, limit: int) -> bytes:
        return fill(FIND_DUE[self.kind], (self.queue, priority, self.now_ms, limit))


def _size(row: Row) -> int:
    size: int = row[1]
    return size
