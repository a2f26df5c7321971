"""Cursors: what clients carry from page to page (contract §1.10)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.cursors import Cursor, decode
from trioworq.core.jobs import INT64_MAX

times = st.integers(min_value=-INT64_MAX, max_value=INT64_MAX)
ids = st.integers(min_value=0, max_value=INT64_MAX)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_cursor_is_written_as_fireworq_writes_it() -> None:
    """A cursor is the base64 of the time and the id of the first item not returned."""
    assert Cursor(1795334717087, 3).encode() == "MTc5NTMzNDcxNzA4Nywz"


@given(times, ids)
def test_a_cursor_is_read_back_as_it_was_written(time_ms: int, item_id: int) -> None:
    """Decoding an encoded cursor gives the same place."""
    assert decode(Cursor(time_ms, item_id).encode()) == Cursor(time_ms, item_id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "MTc5NTMzNDcxNzA4Nywz\n",
        "MTc5NTMzNDcxNzA4Nyw",  # padding cut off
        encoded("1"),
        encoded("1,2,3"),
        encoded("1,"),
        encoded(",1"),
        encoded("1,-2"),
        encoded("--1,2"),
        encoded("1.5,2"),
        encoded(" 1,2"),
        encoded("1,2\n"),
        encoded("١,٢"),
        encoded(f"{INT64_MAX + 1},1"),
        encoded(f"{-INT64_MAX - 1},1"),
        encoded(f"1,{INT64_MAX + 1}"),
        encoded("1" * 4000 + ",1"),
        "あ",
    ],
)
def test_a_cursor_of_any_other_shape_counts_as_none(text: str) -> None:
    """What cannot be a cursor is passed over, so that the first page is answered."""
    assert decode(text) is None


@given(st.text())
def test_no_text_makes_reading_a_cursor_fail(text: str) -> None:
    """Any text is a cursor or none, and a cursor that was read can be stored."""
    cursor = decode(text)
    assert cursor is None or (abs(cursor.time_ms) <= INT64_MAX and 0 <= cursor.id <= INT64_MAX)


@given(st.binary())
def test_no_bytes_inside_the_base64_make_reading_a_cursor_fail(data: bytes) -> None:
    """Well-formed base64 of anything is a cursor or none."""
    cursor = decode(base64.b64encode(data).decode())
    assert cursor is None or decode(cursor.encode()) == cursor
