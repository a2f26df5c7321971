"""Where a page ends."""

from collections.abc import Iterator

import pytest

from trioworq.core.cursors import Cursor
from trioworq.stores.interface import PAGE_BYTES, Page
from trioworq.stores.paging import cut

FULL = PAGE_BYTES
HALF = PAGE_BYTES // 2


def page_of(sizes: list[int], limit: int) -> tuple[int, int | None]:
    """Return how many items the first page has, and which is the first of the next."""
    places = [Cursor(1, number) for number in range(len(sizes))]
    page: Page[Cursor] = cut(places, limit, lambda place: place, lambda place: sizes[place.id])
    assert page.items == places[: len(page.items)]
    return len(page.items), page.next_cursor.id if page.next_cursor else None


@pytest.mark.parametrize(
    ("sizes", "limit", "shown", "following"),
    [
        ([], 3, 0, None),
        ([0, 0], 3, 2, None),
        ([0, 0, 0], 3, 3, None),
        ([0, 0, 0, 0], 3, 3, 3),
        ([HALF, HALF], 3, 2, None),
        ([HALF, HALF, 0], 3, 3, None),
        ([HALF, HALF, 1], 3, 2, 2),
        ([HALF, HALF + 1, 0], 3, 1, 1),
        ([FULL + 1], 3, 1, None),
        ([FULL + 1, 0], 3, 1, 1),
        ([0, FULL + 1, 0], 3, 1, 1),
        ([FULL, 0, 0, 0], 3, 3, 3),
    ],
)
def test_a_page_ends_at_its_limit_or_when_it_is_full(
    sizes: list[int], limit: int, shown: int, following: int | None
) -> None:
    """At least one item is on it, and the first that is not begins the next page."""
    assert page_of(sizes, limit) == (shown, following)


def test_no_more_is_read_than_the_first_item_that_is_left_out() -> None:
    """What comes after it, of which there may be gigabytes, is not touched."""
    taken: list[Cursor] = []

    def endless() -> Iterator[Cursor]:
        while True:
            taken.append(Cursor(1, len(taken)))
            yield taken[-1]

    cut(endless(), 1000, lambda place: place, lambda _place: HALF)
    assert len(taken) == 3
