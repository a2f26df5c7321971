"""Keeps a connection to the server, for ever: when it is lost, another is made."""

import math
import random
from collections.abc import Awaitable, Callable

import trio
from attrs import frozen

from trioworq.stores.interface import StoreError, StoreUnavailable
from trioworq.stores.mysql.connection import Connection, open_connection
from trioworq.stores.mysql.dsn import Dsn

# Pauses between attempts to connect: doubled each time, and spread, so that nodes do not come all at once.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


@frozen
class Patience:
    """How long a database that is away is waited for, in seconds."""

    # By a node that starts: the server may be starting too, as with Docker Compose.
    start_s: float = 10.0
    # By a node that starts while another is changing the schema.
    migration_s: float = 600.0
    # By those who were waiting already when it went away.
    hold_s: float = 10.0


class Link:
    """A connection for one task to use, made again by `run` when that task finds it closed."""

    def __init__(
        self,
        dsn: Dsn,
        patience: Patience,
        *,
        autocommit: bool,
        greet: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        """`greet` has each new connection before anybody else."""
        self._dsn = dsn
        self._greet = greet
        self._hold_s = patience.hold_s
        self._autocommit = autocommit
        self._connection: Connection | None = None
        self._lost = trio.Event()
        self._lost_at = math.inf
        self._waiting = trio.lowlevel.ParkingLot()
        self._trouble = ""

    def check(self) -> None:
        """Raise StoreUnavailable while the database is known to be away."""
        if self._trouble:
            raise StoreUnavailable(self._trouble)

    async def connection(self, *, however_long: bool = False) -> Connection:
        """Return the connection, once there is one.

        Raises StoreUnavailable when there has been none for `Patience.hold_s`, unless told to wait
        `however_long` it takes. If cancelled: only the waiting ends.
        """
        hold_s = math.inf if however_long else self._hold_s
        # No checkpoint while there is one: a batch should be on its way before anything else is done.
        while self._connection is None or not self._connection.is_open:
            self._lost_at = min(self._lost_at, trio.current_time())
            self._lost.set()
            with trio.move_on_at(self._lost_at + hold_s) as waiting:
                await self._waiting.park()
            if waiting.cancelled_caught:
                raise StoreUnavailable(self._trouble or "the database is out of reach")
        return self._connection

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Connect, and connect again whenever the connection is lost.

        Reports started with the first connection. Runs until it is cancelled, and then closes the
        connection.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with open_connection(self._dsn, autocommit=self._autocommit) as connection:
                    if self._greet is not None:
                        await self._greet(connection)
                    self._lend(connection)
                    task_status.started()
                    task_status = trio.TASK_STATUS_IGNORED
                    pause_s = FIRST_PAUSE_S
                    await self._lost.wait()
            except StoreError as error:
                # A refusal too: the password may be put right, the database restored.
                self._trouble = str(error)
                await trio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  # no secret
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _lend(self, connection: Connection) -> None:
        self._trouble = ""
        self._lost = trio.Event()
        self._lost_at = math.inf
        self._connection = connection
        self._waiting.unpark_all()
