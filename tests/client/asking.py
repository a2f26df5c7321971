"""Either client, asked in the same way."""

from typing import Any

import trio
from attrs import frozen

from trioworq.client import AsyncClient, Client, Retry

FAST = Retry(total_s=20, first_delay_s=0.01, max_delay_s=0.05)
ONCE = Retry(total_s=0)


@frozen
class Asker:
    """Calls methods of one kind of client, `blocking` or `trio`; each call has a client of its own."""

    kind: str

    async def __call__(self, url: str, method: str, *args: Any, **fields: Any) -> Any:
        """Call a method by its name; `client` among the fields is what to make the client with."""
        options = {"retry": FAST, "timeout_s": 20, **fields.pop("client", {})}
        if self.kind == "trio":
            async with AsyncClient(url, **options) as client:
                return await getattr(client, method)(*args, **fields)

        def block() -> Any:
            with Client(url, **options) as client:
                return getattr(client, method)(*args, **fields)

        return await trio.to_thread.run_sync(block)
