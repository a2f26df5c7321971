"""What all pages share: the layout, the headers that keep browsers in bounds, names of all kinds."""

import pytest

from tests.web.console.site import Browser, Site

BOUNDS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize(
    "path",
    ["/console", "/console/login", "/console/nothing", "/console/%zz", "/console/%ff", "/console/logout",
     "/console/live?view=none", "/console/static/x.js"],
)  # fmt: skip
async def test_every_answer_keeps_browsers_in_bounds(browser: Browser, path: str) -> None:
    """Refusals too, and none is kept by a cache on the way."""
    answer = await browser.get(path)
    assert {name: answer.headers.get(name) for name in BOUNDS} == BOUNDS
    assert answer.headers["cache-control"] == "no-store"


async def test_a_page_may_be_asked_for_its_head(site: Site) -> None:
    """HEAD answers as GET, without a body."""
    answer = await site.ask("HEAD", "/console")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 1000


async def test_a_slash_at_the_end_leads_to_the_console(browser: Browser) -> None:
    """People type it."""
    answer = await browser.get("/console/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")


async def test_nothing_of_a_page_is_inline(browser: Browser) -> None:
    """Neither script nor style: the policy would not let them run."""
    page = (await browser.get("/console")).text
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
    assert " onclick" not in page
    assert page.count("<script") == page.count('<script src="/console/static/')
