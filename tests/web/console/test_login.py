"""A browser gets a token to show, and shows it to the console alone."""

import re
from collections.abc import AsyncIterator

import h2.events
import pytest

from tests.web.console.site import Browser, Site, open_site
from tests.web.http2_client import events_until, open_http_2, request_headers
from trioworq import __version__
from trioworq.web.console.urls import MAX_CHARACTERS, local
from trioworq.web.guard import Guard
from trioworq.web.messages import Scope
from trioworq.web.tokens import new_token, parse_tokens

MADE = {scope: new_token(scope.value, scope.value) for scope in Scope}
TOKENS = parse_tokens(line for _, line in MADE.values())
READER, ADMIN = MADE[Scope.READ][0], MADE[Scope.ADMIN][0]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The console behind tokens."""
    async with open_site(guard=Guard(TOKENS)) as site:
        yield site


def wanted_by(page: str) -> str:
    """Return where a form to log in leads."""
    found = re.search(r'name="next" value="([^"]*)"', page)
    assert found is not None
    return found[1].replace("&amp;", "&")


@pytest.mark.parametrize(
    ("path", "then"),
    [
        ("/console", "/console"),
        ("/console?a=1&b=%C3%A9", "/console?a=1&b=%C3%A9"),
        ("/console/nothing", "/console/nothing"),
        ("/console/live?view=overview", "/console/live?view=overview"),
        ("/console/%zz", "/console"),
    ],
)
async def test_strangers_are_asked_to_log_in(browser: Browser, path: str, then: str) -> None:
    """Whatever they ask for, and are told nothing of whether it is there; what they wanted is kept."""
    answer = await browser.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert '<form method="post" action="/console/login"' in answer.text
    assert wanted_by(answer.text) == then


async def test_strangers_learn_nothing_of_what_runs_here(browser: Browser) -> None:
    """Neither the node's name nor the version, which who has logged in is shown."""
    page = (await browser.get("/console")).text
    assert (__version__ in page, 'class="node"' in page, "<nav" in page) == (False, False, False)
    await browser.log_in(READER)
    page = (await browser.get("/console")).text
    assert (__version__ in page, 'class="node"' in page, "<nav" in page) == (True, True, True)


async def test_a_known_token_opens_the_page_that_was_wanted(browser: Browser) -> None:
    """The browser keeps the token for half a day, and shows it to the console alone."""
    answer = await browser.post("/console/login", {"token": f" {READER} ", "next": "/console?a=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console?a=1")
    kept = set(answer.headers["set-cookie"].split("; "))
    assert kept == {
        f"trioworq_token={READER}", "HttpOnly", "Max-Age=43200", "Path=/console", "SameSite=Strict"
    }  # fmt: skip
    assert (await browser.get("/console")).status_code == 200
    assert "Log out" in (await browser.get("/console")).text


async def test_an_unknown_token_is_refused(site: Site, browser: Browser) -> None:
    """The form says so, keeps what was wanted, and neither it nor a log shows the token."""
    for token in ("", READER[:-1], "é☃", "\x00", "trioworq_" * 1000):
        answer = await browser.post("/console/login", {"token": token, "next": "/console?a=1"})
        assert (answer.status_code, wanted_by(answer.text)) == (401, "/console?a=1")
        assert "This token is not known here" in answer.text
        assert "trioworq_token" not in answer.headers.get("set-cookie", "")
        assert not token or token not in answer.text + str(site.access_lines) + str(site.errors)
    assert (await browser.get("/console")).status_code == 401


async def test_a_known_token_is_in_no_log(site: Site, browser: Browser) -> None:
    """It comes in bodies and cookies only, which no line has."""
    await browser.log_in(READER)
    await browser.get("/console")
    assert len(site.access_lines) >= 3
    assert READER not in str(site.access_lines) + str(site.errors)


async def test_who_logs_out_is_a_stranger_again(browser: Browser) -> None:
    """The browser forgets the token, and says what was done, once."""
    await browser.log_in(READER)
    answer = await browser.post("/console/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
    page = await browser.get("/console/login")
    assert page.status_code == 200
    assert "You are logged out" in page.text
    assert "You are logged out" not in (await browser.get("/console/login")).text
    assert (await browser.get("/console")).status_code == 401


async def test_the_cookie_opens_no_api(site: Site, browser: Browser) -> None:
    """Else every page of the Web could have a browser push jobs."""
    cookie = f"Cookie: trioworq_token={ADMIN}"
    assert (await site.ask("GET", "/console", b"", cookie)).status == 200
    for path in ("/queues", "/consoles", "/console/../queues", "/metrics"):
        assert (await site.ask("GET", path, b"", cookie)).status == 401, path


async def test_a_header_counts_more_than_a_cookie(site: Site) -> None:
    """Programs may ask for pages with what they show to APIs, and nothing is guessed where both are there."""
    cookie = f"Cookie: trioworq_token={ADMIN}"
    assert (await site.ask("GET", "/console", b"", f"Authorization: Bearer {READER}")).status == 200
    assert (await site.ask("GET", "/console", b"", cookie, "Authorization: Bearer x")).status == 401
    assert (await site.ask("GET", "/console", b"", cookie, "Authorization: Basic x")).status == 401


async def test_a_cookie_may_come_in_pieces(site: Site) -> None:
    """Browsers send each cookie by itself over HTTP/2."""
    async with open_http_2(site) as (stream, connection):
        headers = [
            *request_headers("GET", "/console"),
            (b"cookie", b"a=b"),
            (b"cookie", f"trioworq_token={READER}".encode()),
            (b"cookie", b"c=d"),
        ]
        connection.send_headers(1, headers, end_stream=True)
        events = await events_until(stream, connection, h2.events.ResponseReceived)
    (answer,) = [event for event in events if isinstance(event, h2.events.ResponseReceived)]
    assert dict(answer.headers)[b":status"] == b"200"


async def test_a_token_that_is_removed_ends_at_once(browser: Browser) -> None:
    """Nothing but the token is kept, so there is no login that could outlive it."""
    guard = Guard(TOKENS)
    async with open_site(guard=guard) as site:
        await site.browser.log_in(READER)
        assert (await site.browser.get("/console")).status_code == 200
        guard.use(parse_tokens([MADE[Scope.PUSH][1]]))
        assert (await site.browser.get("/console")).status_code == 401


async def test_a_token_without_the_scope_is_told_which(browser: Browser) -> None:
    """It may log in, and out again."""
    assert (await browser.log_in(MADE[Scope.PUSH][0])).status_code == 303
    answer = await browser.get("/console")
    assert answer.status_code == 403
    assert "which needs the scope read" in answer.text
    assert "Log out" in answer.text


async def test_a_link_from_elsewhere_asks_a_second_time(browser: Browser) -> None:
    """A browser keeps the token from what another site sets off, but shows it to the page's own look."""
    assert (await browser.get("/console", Sec_Fetch_Site="cross-site")).headers["refresh"] == "0"
    for site in ("same-origin", "none", "same-site"):
        assert "refresh" not in (await browser.get("/console", Sec_Fetch_Site=site)).headers
    answer = await browser.post("/console/logout", Sec_Fetch_Site="cross-site")
    assert "refresh" not in answer.headers


async def test_scripts_of_a_page_have_it_reloaded(browser: Browser) -> None:
    """When the login has ended meanwhile, the whole page becomes the form."""
    answer = await browser.get("/console", HX_Request="true")
    assert (answer.status_code, answer.headers["hx-refresh"]) == (401, "true")
    assert "<html" not in answer.text


async def test_without_tokens_there_is_nothing_to_log_in_to() -> None:
    """Who comes there all the same is sent on."""
    async with open_site() as site:
        answer = await site.browser.get("/console/login")
        assert (answer.status_code, answer.headers["location"]) == (303, "/console")
        assert (await site.browser.log_in("anything")).headers["location"] == "/console"
        assert "Log out" not in (await site.browser.get("/console")).text


ELSEWHERE = [
    "", "/", "//evil.test", "https://evil.test/console", "/\\evil.test", "/console\\evil.test", "/consoles",
    "console", "/console/../x", "/console/..//evil.test", "/console/%2e%2e/x", "/console/./x", "/console//x",
    "javascript:alert(1)", "/console\r\nSet-Cookie: a=b", "/console?a=\r\n", "/console?a=\\", "/console#x",
    "\t//evil.test", "/console@evil.test", "/console:80", " /console", "/console é", "/console?é", "/v1/x",
    "/console/\x00", "/console?\x00", "/console?" + "x" * MAX_CHARACTERS,
]  # fmt: skip


async def test_a_login_leads_nowhere_else(browser: Browser) -> None:
    """What was wanted is followed only if it is a path of the console, written plainly."""
    for address in ELSEWHERE:
        answer = await browser.post("/console/login", {"token": READER, "next": address})
        assert (answer.status_code, answer.headers["location"]) == (303, "/console"), address


@pytest.mark.parametrize(
    "address", ["/console", "/console/", "/console/queue?kind=push&name=a%2Fb..%5C+%22", "/console/a-b_c.d/e"]
)
def test_an_address_of_the_console_stays(address: str) -> None:
    """With its query."""
    assert local(address) == address
