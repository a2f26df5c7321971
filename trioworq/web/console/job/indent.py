"""JSON text as people read it: each member and item on a line, every token as it was written."""

import re
from collections.abc import Iterator

# Deeper nesting is not told apart by the eye, and would take more blanks than a hostile text has characters.
MAX_INDENT = 20

_STEP = "  "
# A string may be cut off at the end of the text. An empty array or object stays in one piece.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"?|\[[ \t\n\r]*\]|\{[ \t\n\r]*\}|[\[\]{},:]|[^\s"\[\]{},:]++', re.DOTALL
)


def indent(text: str) -> str:
    """Return JSON text, or the beginning of one, on indented lines; strings and numbers stay as they are."""
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    depth = 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        match token[0]:
            case "[" | "{" if len(token) == 1:
                depth += 1
                yield token + _line(depth)
            case "[" | "{":
                yield token[0] + token[-1]
            case "]" | "}":
                depth -= 1
                yield _line(depth) + token
            case ",":
                yield token + _line(depth)
            case ":":
                yield ": "
            case _:
                yield token


def _line(depth: int) -> str:
    return "\n" + _STEP * max(0, min(depth, MAX_INDENT))
