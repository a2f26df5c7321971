"""What all pages have: switches that are remembered, a way by keyboard, no scripts needed to get around."""

import pytest
from playwright.sync_api import expect

from tests.console.browsing import NARROW, WIDE
from tests.console.conftest import Visit
from tests.console.shop import Shop

THEME, TIMES = "[data-switch=theme]", "[data-switch=times]"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def test_the_theme_is_the_systems_until_one_is_chosen_which_is_kept(visit_site: Visit, shop: Shop) -> None:
    """A page that is opened later has it from the first."""
    dark = visit_site(shop.url, color_scheme="dark")
    dark.open("/console")
    by_system = dark.page.evaluate(BACKGROUND)
    dark.page.click(THEME)
    expect(dark.page.locator(THEME)).to_have_accessible_name("Theme: light")
    chosen = dark.page.evaluate(BACKGROUND)
    assert chosen != by_system
    dark.open("/console/failures")
    expect(dark.page.locator(THEME)).to_have_accessible_name("Theme: light")
    assert dark.page.evaluate(BACKGROUND) == chosen
    dark.page.click(THEME)
    assert dark.page.evaluate(BACKGROUND) == by_system


def test_times_are_local_or_in_utc_as_chosen(visit_site: Visit, shop: Shop) -> None:
    """The other one is in the title; a choice is kept."""
    visitor = visit_site(shop.url, timezone_id="Asia/Tokyo")
    visitor.open("/console/failures?view=jobs")
    time = visitor.page.locator("main time[data-ms]").first
    local, utc = time.inner_text(), time.get_attribute("title") or ""
    assert utc.endswith(" UTC")
    assert _hours(local) == (_hours(utc) + 9) % 24
    visitor.page.click(TIMES)
    expect(time).to_have_text(utc)
    visitor.page.reload()
    expect(visitor.page.locator("main time[data-ms]").first).to_have_text(utc)


def _hours(text: str) -> int:
    return int(text.split(" ")[1].split(":")[0])


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_content_is_one_key_away(visit_site: Visit, shop: Shop, size: dict[str, int]) -> None:
    """The first stop of Tab is a link that shows itself, and leads past the menu."""
    visitor = visit_site(shop.url, viewport=size)
    visitor.open("/console/about")
    visitor.page.keyboard.press("Tab")
    skip = visitor.page.locator(":focus")
    expect(skip).to_have_text("Skip to the content")
    expect(skip).to_be_in_viewport()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("main")).to_be_focused()


def test_every_page_of_the_menu_is_reached_by_keyboard(visit_site: Visit, shop: Shop) -> None:
    """Tab stops at each, visibly, and Enter opens it; the menu then says where one is."""
    visitor = visit_site(shop.url)
    visitor.open("/console")
    names = visitor.page.locator("header nav a").all_inner_texts()
    assert names == ["Overview", "Failures", "Routings", "New job", "Load", "Settings", "About"]
    for name in names:
        visitor.tab_to(name)
        visitor.follow(lambda: visitor.page.keyboard.press("Enter"))
        expect(visitor.page.locator("header nav [aria-current=page]")).to_have_text(name)


def test_pages_are_there_without_scripts(visit_site: Visit, shop: Shop) -> None:
    """What only scripts could do is not offered."""
    visitor = visit_site(shop.url, java_script_enabled=False)
    visitor.open("/console")
    for name in visitor.page.locator("header nav a").all_inner_texts():
        visitor.click(name, "link")
        expect(visitor.page.locator("h1")).to_have_count(1)
        expect(visitor.page.locator(THEME)).to_be_hidden()
