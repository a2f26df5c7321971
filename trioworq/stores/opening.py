"""From the options to an open store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from trioworq.config import Config, Driver
from trioworq.stores.interface import Store
from trioworq.stores.memory import MemoryStore
from trioworq.stores.mysql.store import open_mysql_store
from trioworq.stores.sqlite.store import open_sqlite_store


@asynccontextmanager
async def open_store(config: Config, *, node_id: str) -> AsyncIterator[Store]:
    """Open the store that `config` names and close it at the end of the block.

    `node_id` is unlike that of any other process that uses the store, earlier ones included. Raises
    StoreRefused, with one line that names the option to change and shows no secret.
    """
    match config.driver:
        case Driver.SQLITE:
            async with open_sqlite_store(Path(config.sqlite_path)) as store:
                yield store
        case Driver.MYSQL:
            async with open_mysql_store(config.dsn, node_id=node_id) as store:
                yield store
        case Driver.IN_MEMORY:
            await trio.lowlevel.checkpoint()
            yield MemoryStore()
