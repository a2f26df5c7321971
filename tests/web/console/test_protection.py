"""What changes things is for the console's own pages, known by their origin and the browser's secret."""

from collections.abc import Mapping

import pytest
from attrs import define, field

from tests.web.console.site import Browser, Site, open_site
from tests.web.face import open_served
from trioworq.web.console.protection import protected
from trioworq.web.messages import Request, Response, Route

SECRET = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2


@define(eq=False)
class Change:
    """An endpoint that counts how often it changes something."""

    number: int = field(default=0, init=False)

    async def make(self, _request: Request) -> Response:
        """Change something."""
        self.number += 1
        return Response(200)

    async def ask(self, headers: Mapping[str, str], body: str = "") -> int:
        """Ask for a change, and return the status."""
        route = protected(Route("POST", "/console/change", self.make))
        async with open_served([route]) as served:
            sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
            lines = [f"{name}: {value}" for name, value in sent.items()]
            answer = await served.ask("POST", "/console/change", body.encode(), *lines)
        assert (answer.status == 200) == (self.number == 1)
        return answer.status


OURS = {"Sec-Fetch-Site": "same-origin"}
KEPT = {"Cookie": f"trioworq_csrf={SECRET}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Sec-Fetch-Site": "Same-Origin"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://x"}, 403),
        ({"Origin": "http://x"}, 200),
        ({"Origin": "HTTP://X"}, 200),
        ({"Origin": "https://x"}, 403),
        ({"Origin": "http://x:8080"}, 403),
        ({"Origin": "http://x.evil.test"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "x"}, 403),
        ({"Referer": "http://x/console"}, 403),
        ({}, 403),
    ],
)
async def test_only_the_consoles_own_origin_changes_things(headers: dict[str, str], status: int) -> None:
    """By what the browser says of the site, or else of the origin, with its scheme and port."""
    assert await Change().ask({**KEPT, **headers}, f"csrf={SECRET}") == status


@pytest.mark.parametrize(
    ("cookie", "body", "header", "status"),
    [
        (SECRET, f"csrf={SECRET}", None, 200),
        (SECRET, f"a=b&csrf={SECRET}&c=d", None, 200),
        (SECRET, "", SECRET, 200),
        (SECRET, f"csrf={OTHER}", SECRET, 200),
        (SECRET, f"csrf={SECRET}", OTHER, 403),
        (SECRET, "", None, 403),
        (SECRET, "csrf=", None, 403),
        (SECRET, f"csrf={OTHER}", None, 403),
        (SECRET, f"csrf={OTHER}&csrf={SECRET}", None, 403),
        (SECRET, f"csrf={SECRET}0", None, 403),
        (SECRET, "csrf=%C3%A9", None, 403),
        (SECRET, "", "\xe9", 403),
        (OTHER, f"csrf={SECRET}", None, 403),
        (None, f"csrf={SECRET}", None, 403),
        (None, "csrf=", None, 403),
        ("", "csrf=", None, 403),
        ("short", "csrf=short", None, 403),
        (SECRET.upper(), f"csrf={SECRET.upper()}", None, 403),
    ],
)
async def test_only_who_knows_the_browsers_secret_changes_things(
    cookie: str | None, body: str, header: str | None, status: int
) -> None:
    """It is the one that was given to this browser, and comes in the form or from a script."""
    kept = {} if cookie is None else {"Cookie": f"trioworq_csrf={cookie}"}
    shown = {} if header is None else {"X-CSRF-Token": header}
    assert await Change().ask({**OURS, **kept, **shown}, body) == status


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", '{"csrf": "x"}', 400),
        ("text/plain", f"csrf={SECRET}", 400),
        ("multipart/form-data; boundary=x", "--x--", 400),
        ("application/x-www-form-urlencoded; charset=utf-8", f"csrf={SECRET}", 200),
        ("APPLICATION/X-WWW-FORM-URLENCODED", f"csrf={SECRET}", 200),
        ("application/x-www-form-urlencoded", "csrf=%zz", 400),
        ("application/x-www-form-urlencoded", "csrf=%ff", 400),
        ("application/x-www-form-urlencoded", "&" * 1000, 400),
    ],
)
async def test_only_forms_are_read(content_type: str, body: str, status: int) -> None:
    """What no form of a page is sent as changes nothing."""
    assert await Change().ask({**OURS, **KEPT, "Content-Type": content_type}, body) == status


def test_what_only_shows_is_left_alone() -> None:
    """A link from elsewhere may lead to a page."""
    route = Route("GET", "/console/x", Change().make)
    assert protected(route) is route


async def test_every_route_that_changes_is_protected(site: Site) -> None:
    """Without the secret none does anything, not even log in or out."""
    for path in ("/console/login", "/console/logout"):
        answer = await site.browser.post_bare(path, {"token": "x"})
        assert answer.status_code == 403, path
        assert "nothing was changed" in answer.text


async def test_the_secret_stays_with_the_browser(browser: Browser) -> None:
    """It is made once, is sent along links from elsewhere, and no script reads it."""
    answer = await browser.get("/console")
    kept, secret = answer.headers["set-cookie"].split("; "), await browser.csrf()
    assert set(kept) == {f"trioworq_csrf={secret}", "HttpOnly", "Path=/console", "SameSite=Lax"}
    assert "set-cookie" not in (await browser.get("/console")).headers
    async with open_site() as other:
        assert secret != await other.browser.csrf()
