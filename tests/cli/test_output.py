"""What is printed."""

import json
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.cli.output import MAX_CELL, safe, safe_json, say_table, shown_time, width_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ö 日本", "plain ö 日本"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202e\u2066\u200b\u2028", r"\u202e\u2066\u200b\u2028"),
        ("\U000e0041\ud800", r"\U000e0041\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    """Control characters, what turns the direction of writing, and what is not seen at all."""
    assert safe(text) == shown


@given(st.text(st.characters()))
def test_what_is_said_prints(text: str) -> None:
    """Whatever it was made from, in one line."""
    assert safe(text).isprintable()


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_json_means_the_same_when_it_prints(value: object) -> None:
    """Blanks between values may stay."""
    shown = safe_json(json.dumps(value, ensure_ascii=False, indent=1).encode())
    assert json.loads(shown) == value
    assert shown.replace("\n", "").isprintable()


def test_json_beyond_the_first_plane_is_escaped_as_json_does() -> None:
    """In two halves."""
    assert safe_json('["\U000e0041"]'.encode()) == '["\\udb40\\udc41"]'


def table(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of what was printed."""
    return capsys.readouterr().out.splitlines()


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    """Words to the left, numbers to the right, nothing at the ends of lines."""
    say_table(("NAME", "COUNT", "WHY"), [("a", 5, "x"), ("long name", 1234, None)])
    assert table(capsys) == [
        "NAME       COUNT  WHY",
        "a              5  x",
        "long name   1234  -",
    ]


def test_wide_characters_take_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """And marks upon others none."""
    say_table(("A", "B"), [("日本", "x"), ("e\u0301", "y")])
    assert table(capsys) == ["A     B", "日本  x", "e\u0301     y"]
    assert [width_of(text) for text in ("ab", "日本", "e\u0301")] == [2, 4, 1]


def test_a_table_without_rows_has_names(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody wonders what was asked."""
    say_table(("A", "B"), [])
    assert table(capsys) == ["A  B"]


def test_a_cell_has_one_line_and_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    """A worker may answer megabytes."""
    say_table(("A",), [("x\n" * 1_000_000,)])
    [_, line] = table(capsys)
    assert line.startswith(r"x\nx\n")
    assert len(line) < 3 * MAX_CELL


def test_on_a_terminal_lines_are_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its width, and so that it shows; elsewhere nothing is lost."""
    rows = [("x" * 30, "日本" * 30)]
    say_table(("A", "B"), rows)
    assert table(capsys)[1] == f"{'x' * 30}  {'日本' * 30}"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    say_table(("A", "B"), rows)
    assert table(capsys)[1] == f"{'x' * 30}  日本..."


def test_times_are_in_utc() -> None:
    """To the second."""
    time = datetime(2026, 11, 22, 18, 0, 0, 999_999, timezone(timedelta(hours=2)))
    assert (shown_time(time), shown_time(None)) == ("2026-11-22T16:00:00Z", None)
