"""Fixtures of the client's tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.client.asking import FAST, Asker
from tests.client.fake_queue import FakeQueue, fake_queue
from trioworq.client import AsyncClient


@pytest.fixture(params=["blocking", "trio"])
def ask(request: pytest.FixtureRequest) -> Asker:
    """Both clients, one after the other."""
    return Asker(request.param)


@pytest.fixture
def queue() -> Iterator[FakeQueue]:
    """A pull queue that can be told to answer badly."""
    with fake_queue() as running:
        yield running


@pytest.fixture
async def client(queue: FakeQueue) -> AsyncIterator[AsyncClient]:
    """A client of that queue, which does not wait long."""
    async with AsyncClient(queue.url, retry=FAST) as opened:
        yield opened
