"""Which queue takes which category: shown, filtered, changed."""

import re
from html import unescape

import pytest

from tests.web.console.form_fields import fields_of, focused_field, wrong_fields
from tests.web.console.site import Browser, Site, open_site
from trioworq.core.jobs import Kind
from trioworq.core.routing import Routing
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

PUT = "/console/routings/put"
DELETE = "/console/routings/delete"


async def route(site: Site, *categories: str, queue: str = "default") -> None:
    """Route categories as nobody has to know."""
    for category in categories:
        await site.queues.routings.put(Routing(category, queue))


async def categories(browser: Browser, query: str = "") -> list[str]:
    """Return those of all pages, in their order."""
    found: list[str] = []
    path: str | None = f"/console/routings{query}"
    while path:
        page = (await browser.get(path)).text
        found += re.findall(r'<th scope="row" class="name"><bdi>(.*?)</bdi>', page)
        onward = re.search(r'rel="next" href="([^"]*)"', page)
        path = unescape(onward[1]) if onward else None
    return found


async def test_routings_are_shown_with_the_state_of_their_queue(site: Site, browser: Browser) -> None:
    """Active, paused or not defined any more; and where all other categories go."""
    for queue in ("gone", "slow", "quick"):
        await site.put_queue(queue)
        await route(site, f"to-{queue}", queue=queue)
    await site.queues.definitions.undefine("gone")
    await site.side.pauses.pause(Kind.PUSH, "slow")
    page = (await browser.get("/console/routings")).text
    rows = [row for row in page.split("<tr>") if 'scope="row"' in row]
    states = [re.search(r"badge \w+\">([\w ]+)<", row) for row in rows]
    assert [state and state[1] for state in states] == ["not defined", "active", "paused"]
    assert 'default queue, <a href="/console/queue?kind=push&amp;name=default">' in page


async def test_what_another_node_has_changed_is_shown(site: Site, browser: Browser) -> None:
    """Also what nobody has asked this node about yet."""
    await categories(browser)
    await site.store.put_routing(Routing("elsewhere", "default"))
    assert await categories(browser) == ["elsewhere"]


async def test_without_a_default_queue_it_is_said_what_that_means() -> None:
    """A push of a category without a routing is refused."""
    async with open_site(default_queue="") as site:
        assert "There is no default queue" in (await site.browser.get("/console/routings")).text


async def test_pages_show_each_routing_once_by_category(site: Site, browser: Browser) -> None:
    """However many there are, also while a text is asked for."""
    names = [f"category {number:03}" for number in range(120)]
    await route(site, *reversed(names))
    assert await categories(browser) == names
    assert await categories(browser, "?text=CATEGORY+0") == names[:100]


async def test_a_page_beyond_the_last_is_empty(site: Site, browser: Browser) -> None:
    """Whatever a cursor says, be it no UTF-8."""
    await route(site, "a")
    assert await categories(browser, "?after=a") == []
    assert await categories(browser, "?after=%ff") == []


async def test_a_text_is_looked_for_in_both_names(site: Site, browser: Browser) -> None:
    """Whatever its case; special characters mean nothing."""
    await site.put_queue("Letters")
    await route(site, "post", queue="Letters")
    await route(site, "LETTERHEAD", "other", "100%")
    assert await categories(browser, "?text=letter") == ["LETTERHEAD", "post"]
    assert await categories(browser, "?text=%25") == ["100%"]
    page = (await browser.get("/console/routings?text=letter")).text
    assert "2 of 4" in page
    assert "No routing has that." in (await browser.get("/console/routings?text=nowhere")).text


async def test_a_routing_is_added_changed_and_deleted(site: Site, browser: Browser) -> None:
    """Each leads back to the list, which says once what was done."""
    await site.put_queue("other")
    for queue in ("default", "other"):
        answer = await browser.post(PUT, {"category": "a/b?c", "queue": queue, "text": "b"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/routings?text=b")
        assert site.queues.routings.get("a/b?c") == Routing("a/b?c", queue)
        assert f"a/b?c goes to {queue} now" in (await browser.get(answer.headers["location"])).text
        assert "goes to" not in (await browser.get("/console/routings")).text.split("<h1>")[0]
    answer = await browser.post(DELETE, {"category": "a/b?c"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/routings")
    assert site.queues.routings.get("a/b?c") is None


async def test_a_routing_that_is_gone_already_is_no_error(browser: Browser) -> None:
    """Somebody else may have been quicker."""
    answer = await browser.post(DELETE, {"category": "none"})
    assert answer.status_code == 303
    assert "There was no routing of none" in (await browser.get("/console/routings")).text


async def test_a_routing_is_taken_into_the_form_to_be_changed(site: Site, browser: Browser) -> None:
    """The link beside it fills the form."""
    await route(site, 'quo"te & <co>')
    page = (await browser.get("/console/routings")).text
    change = re.search(r'href="(/console/routings\?category=[^"#]*)#edit"', page)
    assert change is not None
    form = fields_of((await browser.get(unescape(change[1]))).text, PUT)
    assert (form["category"], form["queue"]) == ('quo"te & <co>', "default")


@pytest.mark.parametrize(
    ("category", "queue", "says"),
    [
        ("a", "none", "No such queue: none"),
        ("a", "", "Missing field: queue_name"),
        ("", "default", "The category should have 1 to 255 bytes, not 0"),
        ("x" * 256, "default", "The category should have 1 to 255 bytes, not 256"),
        ("a\0b", "default", "The category contains a NUL"),
    ],
)
async def test_a_routing_that_cannot_be_is_refused_beside_the_form(
    site: Site, browser: Browser, category: str, queue: str, says: str
) -> None:
    """In the words of the API, with what was typed; nothing is changed."""
    answer = await browser.post(PUT, {"category": category, "queue": queue})
    assert answer.status_code == 400
    assert says in answer.text
    form = fields_of(answer.text, PUT)
    assert (form["category"], form["queue"]) == (category, queue)
    assert wrong_fields(answer.text, PUT) == {"category", "queue"}
    assert focused_field(answer.text, PUT) == "queue"
    assert await site.queues.routings.read() == []


async def test_names_are_no_markup_and_turn_no_text_around(site: Site, browser: Browser) -> None:
    """Wherever they stand: in the list, in links, in the form, in what was done."""
    hostile = "<script>alert(1)</script>\u202e\"'"
    answer = await browser.post(PUT, {"category": hostile, "queue": "default"})
    for page in (await browser.get(answer.headers["location"]), await browser.get("/console/routings")):
        assert "<script>alert" not in page.text
        assert "⟦U+202E⟧" in page.text
    assert (await browser.post(DELETE, {"category": hostile})).status_code == 303
    assert await site.queues.routings.read() == []


async def test_who_may_only_read_sees_routings_and_no_controls() -> None:
    """And changes nothing without them either."""
    token, line = new_token("reader", "read")
    async with open_site(guard=Guard(parse_tokens([line]))) as site:
        await site.browser.log_in(token)
        await route(site, "a")
        page = (await site.browser.get("/console/routings")).text
        assert ("a</bdi>" in page, PUT in page, DELETE in page, "#edit" in page) == (
            True,
            False,
            False,
            False,
        )
        assert (await site.browser.post(DELETE, {"category": "a"})).status_code == 403
        assert (await site.browser.post(PUT, {"category": "b", "queue": "default"})).status_code == 403
        assert await site.queues.routings.read() == [Routing("a", "default")]
