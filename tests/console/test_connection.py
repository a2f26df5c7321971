"""What a page shows of a daemon that it has lost, and what a daemon does to pages when it ends."""

import time
from pathlib import Path

from playwright.sync_api import expect

from tests.console.accessible import faults_of
from tests.console.conftest import Visit
from tests.ports import free_port
from tests.process.running_daemon import running_daemon

UNREACHABLE = "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE"
# A stop that waited for pages would take as long as requests are given, half a minute.
STOPPED_S = 10.0


def test_a_daemon_that_is_lost_is_announced_until_it_is_back(visit_site: Visit, tmp_path: Path) -> None:
    """The page says since when, and takes up by itself where the new one stands."""
    port, store = free_port(), f"--sqlite-path={tmp_path / 'jobs.db'}"
    with running_daemon(tmp_path / "a", "--driver=sqlite", store, port=port) as daemon:
        visitor = visit_site(daemon.url)
        visitor.open("/console")
        page, bar = visitor.page, visitor.page.locator("#connection")
        expect(page.locator("html[data-connection=live]")).to_be_attached()
        expect(bar).to_be_hidden()
        visitor.excuse(UNREACHABLE)
        daemon.kill()
        expect(bar).to_be_visible()
        expect(bar).to_contain_text("Connection lost")
        assert bar.get_attribute("aria-live") == "assertive"
        expect(page.locator("[data-cell=figures]")).to_have_css("filter", "grayscale(1)")
        assert not faults_of(page)
    with running_daemon(tmp_path / "b", "--driver=sqlite", store, port=port) as daemon:
        expect(page.locator("html[data-connection=live]")).to_be_attached()
        expect(bar).to_be_hidden()
        expect(page.locator("[data-cell=figures]")).to_have_css("filter", "none")
        daemon.request("PUT", "/queue/made%20since", {})
        expect(page.locator("main").get_by_role("link", name="made since")).to_be_visible()


def test_an_open_page_does_not_hold_up_a_stop(visit_site: Visit, tmp_path: Path) -> None:
    """The daemon ends in order, and the page says that it has gone."""
    with running_daemon(tmp_path / "a", "--driver=in-memory") as daemon:
        visitor = visit_site(daemon.url)
        visitor.open("/console")
        expect(visitor.page.locator("html[data-connection=live]")).to_be_attached()
        visitor.excuse(UNREACHABLE)
        began_s = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began_s < STOPPED_S
        expect(visitor.page.locator("#connection")).to_contain_text("Connection lost")
