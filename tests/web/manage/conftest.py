"""A face on each store in turn, and one for what no store has a say in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stores.drivers import DRIVERS, config_of
from tests.web.face import open_face
from tests.web.manage.managed import Managed, obedient
from trioworq.stores.opening import open_store


@pytest.fixture(params=DRIVERS)
async def managed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Managed]:
    """Every API over an empty store, with obedient workers."""
    workers = obedient()
    config = config_of(request.param, request, tmp_path)
    async with open_store(config, node_id="here") as store, open_face(workers, store=store) as face:
        yield Managed(face, workers)


@pytest.fixture
async def in_memory() -> AsyncIterator[Managed]:
    """Every API over the in-memory store, with obedient workers."""
    workers = obedient()
    async with open_face(workers) as face:
        yield Managed(face, workers)
