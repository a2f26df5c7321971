"""Where a search ends that passes over what is not wanted, and what matches whatever its case."""

from collections.abc import Iterator

import pytest
from attrs import evolve

from tests.stores.nodes import NOW
from trioworq.core.cursors import Cursor
from trioworq.core.jobs import NO_PAYLOAD, FinishedJob, Kind
from trioworq.core.results import Result, ResultStatus
from trioworq.stores.browsing import SEARCHED_JOBS, FinishedSearch
from trioworq.stores.lists import PAGE_BYTES, Page
from trioworq.stores.memory.history import History
from trioworq.stores.searching import folded, is_part, pick


def page_of(numbers: Iterator[int], *, wanted: int, limit: int = 2, size: int = 0) -> Page[int]:
    """Take a page of the multiples of `wanted`."""
    return pick(
        numbers, lambda number: number % wanted == 0, limit, lambda number: Cursor(0, number), lambda _: size
    )


def test_search_ends_at_its_limit() -> None:
    """The next page begins with the first that is wanted and was left out."""
    assert page_of(iter(range(100)), wanted=10) == Page([0, 10], Cursor(0, 20))
    assert page_of(iter(range(100)), wanted=10, limit=10) == Page(list(range(0, 100, 10)), None)


def test_search_ends_when_its_page_is_full() -> None:
    """In bytes."""
    assert page_of(iter(range(100)), wanted=10, limit=9, size=PAGE_BYTES) == Page([0], Cursor(0, 10))


def test_search_ends_after_so_many() -> None:
    """With what it has found by then; the next page begins where it stopped."""
    end = Cursor(0, SEARCHED_JOBS)
    assert page_of(iter(range(SEARCHED_JOBS + 1)), wanted=SEARCHED_JOBS) == Page([0], end)
    assert page_of(iter(range(SEARCHED_JOBS)), wanted=SEARCHED_JOBS) == Page([0], None)
    assert page_of(iter(range(1, SEARCHED_JOBS + 5)), wanted=10**6) == Page([], Cursor(0, SEARCHED_JOBS + 1))


def test_search_takes_no_more_than_it_goes_through() -> None:
    """And one, where the next begins."""
    numbers = iter(range(10**6))
    page_of(numbers, wanted=10**7)
    assert next(numbers) == SEARCHED_JOBS + 1


def test_history_in_memory_is_gone_through_in_parts() -> None:
    """As in the other stores."""
    finished = FinishedJob(
        job_id=1,
        queue="q",
        category="first",
        url="",
        payload=NO_PAYLOAD,
        priority=0,
        result=Result(ResultStatus.SUCCESS, 200, ""),
        fail_count=0,
        created_at_ms=NOW,
        started_at_ms=None,
        ended_at_ms=NOW,
    )
    history = History()
    history.add(finished)
    for job_id in range(2, SEARCHED_JOBS + 2):
        history.add(evolve(finished, job_id=job_id, category="c"))
    search = FinishedSearch(kind=Kind.PUSH, queue="q", limit=10, category="first")
    assert history.search(search) == Page([], Cursor(NOW, 1))
    assert history.search(evolve(search, cursor=Cursor(NOW, 1))) == Page([finished], None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("aBZ@[`{", "abz@[`{"),
        ("ÄÉaB", "ÄÉab"),
        ("\u0130\u212a", "\u0130\u212a"),
        ("A\x00B", "a\x00b"),
    ],
)
def test_case_of_ascii_letters_alone_is_lost(text: str, expected: str) -> None:
    """As the databases do it, whatever Unicode has to say of other letters."""
    assert folded(text) == expected


def test_text_is_part_of_any_of_several() -> None:
    """Of none that is missing; where nothing is looked for, all is well."""
    assert is_part("LL", None, "x", "hello")
    assert not is_part("lo w", "hello", "world")
    assert is_part(None)
    assert not is_part("a", None)
