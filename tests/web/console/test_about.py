"""What runs here, on a page."""

import platform
import re

import trio

from tests.web.console.site import Browser, Site, open_site
from trioworq import __version__
from trioworq.config import FIREWORQ_VERSION
from trioworq.core.leases import Hold
from trioworq.core.nodes import LiveNode
from trioworq.stores.interface import StoreUnavailable
from trioworq.stores.memory.store import MemoryStore
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens


class AwayStore(MemoryStore):
    """A store that cannot be asked for nodes."""

    async def nodes(self, now_ms: int) -> list[LiveNode]:
        """Fail."""
        await trio.lowlevel.checkpoint()
        raise StoreUnavailable("secret-host is away")


async def test_versions_node_and_store_are_told(browser: Browser) -> None:
    """As they are."""
    page = (await browser.get("/console/about")).text
    for version in (__version__, FIREWORQ_VERSION, platform.python_version(), trio.__version__):
        assert f"<dd>{version}</dd>" in page
    assert "<code>node-1</code>" in page
    assert "<code>sqlite</code>" in page
    assert re.search(r"<dt>Schema</dt><dd>version (\d+), needed \1 *</dd>", page)
    assert "16\u202f777\u202f216" in page


async def test_live_nodes_are_shown_with_their_queues(site: Site, browser: Browser) -> None:
    """Those that the store counts among them, by their hosts."""
    await site.store.hold(Hold("node-9", "far", ["a", "b"], site.queues.now_ms(), 60_000))
    await site.store.report("node-9", "<far>", b"")
    row = (await browser.get("/console/about")).text.split("&lt;far&gt;")[1].split("</tr>")[0]
    assert "<code><bdi>node-9</bdi></code>" in row
    assert '<td data-label="Queues" class="number">2</td>' in row


async def test_the_page_is_there_while_the_store_is_away() -> None:
    """It says so, and no more of it."""
    async with open_site(store=AwayStore()) as site:
        answer = await site.browser.get("/console/about")
        assert (answer.status_code, "out of reach" in answer.text) == (200, True)
        assert "secret-host" not in answer.text
        assert __version__ in answer.text


async def test_whether_tokens_are_asked_for_is_told(browser: Browser) -> None:
    """And what a login to the console does not open."""
    token, line = new_token("reader", "read")
    async with open_site(guard=Guard(parse_tokens([line]))) as site:
        await site.browser.log_in(token)
        page = (await site.browser.get("/console/about")).text
        assert ("asked for</dd>" in page, "Authorization" in page, token in page) == (True, True, False)
    page = (await browser.get("/console/about")).text
    assert ("whoever reaches the port" in page, "Authorization" in page) == (True, False)


async def test_libraries_are_shown_with_their_licences(browser: Browser) -> None:
    """Whole."""
    page = (await browser.get("/console/about")).text
    assert re.findall(r"<summary>(\w+)</summary>", page) == ["htmx", "uPlot"]
    assert "Zero-Clause BSD" in page
    assert "Copyright (c) 2022 Leon Sorokin" in page
