"""What is said of an option, in Markdown, as it is shown."""

import re

from markupsafe import Markup, escape

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`([^`]+)`")


def prose(about: str) -> Markup:
    """Write code as code, and links as their words: where they lead is in the documentation, not here."""
    # What stands between backquotes is every second part.
    parts = _CODE.split(_LINK.sub(r"\1", about))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )
