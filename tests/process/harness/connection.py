"""One request to one node, and what is known of it afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import orjson
from attrs import frozen

from tests.described import faults_of
from tests.trust import NO_TRUST

# Longer than a daemon takes to give a database up, so that nearly every request has an answer.
ANSWER_S = 20.0


@frozen
class Answer:
    """What a node answered."""

    status: int
    body: bytes

    @property
    def value(self) -> Any:
        """The JSON value of the body."""
        return orjson.loads(self.body)


class Unsent(Exception):
    """No connection came about: the node has seen nothing of the request."""


class Broken(Exception):
    """The request may have been carried out or not: no answer came."""


class Connection:
    """A client's way to the nodes; made by `open_connection`, for one task."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def ask(self, url: str, method: str, path: str, body: Any = None) -> Answer:
        """Send a request and return the answer, which has to be as the OpenAPI document says.

        Raises Unsent and Broken.
        """
        content = None if body is None else orjson.dumps(body)
        try:
            response = await self._client.request(method, url + path, content=content)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise Unsent(repr(error)) from error
        except httpx2.TransportError as error:
            raise Broken(repr(error)) from error
        assert not (faults := faults_of(response)), faults
        return Answer(response.status_code, response.content)


@asynccontextmanager
async def open_connection(timeout_s: float = ANSWER_S) -> AsyncIterator[Connection]:
    """Open a client that waits at most `timeout_s` seconds at each step of a request."""
    async with httpx2.AsyncClient(timeout=timeout_s, trust_env=False, verify=NO_TRUST) as client:
        yield Connection(client)
