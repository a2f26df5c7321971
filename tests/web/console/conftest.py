"""The fixtures that nearly every test of the console needs."""

from collections.abc import AsyncIterator

import pytest

from tests.web.console.managed_site import ManagedSite, open_managed_site
from tests.web.console.site import Browser, Site, open_site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The console, to which everybody is let in."""
    async with open_site() as site:
        yield site


@pytest.fixture
def browser(site: Site) -> Browser:
    """A browser that keeps nothing yet."""
    return site.browser


@pytest.fixture
async def managed() -> AsyncIterator[ManagedSite]:
    """The console over workers that do what a job's URL says."""
    async with open_managed_site() as managed:
        yield managed
