"""Finds the jobs of a queue that are due, in the order in which they start.

One priority after the other: each is one range of the index, whatever is deferred.
"""

from collections.abc import Sequence

from attrs import frozen

from trioworq.core.jobs import DEFAULT_PRIORITY, Kind
from trioworq.stores.interface import CLAIM_BYTES
from trioworq.stores.mysql.conversations import Conversation
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.wire import Result

NEXT_PRIORITY = (
    "SELECT priority FROM job FORCE INDEX (job_claim) WHERE kind = %s AND queue = %s AND state = 0 "
    "AND priority > %s ORDER BY priority LIMIT 1"
)
FIND_DUE = (
    "SELECT id, LENGTH(payload) FROM job FORCE INDEX (job_claim) WHERE kind = %s AND queue = %s "
    "AND state = 0 AND priority = %s AND next_try <= %s ORDER BY next_try, id LIMIT %s"
)
# Whoever comes second takes others, and waits for nobody.
KEEP = f"{FIND_DUE} FOR UPDATE SKIP LOCKED"

# Below every priority.
_LOWEST = -(2**31)


@frozen
class Search:
    """A search for up to `limit` jobs of a queue that are due at `now_ms`.

    Jobs of a pull queue are locked: any node may start them. Those of a push queue are kept by the owner's
    row of queue_owner, which whoever starts them has locked before.
    """

    kind: Kind
    queue: str
    limit: int
    now_ms: int

    def begin(self) -> list[bytes]:
        """Return the statements of the first step, which may go out along with others."""
        return [
            self._next_priority(_LOWEST),
            # Nearly all jobs have this priority, so they are asked for without waiting for the first answers.
            self._find(DEFAULT_PRIORITY, self.limit),
            self._next_priority(DEFAULT_PRIORITY),
        ]

    def finish(self, answers: Sequence[Result]) -> Conversation[list[int]]:
        """Return the ids of those that were found, up to the one whose payload fills `CLAIM_BYTES`."""
        priorities, found, others = answers
        due: list[tuple[int, int]] = []
        if priorities.rows == ((DEFAULT_PRIORITY,),):
            due, priorities = list(found.rows), others
        while priorities.rows and len(due) < self.limit:
            ((priority,),) = priorities.rows
            found, priorities = yield [
                self._find(priority, self.limit - len(due)),
                self._next_priority(priority),
            ]
            due += found.rows
        return _first(due, CLAIM_BYTES)

    def _next_priority(self, priority: int) -> bytes:
        return fill(NEXT_PRIORITY, (self.kind.value, self.queue, priority))

    def _find(self, priority: int, limit: int) -> bytes:
        statement = FIND_DUE if self.kind is Kind.PUSH else KEEP
        return fill(statement, (self.kind.value, self.queue, priority, self.now_ms, limit))


def _first(due: Sequence[tuple[int, int]], room: int) -> list[int]:
    """Return the ids of the first of (id, bytes), up to the one that fills the room."""
    ids: list[int] = []
    for job_id, size in due:
        ids.append(job_id)
        room -= size
        if room <= 0:
            break
    return ids
