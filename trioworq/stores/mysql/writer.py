"""Carries out batches of writes, each in one transaction, whatever happens to the connection meanwhile."""

import random
from collections.abc import Sequence

import trio
from attrs import evolve

from trioworq.clock import Clock
from trioworq.core.errors import InvalidRequest
from trioworq.stores.batching import BatchRejected
from trioworq.stores.claims import Take
from trioworq.stores.interface import StoreUnavailable
from trioworq.stores.mysql.connection import Connection
from trioworq.stores.mysql.conversations import Mismatch
from trioworq.stores.mysql.errors import CommitUnknown, Conflict, ConnectionLost
from trioworq.stores.mysql.link import Link
from trioworq.stores.mysql.literals import fill
from trioworq.stores.mysql.writes import apply, went_smoothly
from trioworq.stores.operations import Operation

# How often a batch is tried that meets other transactions, or loses one connection after the other; and how
# often again that finds things unlike what it had just read.
ATTEMPTS = 3
PAUSE_S = 0.05
# A delay that makes no difference to a lease.
SHORT_DELAY_S = 0.1

MARK = "INSERT INTO node_batch (node_id, batch) VALUES (%s, %s) ON DUPLICATE KEY UPDATE batch = VALUES(batch)"
READ_MARK = "SELECT batch FROM node_batch WHERE node_id = %s FOR UPDATE"


def delayed(operations: Sequence[Operation], delay_s: float) -> Sequence[Operation]:
    """Return operations that could not be begun in time as they are to be carried out now.

    Nobody has been given the jobs of a take yet, and their leases are not to run out meanwhile (I4).
    """
    if delay_s < SHORT_DELAY_S:
        return operations
    delay_ms = round(delay_s * 1000)
    return [
        evolve(each, now_ms=each.now_ms + delay_ms) if isinstance(each, Take) else each for each in operations
    ]


class Writer:
    """The writing connection and what it has done; `apply` is what the batcher applies."""

    def __init__(self, link: Link, node_id: str, clock: Clock) -> None:
        self._link = link
        self._node_id = node_id
        self._clock = clock
        self._batch = 0
        # Whether the next batch is done carefully, for the sake of the last one.
        self._is_careful = False

    async def apply(self, operations: Sequence[Operation]) -> Sequence[object]:
        """Carry out a batch and return its outcomes once they are durable.

        A lost connection costs nothing but time: what was not committed is done again, and whether a
        commit was is learned from the database. Raises StoreUnavailable, with nothing stored, when the
        database stays away for `Patience.hold_s`; but an unknown commit is waited for however long it
        takes, as any answer might be wrong (I1, I2). Raises BatchRejected when the batch fails again and
        again.
        If cancelled: carried out or not, as a whole.
        """
        losses = 0
        began_s = trio.current_time()
        while True:
            connection = await self._link.connection()
            outcomes: list[object] = []
            delay_s = trio.current_time() - began_s
            try:
                await self._commit(connection, delayed(operations, delay_s), outcomes)
            except CommitUnknown:
                if not await self._was_committed():
                    continue
            except ConnectionLost as error:
                losses += 1
                if losses == ATTEMPTS:
                    raise BatchRejected(error) from error
                continue
            except InvalidRequest as error:
                raise BatchRejected(error) from error
            return outcomes

    async def _commit(
        self, connection: Connection, operations: Sequence[Operation], outcomes: list[object]
    ) -> None:
        """Do it all in one transaction; try again when others are in the way.

        `outcomes` is filled before the commit, in case its answer never comes.
        """
        conflicts = mismatches = 0
        while True:
            try:
                async with connection.transaction():
                    mark = self._next_mark()
                    outcomes[:] = await apply(connection, operations, mark, is_careful=self._is_careful)
            except Mismatch as mismatch:
                self._is_careful = True
                mismatches += 1
                if mismatches > ATTEMPTS:
                    raise BatchRejected(
                        Conflict("MySQL: other nodes keep changing what was read")
                    ) from mismatch
                await trio.lowlevel.checkpoint()
            except Conflict as error:
                conflicts += 1
                if conflicts == ATTEMPTS:
                    raise BatchRejected(error) from error
                await trio.sleep(PAUSE_S * conflicts * random.random())  # noqa: S311  # no secret
            else:
                # What stands in the way of starts is often there for a while: retries that fall due, say.
                self._is_careful = self._is_careful and not went_smoothly(operations, outcomes)
                return

    def _next_mark(self) -> bytes:
        # It follows the clock, so that a mark tells its age, and never comes twice, so that it tells one
        # transaction from all others.
        self._batch = max(self._batch + 1, self._clock.now_ms())
        return fill(MARK, (self._node_id, self._batch))

    async def _was_committed(self) -> bool:
        """Tell whether the last batch was committed, once the database can be asked.

        Its transaction had locked this node's mark: a read that locks it too waits for that one's end.
        """
        while True:
            connection = await self._link.connection(however_long=True)
            try:
                async with connection.transaction():
                    marks = (await connection.execute(READ_MARK, (self._node_id,))).rows
            except StoreUnavailable:
                await trio.sleep(PAUSE_S)
            else:
                return marks == ((self._batch,),)
