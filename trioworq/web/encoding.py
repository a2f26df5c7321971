"""Answers → bytes of HTTP/1.1, head and body in one piece."""

import re
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from trioworq.web.messages import Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_EOL = "\r\n"
_DATE_LASTS_S = 1.0


class Encoder:
    """Writes answers. Keeps the date of this second."""

    def __init__(self) -> None:
        self._date = ""
        self._date_ends_at_s = float("-inf")

    def encode(self, response: Response, now_s: float, *, closes: bool) -> bytes:
        """Return an answer's bytes; `closes` tells the client that the connection ends with it.

        `now_s` is by Trio's clock. Raises ValueError for a header that cannot be sent.
        """
        if now_s >= self._date_ends_at_s:
            self._date = formatdate(usegmt=True)
            self._date_ends_at_s = now_s + _DATE_LASTS_S
        head = (
            f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, '')}\r\n"
            f"{_describe_body(response)}"
            f"Date: {self._date}\r\n"
            f"{_write_headers(response.headers) if response.headers else ''}"
            f"{'Connection: close' + _EOL if closes else ''}"
            "\r\n"
        )
        return head.encode("latin-1") + response.body


def _describe_body(response: Response) -> str:
    # RFC 9110, §8.6: no length where there can be no body.
    if response.status == HTTPStatus.NO_CONTENT:
        return ""
    return f"Content-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n"


def _write_headers(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError(f"not a header: {name!r}: {value!r}")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
