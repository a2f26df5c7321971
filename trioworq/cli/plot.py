"""The load over time, drawn with characters: pure, from points to lines.

Own code because what there is does not fit: plotext keeps one figure for the whole process and changed all
its names with 6.0, plotille draws with braille dots alone, which are nothing in ASCII, and both mark axes in
fractions of a job.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

import click
from attrs import frozen

from trioworq.client import LoadPoint

ROWS = 5
MIN_COLUMNS = 10

_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = " ...::###"
_STEPS = len(_BLOCKS) - 1
UNICODE = f"{_BLOCKS}│└─"


@frozen
class Style:
    """What may be drawn with."""

    is_ascii: bool = False
    has_colours: bool = False


def plot(points: Sequence[LoadPoint], width: int, style: Style) -> list[str]:
    """Return a picture of what was counted, at least one point, oldest first, at most `width` columns wide.

    Each of the three numbers has a strip with a scale of its own, so that a thousand jobs that wait do not
    hide the three that run. A column shows the most that was counted in its time, so that no peak is lost;
    where nothing was counted, as no daemon ran, even the ground is missing.
    """
    strips = (
        ("pending", "blue", [each.pending for each in points]),
        ("queued", "yellow", [each.queued for each in points]),
        ("running", "green", [each.running for each in points]),
    )
    margin = max(len(str(max(counts))) for _, _, counts in strips)
    times = [each.time for each in points]
    columns = max(width - margin - 2, MIN_COLUMNS)
    shares = _shares(times, columns)
    lines: list[str] = []
    for name, colour, counts in strips:
        peaks = [max(counts[low:high], default=None) for low, high in shares]
        lines.append(_title(name, counts, times))
        lines.extend(_strip(peaks, margin, colour, style))
    return [*lines, _scale(times, margin, columns)]


def _title(name: str, counts: Sequence[int], times: Sequence[datetime]) -> str:
    peak = max(counts)
    if not peak:
        return f"{name}: none"
    return f"{name}: {counts[-1]} last, {peak} at most ({_clock(times[counts.index(peak)])})"


def _shares(times: Sequence[datetime], columns: int) -> list[tuple[int, int]]:
    """Return which points each column shows, as slices of all.

    Columns may be narrower than the time between two points. Those between show the point before, but only
    until the next is overdue.
    """
    after_s = [(time - times[0]).total_seconds() for time in times]
    overdue_s = 2 * median(later - earlier for earlier, later in pairwise(after_s)) if len(times) > 1 else 0
    shares: list[tuple[int, int]] = []
    low = 0
    for column in range(columns):
        begins_s, ends_s = (after_s[-1] * edge / columns for edge in (column, column + 1))
        high = len(times) if column == columns - 1 else bisect_right(after_s, ends_s, low)
        is_between = low == high and begins_s - after_s[low - 1] < overdue_s
        shares.append((low - 1, low) if is_between else (low, high))
        low = high
    return shares


def _strip(peaks: Sequence[int | None], margin: int, colour: str, style: Style) -> list[str]:
    blocks = _ASCII_BLOCKS if style.is_ascii else _BLOCKS
    wall, corner, ground = "|+-" if style.is_ascii else "│└─"
    most = max(peak or 0 for peak in peaks)
    heights = [_height(peak or 0, most) for peak in peaks]
    lines = []
    for row in range(ROWS if most else 0):
        floor = (ROWS - 1 - row) * _STEPS
        drawn = "".join(blocks[min(max(height - floor, 0), _STEPS)] for height in heights)
        label = str(most) if row == 0 else ""
        lines.append(f"{label:>{margin}} {wall}{_coloured(drawn.rstrip(), colour, style)}")
    base = "".join(" " if peak is None else ground for peak in peaks)
    return [*lines, f"{0:>{margin}} {corner}{base}".rstrip()]


def _height(count: int, most: int) -> int:
    """Return how high a count is drawn, in parts of a row; the least is seen too."""
    return max(1, round(count / most * ROWS * _STEPS)) if count else 0


def _coloured(text: str, colour: str, style: Style) -> str:
    return click.style(text, fg=colour) if style.has_colours and text else text


def _scale(times: Sequence[datetime], margin: int, columns: int) -> str:
    first, last = _clock(times[0]), _clock(times[-1])
    return f"{'':{margin + 2}}{first}{last:>{max(columns - len(first), len(last) + 1)}}"


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%m-%d %H:%MZ}"
