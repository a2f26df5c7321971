"""The fixture that nearly every test of the web needs."""

from collections.abc import AsyncIterator

import pytest

from tests.web.face import Face, open_face


@pytest.fixture
async def face() -> AsyncIterator[Face]:
    """Fireworq's API on a loopback port, with workers that hang."""
    async with open_face() as face:
        yield face
