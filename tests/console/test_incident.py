"""What an operator does when a worker goes bad, from the first look to the last job."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.console.accessible import faults_of
from tests.console.browsing import NARROW, WIDE, Visitor
from tests.console.conftest import Visit
from tests.console.shop import FAILURE, SUCCESS, Shop, open_shop
from tests.process.running_daemon import wait_until

JOBS = 30
NOWHERE = "http://127.0.0.1:1/"


@pytest.fixture(scope="module")
def stricken(lasting_store_options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with nothing in it yet, on either store."""
    with open_shop(tmp_path_factory.mktemp("stricken"), *lasting_store_options) as opened:
        yield opened


def row(visitor: Visitor, queue: str) -> Locator:
    """Return a queue's row of the overview."""
    return visitor.page.locator(f"#queues tr[data-key='{queue}']")


def cell(visitor: Visitor, queue: str, name: str) -> Locator:
    """Return a cell of it."""
    return row(visitor, queue).locator(f"[data-cell={name}]")


def test_jobs_that_a_bad_worker_failed_are_run_again_once_it_is_well(
    visit_site: Visit, stricken: Shop
) -> None:
    """The overview tells of them as they fail, they are one group, and just those counted are retried."""
    shop, visitor = stricken, visit_site(stricken.url)
    page = visitor.page
    shop.define("thumbnails")
    shop.bad.answer = FAILURE
    visitor.open("/console")
    expect(cell(visitor, "push:thumbnails", "state")).to_have_text("ok")
    for number in range(JOBS):
        shop.push("thumbnails", shop.bad, payload={"picture": number})
    expect(cell(visitor, "push:thumbnails", "state")).to_have_text("failing")
    expect(cell(visitor, "push:thumbnails", "failed")).to_have_text(str(JOBS))

    visitor.follow(cell(visitor, "push:thumbnails", "failed").click)
    group = page.get_by_role("row").filter(has_text="the printer is on fire")
    expect(group).to_contain_text("thumbnails")
    expect(group.locator("[data-label=Failures]")).to_have_text(str(JOBS))

    shop.bad.answer = SUCCESS
    shop.bad.gate.clear()
    visitor.follow(group.get_by_role("link", name="Retry").click)
    expect(page.get_by_text(f"{JOBS} failed jobs will wait again")).to_be_visible()
    # What fails after it was counted is another matter.
    shop.daemon.push(NOWHERE, "thumbnails")
    shop.wait_for("thumbnails", failed=JOBS + 1)
    assert not faults_of(page)
    visitor.click(f"Retry {JOBS} failed jobs")
    expect(page.get_by_role("status").filter(has_text="Done.")).to_contain_text(f"{JOBS} wait again")
    assert not faults_of(page)
    assert visitor.fits(NARROW)
    assert visitor.fits(WIDE)

    visitor.click("Overview", "link")
    expect(cell(visitor, "push:thumbnails", "failed")).to_have_text("1")
    expect(cell(visitor, "push:thumbnails", "running")).to_have_text("2")
    expect(cell(visitor, "push:thumbnails", "waiting")).to_have_text(str(JOBS - 2))
    shop.bad.gate.set()
    expect(cell(visitor, "push:thumbnails", "waiting")).to_have_text("0")
    expect(cell(visitor, "push:thumbnails", "finished")).to_have_text(str(JOBS))
    expect(cell(visitor, "push:thumbnails", "failed")).to_have_text("1")


def test_leases_that_ended_are_dealt_with_without_scripts(visit_site: Visit, stricken: Shop) -> None:
    """One is retried by itself, the selected ones are removed, and no other is."""
    shop = stricken
    ids = [shop.fail_pull_job("exports", f"export-{number}") for number in range(4)]
    visitor = visit_site(shop.url, java_script_enabled=False)
    page = visitor.page
    visitor.open("/console/failures?kind=pull")
    group = page.get_by_role("row").filter(has_text="lease timed out")
    expect(group.locator("[data-label=Failures]")).to_have_text("4")
    visitor.follow(group.get_by_role("link", name="lease timed out").click)
    expect(page.locator("tbody tr")).to_have_count(4)

    visitor.follow(_of(visitor, ids[0]).get_by_role("button", name="Retry").click)
    expect(page.locator("#told")).to_contain_text(f"Job {ids[0]} waits to be run again")
    expect(page.locator("tbody tr")).to_have_count(3)
    shop.wait_for("exports", queued=1, failed=3)

    for job_id in ids[1:3]:
        page.get_by_label(f"Select job {job_id}", exact=True).check()
    visitor.follow(page.locator("#selection").get_by_role("button", name="Delete…").click)
    expect(page.get_by_text("2 failed jobs will be removed for good")).to_be_visible()
    visitor.click("Delete 2 failed jobs")
    wait_until(lambda: _is_over(visitor))
    expect(page.get_by_role("status").filter(has_text="2 have been removed")).to_be_visible()
    visitor.open("/console/failures?kind=pull&view=jobs")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("link", name=str(ids[3]), exact=True)).to_be_visible()


def _of(visitor: Visitor, job_id: int) -> Locator:
    cell = visitor.page.get_by_role("link", name=str(job_id), exact=True)
    return visitor.page.get_by_role("row").filter(has=cell)


def _is_over(visitor: Visitor) -> bool:
    visitor.page.reload()
    return visitor.page.get_by_text("Done.").count() > 0


def test_a_retry_of_all_needs_no_mouse(visit_site: Visit, stricken: Shop) -> None:
    """From the list of failures to its end by Tab and Enter, with the focus in sight."""
    shop = stricken
    shop.define("keyboard")
    shop.daemon.push(NOWHERE, "keyboard")
    shop.wait_for("keyboard", failed=1)
    visitor = visit_site(shop.url)
    keys = visitor.page.keyboard
    visitor.open("/console/failures?queue=keyboard")
    for text in ("Retry all 1…", "Retry 1 failed job"):
        visitor.tab_to(text)
        visitor.follow(lambda: keys.press("Enter"))
    expect(visitor.page.get_by_role("status").filter(has_text="Done.")).to_contain_text("1 waits again")
