"""Pages of a list and the links between them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.web.load.asking import asked
from trioworq.core.errors import NotFound
from trioworq.web.load.paging import Whole, fetch_page, show_page
from trioworq.web.load.queries import Query
from trioworq.web.messages import Request


async def show(request: Request, count: int) -> Mapping[str, Any]:
    """Return the page that a request gets of the numbers from 0 on."""
    query = Query.of(request)
    page = await fetch_page(query, Whole(range(count)).fetch)
    return show_page(request, query, page, list(page.items))


async def test_a_short_list_is_one_page() -> None:
    """The envelope has its keys in the original's order, and no links."""
    shown = await show(asked(), 3)
    assert list(shown.items()) == [("count", 3), ("next", None), ("previous", None), ("results", [0, 1, 2])]


async def test_an_empty_list_has_one_page() -> None:
    """It is the first, and the last."""
    nothing: Mapping[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
    for query in (b"", b"page=", b"page=1", b"page=last"):
        assert await show(asked(query), 0) == nothing


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        (b"", 0, 99),
        (b"page=1", 0, 99),
        (b"page=", 0, 99),
        (b"page=2", 100, 199),
        (b"page=0003", 200, 249),
        (b"page=last", 200, 249),
        (b"page=x&page=2", 100, 199),
        (b"page_size=1", 0, 0),
        (b"page_size=7&page=36", 245, 248),
        (b"page_size=7&page=last", 245, 248),
        (b"page_size=0050&page=last", 200, 248),
        (b"page_size=249", 0, 248),
    ],
)
async def test_pages_are_numbered_from_one(query: bytes, first: int, last: int) -> None:
    """`last` is the last one, an empty number the first."""
    results = (await show(asked(query), 249))["results"]
    assert results == list(range(first, min(last, 248) + 1))


@pytest.mark.parametrize(
    "text",
    ["0", "00", "-1", "%2B1", "+1", "1.0", "x", "first", "Last", "%D9%A3", "%FF", "4", "9" * 19, "9" * 5000],
)
async def test_a_page_that_is_not_there_is_refused(text: str) -> None:
    """Below the first, past the last, or no number: in the original's words."""
    with pytest.raises(NotFound) as refusal:
        await show(asked(b"page=" + text.encode()), 300)
    assert str(refusal.value) == "Invalid page."


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000),
        ("1001", 1000),
        ("9" * 5000, 1000),
        ("0" * 5000 + "5", 5),
        ("", 100),
        ("0", 100),
        ("-5", 100),
        ("5.0", 100),
        ("x", 100),
        ("%D9%A3", 100),
    ],
)
async def test_a_page_has_at_most_1000_items(text: str, size: int) -> None:
    """What is no number of at least 1 counts as not given, and more as the most."""
    assert len((await show(asked(b"page_size=" + text.encode()), 2000))["results"]) == size


async def test_links_lead_to_the_pages_beside() -> None:
    """They are where the client asked, with its query in the order of its keys, and another page."""
    request = asked(b"started=P7D&page=2&job_type_name=b&page_size=10&job_type_name=a%2F", host=b"load:8080")
    start = "http://load:8080/v6/load/?job_type_name=b&job_type_name=a%2F"
    shown = await show(request, 31)
    assert shown["next"] == f"{start}&page=3&page_size=10&started=P7D"
    assert shown["previous"] == f"{start}&page_size=10&started=P7D"


async def test_the_first_page_has_no_number() -> None:
    """A link to it from where nothing else was asked has no query at all."""
    assert (await show(asked(b"page=2"), 200))["previous"] == "http://x/v6/load/"
    assert (await show(asked(), 200))["next"] == "http://x/v6/load/?page=2"


async def test_the_last_page_is_numbered_in_links() -> None:
    """Its own name is not."""
    shown = await show(asked(b"page=last"), 300)
    assert (shown["next"], shown["previous"]) == (None, "http://x/v6/load/?page=2")


async def test_links_keep_the_scheme() -> None:
    """Clients that speak TLS go on with it."""
    shown = await show(asked(host=b"[::1]:8443", is_secure=True), 200)
    assert shown["next"] == "https://[::1]:8443/v6/load/?page=2"


@pytest.mark.parametrize(
    "host",
    [
        b"", b"x y", b'x"', b"<x>", b"x/y", b"x?y", b"x#y", b"x@y", b"user:pw@x", b"x\\y", b"x:y", b"x:80:80",
        b"[x]", b"[::1", b"x\xff", b"x, y", b"%41", b":80", b"javascript:alert(1)//",
    ],
)  # fmt: skip
async def test_a_host_that_is_none_has_no_place_in_a_link(host: bytes) -> None:
    """It then begins with the path, which is right wherever the client was."""
    assert (await show(asked(host=host), 200))["next"] == "/v6/load/?page=2"


@given(st.binary(), st.binary())
@example(b"%FF=%ED%A0%80&\xe9=%00%C3%A9", b"x")
async def test_a_link_asks_for_the_same(query_string: bytes, host: bytes) -> None:
    """Whatever was asked: all of the query but the page comes back from a link, byte by byte."""
    request = asked(b"page_size=100&" + query_string + b"&page_size=1&page=2", host=host)
    link = urlsplit((await show(request, 3))["next"])
    assert link.path == "/v6/load/"
    asked_for = Query.of(request).values
    again = Query.of(asked(link.query.encode())).values
    assert again == {**asked_for, "page": ["3"]}
    keys = [key for key, _ in parse_qsl(link.query, keep_blank_values=True, errors="surrogateescape")]
    assert keys == sorted(keys)
