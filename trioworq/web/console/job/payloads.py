"""What a job carries, as people read it: JSON on indented lines, text, or bytes in hexadecimal digits."""

from codecs import getincrementaldecoder
from collections.abc import Iterator

from attrs import frozen

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Payload, PayloadForm
from trioworq.web.console.job.indent import indent
from trioworq.web.scanner import Scanner

# How much of a payload a page shows.
SHOWN_BYTES = 64 * 1024
# Of bytes less: a line stands for 16 of them.
SHOWN_HEX_BYTES = 8 * 1024

_HEX_LINE = 16


@frozen
class Reading:
    """The beginning of a payload of `size` bytes, `shown_size` of them, as `text`; `form` says what it is."""

    form: str
    text: str
    size: int
    shown_size: int

    @property
    def is_cut(self) -> bool:
        """Whether there is more than is shown."""
        return self.shown_size < self.size


def read_payload(payload: Payload) -> Reading:
    """Return what a page shows of a payload."""
    body = payload.body
    text = _text_of(body)
    if text is None:
        shown = body[:SHOWN_HEX_BYTES]
        return Reading("bytes", "\n".join(_hex_lines(shown)), len(body), len(shown))
    shown_size = min(len(body), SHOWN_BYTES)
    if payload.form is PayloadForm.JSON:
        return Reading("JSON", indent(text), len(body), shown_size)
    if _is_structure(body):
        return Reading("text with JSON in it", indent(text), len(body), shown_size)
    return Reading("text", text, len(body), shown_size)


def _text_of(body: bytes) -> str | None:
    """Return the text that is shown of `body`, None if it is no text as a whole."""
    try:
        whole = body.decode()
    except UnicodeDecodeError:
        return None
    if len(body) <= SHOWN_BYTES:
        return whole
    return getincrementaldecoder("utf-8")().decode(body[:SHOWN_BYTES])


def _is_structure(body: bytes) -> bool:
    """Whether a text that is shown whole is a JSON array or object."""
    if len(body) > SHOWN_BYTES or not body.lstrip().startswith((b"{", b"[")):
        return False
    try:
        scanner = Scanner(body)
        scanner.value()
        scanner.end()
    except InvalidRequest:
        return False
    return True


def _hex_lines(body: bytes) -> Iterator[str]:
    for start in range(0, len(body), _HEX_LINE):
        part = body[start : start + _HEX_LINE]
        readable = "".join(chr(each) if 32 <= each < 127 else "." for each in part)
        yield f"{start:08x}  {part.hex(' '):<{_HEX_LINE * 3 - 1}}  {readable}"
