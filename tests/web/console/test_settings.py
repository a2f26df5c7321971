"""The options in force, on a page."""

import re

import pytest

from tests.web.console.site import Browser, Site, open_site
from trioworq.config import OPTIONS
from trioworq.web.console.settings.prose import prose


async def flags(browser: Browser, query: str = "") -> list[str]:
    """Name the options that are shown."""
    answer = await browser.get(f"/console/settings{query}")
    assert answer.status_code == 200, answer.text
    return re.findall(r'<th scope="row"><code>(--[a-z-]+)</code>', answer.text)


async def test_every_option_is_shown_with_what_it_means(browser: Browser) -> None:
    """In the order of the table, with its value."""
    assert await flags(browser) == [option.flag for option in OPTIONS]
    page = (await browser.get("/console/settings")).text
    row = page.split("<code>--shutdown-timeout</code>")[1].split("</tr>")[0]
    assert '<code class="value"><bdi>30</bdi></code>' in row
    assert "Seconds that requests and running jobs get to finish after SIGTERM." in row
    assert "FIREWORQ_SHUTDOWN_TIMEOUT" in row


async def test_passwords_are_masked() -> None:
    """On all pages of it."""
    dsn = "ann:se-cret@tcp(db:3306)/jobs"
    async with open_site(mysql_dsn=dsn) as site:
        for query in ("", "?text=mysql", "?set=1", "?text=se-cret"):
            page = (await site.browser.get(f"/console/settings{query}")).text
            assert "cret@" not in page
        assert "ann:********@tcp(db:3306)/jobs" in (await site.browser.get("/console/settings")).text
        assert await flags(site.browser, "?text=se-cret") == []


async def test_what_is_set_stands_out() -> None:
    """With its default beside it, and can be looked at alone."""
    async with open_site(shutdown_timeout=31) as site:
        assert "--shutdown-timeout" in await flags(site.browser, "?set=1")
        assert "--pid" not in await flags(site.browser, "?set=1")
        page = (await site.browser.get("/console/settings?text=shutdown")).text
        assert "by default <code><bdi>30</bdi></code>" in page


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("max_body_bytes", ["--max-body-bytes"]),
        ("MAX-BODY-BYTES", ["--max-body-bytes"]),
        ("fireworq_pid", ["--pid"]),
        ("SIGTERM", ["--shutdown-timeout"]),
        ("%00", []),
        ("%ff", []),
        ("%3Cscript%3E", []),
    ],
)
async def test_options_are_found_by_name_value_and_meaning(
    browser: Browser, text: str, found: list[str]
) -> None:
    """In any spelling."""
    assert await flags(browser, f"?text={text}") == found


async def test_a_value_is_no_markup(site: Site) -> None:
    """Whatever somebody has set."""
    async with open_site(access_log_tag="<b>\u202e") as other:
        page = (await other.browser.get("/console/settings")).text
        assert "&lt;b&gt;" in page
        assert ("<b>" in page, "\u202e" in page) == (False, False)


def test_markdown_becomes_code_and_words() -> None:
    """All else is escaped, within code too."""
    assert prose("See [api.md](api.md#x): `<a>` & `b`.") == (
        "See api.md: <code>&lt;a&gt;</code> &amp; <code>b</code>."
    )
