"""The load as a picture."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.cli.output import width_of
from trioworq.cli.plot import MIN_COLUMNS, Style, plot
from trioworq.client import LoadPoint

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASCII = Style(is_ascii=True)


def series(*queued: int | None, every: timedelta = timedelta(minutes=1)) -> list[LoadPoint]:
    """Return points of jobs that wait; None is one that is missing."""
    return [
        LoadPoint(NOON + every * place, 0, count, 0)
        for place, count in enumerate(queued)
        if count is not None
    ]


def test_a_picture_shows_what_was_counted() -> None:
    """Each number on its own scale, what never was in one line, and from when to when."""
    assert plot(series(0, 1, 2, 4, 8, 8, 4, 2, 1, 0), 13, Style()) == [
        "pending: none",
        "0 └──────────",
        "queued: 0 last, 8 at most (11-22 12:04Z)",
        "8 │    ██",
        "  │    ██",
        "  │   ▄██▄",
        "  │  ▂████▂",
        "  │ ▅██████▅",
        "0 └──────────",
        "running: none",
        "0 └──────────",
        "   11-22 12:00Z 11-22 12:09Z",
    ]


def test_a_picture_can_do_with_ascii() -> None:
    """The least is seen too, beside whatever peak."""
    lines = plot(series(0, 1, 20, 40, 4000, 0, 1, 1, 20, 1), 16, ASCII)
    assert lines[2:9] == [
        "queued: 1 last, 4000 at most (11-22 12:04Z)",
        "4000 |    #",
        "     |    #",
        "     |    #",
        "     |    #",
        "     | ...# ....",
        "   0 +----------",
    ]
    assert "".join(lines).isascii()


def test_where_nothing_was_counted_is_no_ground() -> None:
    """Zero jobs are another thing. What was counted last holds until the next count is overdue."""
    lines = plot(series(5, 0, 5, None, None, None, None, None, 5, 5), 13, ASCII)
    assert (lines[7], lines[8]) == ("  |# ###   ##", "0 +-----   --")


def test_a_column_shows_the_most_of_its_time() -> None:
    """No peak is lost among a thousand points."""
    lines = plot(series(*[0] * 523, 7, *[0] * 476), 23, ASCII)
    assert [line[3:] for line in lines[3:8]] == ["          #"] * 5


def test_few_points_fill_the_width() -> None:
    """Each counts until the next."""
    lines = plot(series(1, 2, every=timedelta(hours=1)), 23, ASCII)
    assert (lines[3], lines[7]) == ("2 |                   #", "  |####################")


def test_one_point_is_a_picture() -> None:
    """The first of a daemon that has just started."""
    lines = plot(series(3), 13, ASCII)
    assert (lines[3], lines[8]) == ("3 |#", "0 +-")


def test_colours_enclose_what_is_drawn() -> None:
    """Words stay as they are."""
    lines = plot(series(1, 1), 12, Style(has_colours=True))
    assert lines[2] == "queued: 1 last, 1 at most (11-22 12:00Z)"
    assert lines[3] == "1 │\x1b[33m██████████\x1b[0m"


@given(
    st.lists(st.tuples(st.integers(0, 10**6), *[st.integers(0, 10**12)] * 3), min_size=1, max_size=60),
    st.integers(1, 200),
)
def test_any_load_can_be_drawn(counted: list[tuple[int, int, int, int]], width: int) -> None:
    """No line is wider than it may be, but for words."""
    times = sorted({second for second, *_ in counted})
    points = [
        LoadPoint(NOON + timedelta(seconds=second), *counts)
        for second, (_, *counts) in zip(times, counted, strict=False)
    ]
    for style in (Style(), ASCII):
        drawn = [line for line in plot(points, width, style) if any(mark in line for mark in "│└|+")]
        margin = max(line.index("0 ") for line in drawn if line.lstrip().startswith("0 ")) + 1
        assert max(map(width_of, drawn)) <= max(width, margin + 2 + MIN_COLUMNS)


@pytest.mark.parametrize("style", [Style(), ASCII])
def test_the_peak_reaches_the_top(style: Style) -> None:
    """And is what stands there."""
    lines = plot(series(1, 999_999), 30, style)
    assert lines[3].startswith("999999 ")
    assert lines[3][-1] in "█#"
