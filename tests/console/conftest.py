"""Fixtures of the tests in a browser: one browser for all of them, a shop for those of a file."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.console.browsing import PATIENCE_MS, Visitor, open_browser, visit
from tests.console.shop import Shop, fill, open_shop

Visit = Callable[..., Visitor]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. It ends with this folder's tests, as its event loop is not to be there beside Trio's."""
    expect.set_options(timeout=PATIENCE_MS)
    with open_browser() as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop on SQLite with jobs in every state, that the tests of a file share."""
    folder = tmp_path_factory.mktemp("shop")
    with open_shop(folder, "--driver=sqlite", f"--sqlite-path={folder / 'jobs.db'}") as opened:
        fill(opened)
        yield opened


@pytest.fixture
def visit_site(browser: Browser) -> Iterator[Visit]:
    """Open a tab on a site, with options of a browser's context, as often as needed."""
    with ExitStack() as stack:

        def opened(site: str, **options: Any) -> Visitor:
            return stack.enter_context(visit(browser, site, **options))

        yield opened


@pytest.fixture
def visitor(visit_site: Visit, shop: Shop) -> Visitor:
    """A visitor to the shop."""
    return visit_site(shop.url)
