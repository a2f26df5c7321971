"""Moments, durations and counts as people read them; scripts turn moments into local time."""

from datetime import UTC, datetime

from markupsafe import Markup, escape

NOTHING = "–"

_THIN = "\N{NARROW NO-BREAK SPACE}"
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000))


def moment(time_ms: int | None) -> Markup:
    """Write a moment of wall time, in UTC; of one beyond the calendar its number."""
    if time_ms is None:
        return escape(NOTHING)
    try:
        time = datetime.fromtimestamp(time_ms // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return Markup("{} ms").format(count(time_ms))
    parsable = f"{time:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03}Z"
    return Markup('<time datetime="{}" data-ms="{}">{:%Y-%m-%d %H:%M:%S} UTC</time>').format(
        parsable, time_ms, time
    )


def duration(length_ms: float | None) -> str:
    """Write a length of time by its two greatest units."""
    if length_ms is None:
        return NOTHING
    sign, left_ms = ("−" if length_ms < 0 else ""), abs(length_ms)
    if left_ms < 1000:
        return f"{sign}{left_ms:.0f} ms"
    if left_ms < 10_000:
        return f"{sign}{left_ms / 1000:.1f} s"
    parts: list[str] = []
    for name, size_ms in _UNITS:
        number, left_ms = divmod(left_ms, size_ms)
        if number or parts:
            parts.append(f"{number:.0f} {name}")
    return sign + " ".join(part for part in parts[:2] if not part.startswith("0 "))


def count(number: int | None) -> str:
    """Write a whole number in groups of three digits."""
    return NOTHING if number is None else f"{number:,}".replace(",", _THIN)


def rate(per_second: float | None) -> str:
    """Write how often something happens, with a digit behind the point where that tells something."""
    if per_second is None:
        return NOTHING
    text = f"{per_second:.1f}" if 0 < per_second < 100 else count(round(per_second))
    return f"{text}/s"
