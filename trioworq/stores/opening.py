"""From the options to an open store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from trioworq.config import Config, Driver
from trioworq.stores.interface import Store


@asynccontextmanager
async def open_store(config: Config, *, node_id: str) -> AsyncIterator[Store]:
    """Open the store that `config` names and close it at the end of the block.

    `node_id` is unlike that of any other process that uses the store, earlier ones included. Raises
    StoreRefused, with one line that names the option to change and shows no secret.
    """
    # A driver is imported where it is chosen: the others would only take up memory, MySQL's almost 10 MiB.
    match config.driver:
        case Driver.SQLITE:
            from trioworq.stores.sqlite.store import open_sqlite_store

            async with open_sqlite_store(Path(config.sqlite_path), node_id=node_id) as store:
                yield store
        case Driver.MYSQL:
            from trioworq.stores.mysql.store import open_mysql_store

            async with open_mysql_store(config.dsn, node_id=node_id) as store:
                yield store
        case Driver.IN_MEMORY:
            from trioworq.stores.memory.store import MemoryStore

            await trio.lowlevel.checkpoint()
            yield MemoryStore()
