"""What is not done under /console is said in the console's own shape."""

from collections.abc import AsyncIterator

import pytest

from tests.web.face import CONFIG, Served, open_served
from trioworq.core.errors import Conflict, InvalidRequest, NotFound
from trioworq.stores.interface import StoreBroken, StoreUnavailable
from trioworq.web.messages import Request, Response, Route
from trioworq.web.replies import TooManyBodies

ERRORS: dict[str, Exception] = {
    "400": InvalidRequest("a <b> is wrong"),
    "404": NotFound("no <b> here"),
    "409": Conflict("a <b> is there"),
    "503": StoreUnavailable("secret <b>"),
    "503-room": TooManyBodies("no room for <b>"),
    "500-store": StoreBroken("secret <b>"),
    "500": RuntimeError("secret <b>"),
}


def routes() -> list[Route]:
    """Routes that fail in each way, and one that takes a body."""

    async def fail(request: Request) -> Response:
        raise ERRORS[request.arguments["error"]]

    return [Route("GET", "/console/fail/{error}", fail), Route("POST", "/console/take", fail)]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A console of which nothing works."""
    async with open_served(routes()) as served:
        yield served


@pytest.mark.parametrize("error", ERRORS)
async def test_an_error_is_a_page(served: Served, error: str) -> None:
    """It has the layout, its words are escaped, and the store's own words are not shown."""
    answer = await served.client.get(f"/console/fail/{error}?a=1")
    assert answer.status_code == int(error[:3])
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<nav aria-label="Console">' in answer.text
    assert "<b>" not in answer.text
    assert "secret" not in answer.text
    assert ("&lt;b&gt;" in answer.text) == (error in ("400", "404", "409", "503-room"))


@pytest.mark.parametrize("error", ERRORS)
async def test_scripts_get_the_reason_alone(served: Served, error: str) -> None:
    """To be shown where the page has its alerts."""
    answer = await served.client.get(f"/console/fail/{error}", headers={"HX-Request": "true"})
    assert answer.status_code == int(error[:3])
    assert (answer.headers["hx-retarget"], answer.headers["hx-reswap"]) == ("#alerts", "innerHTML")
    assert answer.text.startswith('<div class="alert">')
    assert "<html" not in answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize("error", ["503", "503-room"])
async def test_what_passes_can_be_tried_again(served: Served, error: str) -> None:
    """By a link to the very page, and a header for programs."""
    answer = await served.client.get(f"/console/fail/{error}?a=1&b=2")
    assert answer.headers["retry-after"] == "1"
    assert f'href="/console/fail/{error}?a=1&amp;b=2">Try again' in answer.text


@pytest.mark.parametrize("path", ["/console/nothing", "/console/fail", "/console/fail/", "/console/"])
async def test_an_unknown_page_is_said_to_be_one(served: Served, path: str) -> None:
    """In a page."""
    answer = await served.client.get(path)
    assert answer.status_code == 404
    assert "There is no such page." in answer.text


async def test_a_method_that_is_not_taken_is_refused_with_those_that_are(served: Served) -> None:
    """In a page."""
    answer = await served.client.get("/console/take")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "<h1>Method Not Allowed</h1>" in answer.text


@pytest.mark.parametrize("path", ["/console/%zz", "/console/%ff"])
async def test_a_path_that_cannot_be_read_is_refused_in_a_page(served: Served, path: str) -> None:
    """Before any route is looked for."""
    answer = await served.ask("GET", path)
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert b"<h1>Bad Request</h1>" in answer.body
    assert "set-cookie" in answer.headers


async def test_a_body_that_is_too_large_is_refused_in_a_page(served: Served) -> None:
    """And the connection ends, as with any other."""
    body = b"x" * (CONFIG.max_body_bytes + 1)
    answer = await served.client.post("/console/take", content=body)
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert "bytes" in answer.text
    assert "<html" in answer.text


async def test_beside_the_console_refusals_are_as_they_were(served: Served) -> None:
    """Fireworq's shape, for paths that only begin alike."""
    for path in ("/consoles", "/Console", "/"):
        answer = await served.client.get(path)
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")
        assert "content-security-policy" not in answer.headers
