"""No page of the console is forgotten by the tests that use a browser."""

from tests.console.pages import NO_PAGES, PAGES
from tests.web.console.site import Site
from tests.web.face import routes_of


async def test_every_page_is_looked_at_in_a_browser(site: Site) -> None:
    """What answers with a page is on their list, and nothing else is."""
    routes = routes_of(site.side, site.pull_side)
    shown = {route.path for route in routes if route.method == "GET" and route.path.startswith("/console")}
    assert set(PAGES).isdisjoint(NO_PAGES)
    assert shown == set(PAGES) | NO_PAGES
