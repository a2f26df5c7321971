"""Figures as lines for people."""

import math
from collections.abc import Sequence

from benchmark.figures import Flat

# (name of the figure, what it is called, unit)
Row = tuple[str, str, str]

PERCENTILES = ("p50", "p95", "p99")


def lines(rows: Sequence[Row], figures: Flat) -> list[str]:
    """Return a line for each row that there are figures for."""
    return [
        f"{title:<46}{_cell(figures, name):>10} {unit}{_note(figures, name)}".rstrip()
        for name, title, unit in rows
        if _cell(figures, name)
    ]


def compared(rows: Sequence[Row], before: Flat, after: Flat, change_percent: Flat) -> list[str]:
    """Return a line for each row that there are figures for; of percentiles the change of the first."""
    return [
        f"{title:<46}{_cell(before, name):>24}{_cell(after, name):>24} {unit:<3}"
        f"{_signed(change_percent[name if name in change_percent else f'{name}.p50_ms']):>9}"
        f"{_note(before, name)}".rstrip()
        for name, title, unit in rows
        if _cell(before, name)
    ]


def number(value: float) -> str:
    """Write a figure with as many digits as tell something."""
    if not math.isfinite(value):
        return "-"
    if value == int(value) or value >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _cell(figures: Flat, name: str) -> str:
    if name in figures:
        return number(figures[name])
    if f"{name}.p50_ms" in figures:
        return " / ".join(number(figures[f"{name}.{part}_ms"]) for part in PERCENTILES)
    return ""


def _note(figures: Flat, name: str) -> str:
    return "" if name in figures else f" ({' / '.join(PERCENTILES)})"


def _signed(percent: float) -> str:
    return f"{percent:+.1f} %" if math.isfinite(percent) else "-"
