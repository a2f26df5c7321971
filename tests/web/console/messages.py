"""What an open page is sent, as its scripts get it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from attrs import define, field

from tests.web.console.site import Site
from tests.web.face import read_until
from tests.web.witness import WitnessedStream

_MESSAGE = re.compile(rb"^data: (\{.*\})$", re.MULTILINE)


@define(eq=False)
class Messages:
    """The messages of one open page."""

    _stream: WitnessedStream
    _read: list[bytes] = field(factory=list)

    async def next(self) -> Any:
        """Wait for the next message; fails after ten seconds."""
        while not self._read:
            self._read += _MESSAGE.findall(await read_until(self._stream, b"}\n\n\r\n"))
        return orjson.loads(self._read.pop(0))


@asynccontextmanager
async def open_messages(site: Site, query: str) -> AsyncIterator[Messages]:
    """Have a page's stream open."""
    async with await site.connect() as stream:
        await stream.send_all(f"GET /console/live?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield Messages(stream)
