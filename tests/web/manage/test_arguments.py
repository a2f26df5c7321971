"""Payloads as arguments (contract jobs §3.3)."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import NO_PAYLOAD, Payload, PayloadForm
from trioworq.web.manage.arguments import arguments_of
from trioworq.web.wire import read_order

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def of_json(source: bytes) -> tuple[bytes, bytes]:
    """Return the arguments of a payload in JSON."""
    return arguments_of(Payload(PayloadForm.JSON, source))


@pytest.mark.parametrize(
    ("source", "args", "kwargs"),
    [
        (b"[]", b"[]", b"{}"),
        (b"{}", b"[]", b"{}"),
        (b"[1, [2], {}]", b"[1, [2], {}]", b"{}"),
        (b'{"a": [1.0, 1e400, 9999999999999999999]}', b"[]", b'{"a": [1.0, 1e400, 9999999999999999999]}'),
        (b'{"a":1,"a":2}', b"[]", b'{"a":1,"a":2}'),
        (b"7", b"[7]", b"{}"),
        (b"-1.50", b"[-1.50]", b"{}"),
        (b"true", b"[true]", b"{}"),
        (b'"null"', b'["null"]', b"{}"),
        (b'"[1]"', b'["[1]"]', b"{}"),
        (b"null", b"[]", b"{}"),
        (b'["\\ud800"]', b'["\\ud800"]', b"{}"),
    ],
)  # fmt: skip
def test_json_is_one_or_the_other_and_keeps_its_source(source: bytes, args: bytes, kwargs: bytes) -> None:
    """An array is args, an object kwargs, any other value but null the only one of args."""
    assert of_json(source) == (args, kwargs)


def test_a_text_is_one_argument() -> None:
    """Whatever it looks like."""
    for text in ("", "[1]", "null", 'a"b\\c\n\x00é'):
        args, kwargs = arguments_of(Payload(PayloadForm.TEXT, text.encode()))
        assert (orjson.loads(args), kwargs) == ([text], b"{}")


def test_no_payload_is_no_argument() -> None:
    """Neither list nor object has anything."""
    assert arguments_of(NO_PAYLOAD) == (b"[]", b"{}")


@pytest.mark.parametrize("form", [PayloadForm.TEXT, PayloadForm.JSON])
def test_bytes_that_are_no_utf_8_are_replaced(form: PayloadForm) -> None:
    """One job with some would keep clients from reading all others."""
    source = b"caf\xe9" if form is PayloadForm.TEXT else b'["caf\xe9"]'
    args, _ = arguments_of(Payload(form, source))
    assert json.loads(args.decode()) == ["caf\ufffd"]


@given(json_values)
def test_any_json_is_found_in_its_place(value: object) -> None:
    """It is read again as what it was."""
    args, kwargs = of_json(json.dumps(value).encode())
    whole = (json.loads(args), json.loads(kwargs))
    if isinstance(value, dict):
        assert whole == ([], value)
    elif value is None:
        assert whole == ([], {})
    else:
        assert whole == (value if isinstance(value, list) else [value], {})


@given(st.binary(max_size=40) | st.sampled_from([b'"\xff"', b'{"\xff": "\xed\xa0\x80"}', b"[\t1 ]"]))
def test_whatever_a_push_takes_is_shown_as_json_in_utf_8(payload: bytes) -> None:
    """No payload that was ever accepted makes an answer that cannot be read."""
    try:
        order = read_order("c", b'{"url": "u", "payload": %b}' % payload)
    except InvalidRequest:
        return
    args, kwargs = arguments_of(order.payload)
    assert isinstance(json.loads(args.decode()), list)
    assert isinstance(json.loads(kwargs.decode()), dict)
