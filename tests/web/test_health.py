"""/livez and /readyz: what Kubernetes and load balancers ask."""

from collections.abc import AsyncIterator

import pytest
from attrs import define

from tests.web.face import CONFIG, Served, open_served
from trioworq.web import health
from trioworq.web.health import Check

pytestmark = pytest.mark.usefixtures("lane")


@define
class Troubles:
    """Two conditions that can be made to fail."""

    store: str = ""
    shutdown: str = ""


@pytest.fixture
def troubles() -> Troubles:
    """None."""
    return Troubles()


@pytest.fixture
async def served(troubles: Troubles) -> AsyncIterator[Served]:
    """Both routes on a loopback port."""
    checks = [Check("store", lambda: troubles.store), Check("shutdown", lambda: troubles.shutdown)]
    async with open_served(health.routes(checks), CONFIG) as served:
        yield served


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_all_is_well(path: str, served: Served) -> None:
    """Two letters of plain text, which nobody may keep; a HEAD has their length."""
    answer = await served.client.get(path)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    head = await served.client.head(path)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "2", b"")


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/livez?verbose", ["[+]ping ok", "livez check passed"]),
        ("/readyz?verbose", ["[+]store ok", "[+]shutdown ok", "readyz check passed"]),
        ("/readyz?verbose=1&x=y", ["[+]store ok", "[+]shutdown ok", "readyz check passed"]),
    ],
)
async def test_verbose_lists_every_check(path: str, lines: list[str], served: Served) -> None:
    """One line each, and the sum of them."""
    answer = await served.client.get(path)
    assert answer.status_code == 200
    assert answer.text.split("\n") == [*lines, ""]


@pytest.mark.parametrize("query", ["", "?verbose"])
async def test_one_check_that_fails_makes_it_not_ready(
    query: str, troubles: Troubles, served: Served
) -> None:
    """503 with every check and the reason of those that fail; it is alive all the same."""
    troubles.store = "out of reach"
    answer = await served.client.get("/readyz" + query)
    assert answer.status_code == 503
    assert answer.text == "[-]store failed: out of reach\n[+]shutdown ok\nreadyz check failed\n"
    assert answer.headers["retry-after"] == "1"
    assert (await served.client.get("/livez" + query)).status_code == 200
    troubles.store = ""
    assert (await served.client.get("/readyz" + query)).status_code == 200


async def test_what_monitors_ask_is_not_in_the_access_log(troubles: Troubles, served: Served) -> None:
    """Whatever the answer."""
    for troubles.shutdown in ("", "draining"):
        for path in ("/livez", "/readyz", "/readyz?verbose"):
            await served.client.get(path)
    assert served.access_lines == []
