"""Payloads as the arguments of a function, which is what a job is to this API (contract jobs §3.3)."""

import orjson

from trioworq.core.jobs import Payload, PayloadForm

NO_ARGS = b"[]"
NO_KWARGS = b"{}"

_NULL = b"null"


def arguments_of(payload: Payload) -> tuple[bytes, bytes]:
    """Return (args, kwargs) as JSON: an array is the one, an object the other, any other value one argument.

    What was sent as JSON keeps its source; bytes in it that are not UTF-8 are replaced, since one job with
    some would keep clients from reading all the others of a list.
    """
    if payload.form is PayloadForm.TEXT:
        return orjson.dumps([payload.body.decode("utf-8", "replace")]), NO_KWARGS
    if payload.form is PayloadForm.ABSENT or payload.body == _NULL:
        return NO_ARGS, NO_KWARGS
    source = _as_utf8(payload.body)
    if source.startswith(b"{"):
        return NO_ARGS, source
    return (source if source.startswith(b"[") else b"[%b]" % source), NO_KWARGS


def _as_utf8(source: bytes) -> bytes:
    return source if source.isascii() else source.decode("utf-8", "replace").encode()
