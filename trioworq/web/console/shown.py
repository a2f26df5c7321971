"""Texts of others, made visible: what moves a reader's eye or ends lines is shown by its number.

Escaping keeps a text from being markup, but not from turning the direction of what stands beside it, or from
looking like another one.
"""

import re

from markupsafe import Markup, escape

_CONTROLS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
_ODD = re.compile(f"[{_CONTROLS}\t\n]")
_ODD_IN_LINES = re.compile(f"[{_CONTROLS}]")


def shown(text: str) -> Markup:
    """Write a name or a message in one line."""
    return Markup("<bdi>{}</bdi>").format(_visible(text, _ODD))


def shown_lines(text: str) -> Markup:
    """Write a text of several lines, which keep their ends."""
    return _visible(text, _ODD_IN_LINES)


def plain(text: str) -> str:
    """Write a text where no markup can be, as in a title or an attribute."""
    return _ODD.sub(_number_of, text)


def _visible(text: str, odd: re.Pattern[str]) -> Markup:
    # No odd character is among those that are escaped, nor in what these become.
    return Markup(odd.sub(_mark, str(escape(text))))  # noqa: S704  # it has been escaped


def _mark(found: re.Match[str]) -> str:
    return f'<span class="odd">{_number_of(found)}</span>'


def _number_of(found: re.Match[str]) -> str:
    return f"⟦U+{ord(found[0]):04X}⟧"
