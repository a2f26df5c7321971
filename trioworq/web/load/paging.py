"""One page of a list, and the links to those beside it (contract load §4.1)."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from attrs import frozen

from trioworq.core.errors import NotFound
from trioworq.web.load.queries import Query
from trioworq.web.messages import Request

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

T = TypeVar("T")

# Returns how many items a list has, and some of them: from an offset on, which may be past the end, so many
# at most.
Fetch = Callable[[int, int], Awaitable[tuple[int, Sequence[T]]]]

_DIGITS = re.compile(r"0*([0-9]{1,19})")

# What names a host and perhaps its port, and nothing that would make more than that of a link.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")


@frozen
class Whole(Generic[T]):
    """A list that is at hand."""

    items: Sequence[T]

    async def fetch(self, offset: int, limit: int) -> tuple[int, Sequence[T]]:
        """Fetch a part of it; see Fetch."""
        return len(self.items), self.items[offset : offset + limit]


@frozen
class Page(Generic[T]):
    """A page of a list of `count` items; pages are numbered from 1."""

    number: int
    size: int
    count: int
    items: Sequence[T]

    @property
    def last_number(self) -> int:
        """The number of the last page; a list without items has one too."""
        return _last_number(self.count, self.size)


def _last_number(count: int, size: int) -> int:
    return max(1, -(-count // size))


async def fetch_page(query: Query, fetch: Fetch[T]) -> Page[T]:
    """Return the page that a query asks for.

    Raises NotFound when there is none, and what `fetch` raises.
    """
    size = _page_size(query)
    text = query.last("page") or "1"
    if text == "last":
        count, _ = await fetch(0, 1)
        number = _last_number(count, size)
    else:
        number = _page_number(text)
    count, items = await fetch((number - 1) * size, size)
    if number > _last_number(count, size):
        raise _no_such_page()
    return Page(number, size, count, items)


def show_page(request: Request, query: Query, page: Page[Any], results: Sequence[Any]) -> Mapping[str, Any]:
    """Return the shape of a page whose items are shown as `results`."""
    has_next = page.number < page.last_number
    has_previous = page.number > 1
    return {
        "count": page.count,
        "next": _link(request, query, page.number + 1) if has_next else None,
        "previous": _link(request, query, page.number - 1) if has_previous else None,
        "results": results,
    }


def _page_size(query: Query) -> int:
    """Return how many items a page has: what is no number of at least 1 counts as not given."""
    match = re.fullmatch("0*([1-9][0-9]*)", query.last("page_size") or "")
    if match is None:
        return DEFAULT_PAGE_SIZE
    return MAX_PAGE_SIZE if len(match[1]) > len(str(MAX_PAGE_SIZE)) else min(int(match[1]), MAX_PAGE_SIZE)


def _page_number(text: str) -> int:
    match = _DIGITS.fullmatch(text)
    if match is None or not int(match[1]):
        raise _no_such_page()
    return int(match[1])


def _no_such_page() -> NotFound:
    return NotFound("Invalid page.")


def _link(request: Request, query: Query, number: int) -> str:
    """Return the URL of another page of what was asked for; the first one is what comes without a number.

    It leads back to where the client asked. A host that does not look like one has no place in a link, nor
    has none at all: the link then begins with the path.
    """
    values = {key: texts for key, texts in query.values.items() if key != "page"}
    if number > 1:
        values["page"] = [str(number)]
    sent = urlencode(sorted(values.items()), doseq=True, errors="surrogateescape")
    origin = ""
    if _HOST.fullmatch(request.host):
        origin = f"{'https' if request.is_secure else 'http'}://{request.host.decode()}"
    return f"{origin}{request.path}{'?' if sent else ''}{sent}"
