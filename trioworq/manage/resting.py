"""Rest between transactions that follow one another for long, so that others at the store have their turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

# How many times as long as a transaction took there is none. Another process at an SQLite file does not stand
# in a line: it asks for the lock again and again, and would hardly ever find it free.
REST_SHARE = 0.5


@asynccontextmanager
async def with_rest() -> AsyncIterator[None]:
    """Carry out the body, a transaction, and then leave the store alone for a while."""
    began_s = trio.current_time()
    yield
    await trio.sleep(REST_SHARE * (trio.current_time() - began_s))
