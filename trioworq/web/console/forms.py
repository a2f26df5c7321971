"""What browsers send when a form is submitted."""

import re
from binascii import a2b_qp
from collections.abc import Mapping, Sequence

from attrs import frozen

from trioworq.core.errors import InvalidRequest
from trioworq.web.messages import Request

MAX_FIELDS = 1000

_TYPE = "application/x-www-form-urlencoded"
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@frozen
class Form:
    """The fields of a form, in their order; a name may have several."""

    _values: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, request: Request) -> "Form":
        """Read a request's body. Raises InvalidRequest for what no form of a page is sent as."""
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != _TYPE:
            raise InvalidRequest(f"A form should be sent as {_TYPE}")
        if _BROKEN_ESCAPE.search(request.body):
            raise InvalidRequest("The form has a broken percent escape")
        values: dict[str, list[str]] = {}
        for name, value in _pairs(request.body):
            values.setdefault(name, []).append(value)
        return cls(values)

    def text(self, name: str, default: str = "") -> str:
        """Return the first value of a field."""
        values = self._values.get(name)
        return values[0] if values else default

    def texts(self, name: str) -> Sequence[str]:
        """Return every value of a field."""
        return self._values.get(name, ())


def _pairs(body: bytes) -> list[tuple[str, str]]:
    if body.count(b"&") >= MAX_FIELDS:
        raise InvalidRequest(f"A form should have at most {MAX_FIELDS} fields")
    split = (field.partition(b"=") for field in body.split(b"&") if field)
    try:
        return [(_decode(name), _decode(value)) for name, _, value in split]
    except UnicodeDecodeError:
        raise InvalidRequest("The form is not UTF-8") from None


def _decode(text: bytes) -> str:
    """Undo percent escapes.

    Quoted-printable has the same ones by another sign. For 16 MiB of them `urllib` takes a second and a
    half, in which nobody else is served; this takes a thirtieth.
    """
    quoted = text.replace(b"+", b" ").replace(b"=", b"=3D").replace(b"%", b"=")
    return a2b_qp(quoted).decode()
