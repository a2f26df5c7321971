"""What was typed into a form → the body that the API takes, so that both check the same in the same words."""

import json
import re
from collections.abc import Iterable, Mapping

from trioworq.core.errors import InvalidRequest
from trioworq.web.console.forms import Form
from trioworq.web.scanner import Scanner

JSON, TEXT = "json", "text"

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_PLACE = re.compile(r"at character ([0-9]+)$")


def body_of(form: Form, *, texts: Iterable[str], numbers: Iterable[str]) -> bytes:
    """Write an object with these fields, as far as they were filled in, and the payload.

    Raises InvalidRequest for a payload that is to be JSON and is not.
    """
    members = {name: _text(form.text(name)) for name in texts if form.text(name)}
    members |= {name: _number(form.text(name).strip()) for name in numbers if form.text(name).strip()}
    payload = _payload(form)
    if payload is not None:
        members["payload"] = payload
    return _object(members)


def _object(members: Mapping[str, bytes]) -> bytes:
    return b"{%b}" % b",".join(b"%b:%b" % (_text(name), source) for name, source in members.items())


def _text(text: str) -> bytes:
    return json.dumps(text).encode()


def _number(text: str) -> bytes:
    # What is no number stays a string, which the reader then refuses by the field's name.
    return text.encode() if _NUMBER.fullmatch(text) else _text(text)


def _payload(form: Form) -> bytes | None:
    # Browsers send line ends as CR LF, however they were typed or written in the page.
    payload = form.text("payload").replace("\r\n", "\n")
    if form.text("form", JSON) == TEXT:
        return _text(payload)
    return _checked(payload) if payload.strip() else None


def _checked(payload: str) -> bytes:
    """Return JSON as it is. Raises InvalidRequest, and says where it is broken."""
    try:
        scanner = Scanner(payload.encode())
        source = scanner.value()
        scanner.end()
    except InvalidRequest as error:
        raise InvalidRequest(f"payload is no JSON: {_with_line(str(error), payload)}") from None
    return source


def _with_line(trouble: str, text: str) -> str:
    """Say a place by its line and column, as editors do."""

    def line_and_column(found: re.Match[str]) -> str:
        before = text[: int(found[1])]
        return f"at line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"

    return _PLACE.sub(line_and_column, trouble.removeprefix("invalid JSON: "))
