"""The fixtures that nearly every test of the web needs."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.web.face import LANE, Face, ServedBy, open_face


@pytest.fixture(params=ServedBy, ids=lambda lane: lane.value)
def lane(request: pytest.FixtureRequest) -> Iterator[ServedBy]:
    """Each lane in turn, which serves all that it can of what the test asks for."""
    lane: ServedBy = request.param
    before = LANE.set(lane)
    yield lane
    LANE.reset(before)


@pytest.fixture
async def face() -> AsyncIterator[Face]:
    """Every API on a loopback port, with workers that hang."""
    async with open_face() as face:
        yield face
