"""The API over every store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stores.drivers import DRIVERS, config_of
from tests.web.face import Face, open_face
from trioworq.stores.opening import open_store


@pytest.fixture(params=DRIVERS)
async def stored_face(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Face]:
    """Every API on a loopback port, over each store in turn."""
    config = config_of(request.param, request, tmp_path)
    async with open_store(config, node_id="here") as store, open_face(store=store) as face:
        yield face
