"""Fixtures of the client's tests."""

import pytest

from tests.client.asking import Asker


@pytest.fixture(params=["blocking", "trio"])
def ask(request: pytest.FixtureRequest) -> Asker:
    """Both clients, one after the other."""
    return Asker(request.param)
