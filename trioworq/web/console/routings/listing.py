"""One page of the routings, by category."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from trioworq.core.routing import Routing

PAGE_ROWS = 50


@frozen(kw_only=True)
class Listing:
    """A page, how many routings there are, how many have the text, and after what category it goes on."""

    rows: Sequence[Routing]
    total: int
    found: int
    next_after: str | None


def list_routings(routings: Iterable[Routing], text: str, after: str) -> Listing:
    """Return the page of those that have a text in either name, whatever its case, after a category."""
    every = sorted(routings, key=lambda each: each.category)
    wanted = text.casefold()
    found = [each for each in every if wanted in each.category.casefold() or wanted in each.queue.casefold()]
    left = [each for each in found if each.category > after]
    rows = left[:PAGE_ROWS]
    return Listing(
        rows=rows,
        total=len(every),
        found=len(found),
        next_after=rows[-1].category if len(left) > PAGE_ROWS else None,
    )
