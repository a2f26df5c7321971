"""Each page with jobs in every state: shown without a complaint, for everyone, on any screen."""

import pytest
from playwright.sync_api import expect

from tests.console.accessible import contrast_faults_of, faults_of
from tests.console.browsing import NARROW, WIDE, Visitor
from tests.console.pages import PAGES, Address
from tests.console.shop import Shop

NOT_FOUND = r"responded with a status of 40[04]"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everyone(visitor: Visitor, shop: Shop, path: str) -> None:
    """Whoever looks with whatever: axe-core finds nothing, in both themes, and a phone is wide enough."""
    faults: list[str] = []
    for address in PAGES[path](shop):
        if address.status != 200:
            visitor.excuse(NOT_FOUND)
        faults += [f"{address.path}: {fault}" for fault in _faults(visitor, address)]
    assert not faults, "\n".join(faults)


def _faults(visitor: Visitor, address: Address) -> list[str]:
    page = visitor.page
    page.emulate_media(color_scheme="light")
    visitor.open(address.path, address.status)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    found = [f"light: {fault}" for fault in faults_of(page)]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {fault}" for fault in contrast_faults_of(page)]
    found += [f"wider than {size}" for size in (NARROW, WIDE) if not visitor.fits(size)]
    assert not page.evaluate("'hacked' in window")
    return found
