"""Pages that change while somebody is at them: figures move, and nothing moves away under a hand."""

from playwright.sync_api import Locator, Page, expect

from tests.console.browsing import Visitor
from tests.console.shop import HOUR_S, Shop


def rows(page: Page) -> Locator:
    """Return the rows of the overview that are shown."""
    return page.locator("#queues tbody tr:visible")


def test_the_overview_is_filtered_as_one_types_and_keeps_that_in_its_address(
    visitor: Visitor, shop: Shop
) -> None:
    """By part of a name, kind and trouble; the address shows the same to others."""
    page = visitor.page
    visitor.open("/console")
    everything = rows(page).count()
    page.get_by_label("Part of a queue's name").fill("ware")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("warehouse")
    page.get_by_label("Part of a queue's name").fill("")
    page.get_by_label("Kind of queues").select_option("push")
    expect(rows(page).filter(has_text="pull")).to_have_count(0)
    page.get_by_label("Only trouble").check()
    expect(rows(page).filter(has_text="warehouse")).to_have_count(1)
    shown = rows(page).count()
    assert shown < everything
    visitor.open(page.url.removeprefix(shop.url))
    expect(page.get_by_label("Kind of queues")).to_have_value("push")
    expect(rows(page)).to_have_count(shown)


def test_a_queue_comes_and_goes_without_a_new_page(visitor: Visitor, shop: Shop) -> None:
    """While the focus is in the table no row moves from where it is, and the page says so."""
    page = visitor.page
    visitor.open("/console")
    first = rows(page).first.get_attribute("data-key")
    link = page.locator("#queues tr[data-key='push:warehouse'] a[data-cell=name]")
    link.focus()
    shop.define("aaa-new")
    expect(page.locator("#queues tr[data-key='push:aaa-new']")).to_be_attached()
    expect(link).to_be_focused()
    expect(page.locator("#held")).to_contain_text("Order held")
    assert rows(page).first.get_attribute("data-key") == first
    shop.ask("DELETE", "/routing/aaa-new")
    shop.ask("DELETE", "/queue/aaa-new")
    expect(page.locator("#queues tr[data-key='push:aaa-new'][data-gone]")).to_be_attached()
    page.get_by_label("Part of a queue's name").focus()
    expect(page.locator("#held")).to_be_empty()
    expect(page.locator("#queues tr[data-key='push:aaa-new']")).to_have_count(0)


def test_the_figures_of_a_queue_move(visitor: Visitor, shop: Shop) -> None:
    """On its own page as on the overview."""
    page = visitor.page
    shop.define("moving")
    visitor.open("/console/queue?kind=push&name=moving")
    deferred = page.locator("#standing [data-cell=deferred]")
    expect(deferred).to_have_text("0")
    shop.push("moving", shop.good, run_after=HOUR_S)
    expect(deferred).to_have_text("1")
    shop.push("moving", shop.bad)
    expect(page.locator("#standing [data-cell=failed]")).to_have_text("1")


def test_a_job_is_followed_to_its_end(visitor: Visitor, shop: Shop) -> None:
    """What has the focus keeps it, and when the job has ended nothing is asked any more."""
    page = visitor.page
    shop.define("followed")
    shop.ask("POST", "/queue/followed/pause")
    job_id = shop.push("followed", shop.good)
    visitor.open(f"/console/job?id={job_id}")
    stage = page.locator("#stage")
    expect(stage).to_contain_text("waiting")
    another = page.get_by_role("link", name="New job like this")
    another.focus()
    shop.ask("POST", "/queue/followed/resume")
    expect(stage.locator(".badge.done, .badge.finished").first).to_be_visible()
    expect(another).to_be_focused()
    expect(page.locator("[data-refresh]")).to_have_count(0)


def test_all_of_a_page_are_selected_by_one_key(visitor: Visitor, shop: Shop) -> None:
    """How many are is said at once; only these are asked about."""
    page = visitor.page
    visitor.open("/console/failures?view=jobs&queue=thumbnails")
    ticks = page.get_by_role("checkbox", name="Select job")
    found = ticks.count()
    page.get_by_label("Select all on this page").focus()
    page.keyboard.press("Space")
    expect(page.locator("#selected")).to_contain_text(str(found))
    ticks.first.uncheck()
    expect(page.locator("#selected")).to_contain_text(str(found - 1))
    visitor.follow(page.locator("#selection").get_by_role("button", name="Retry…").click)
    expect(page.get_by_text(f"{found - 1} failed jobs will wait again")).to_be_visible()


def test_the_way_of_a_category_is_told_as_it_is_typed(visitor: Visitor) -> None:
    """Before anything is pushed."""
    page = visitor.page
    visitor.open("/console/new?kind=push")
    page.get_by_label("Category", exact=True).press_sequentially("warehouse")
    expect(page.locator("#way")).to_contain_text("Goes to warehouse, which is paused")
