"""What browsers send, read as they mean it, and quickly however much it is."""

import time
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import InvalidRequest
from trioworq.web.console.forms import MAX_FIELDS, Form
from trioworq.web.messages import Headers, Request

SENT_AS = Headers([(b"content-type", b"application/x-www-form-urlencoded; charset=UTF-8")])


def form(body: bytes, headers: Headers = SENT_AS) -> Form:
    """Read a body."""
    return Form.of(Request("POST", "/console/new/push", {}, {}, body, headers=headers))


texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text("=%+& \r\n\tA3d")


@given(st.lists(st.tuples(texts, texts)))
def test_fields_are_read_as_they_were_written(fields: list[tuple[str, str]]) -> None:
    """Whatever stands in them."""
    read = form(urlencode(fields).encode())
    for name in {name for name, _ in fields}:
        assert read.texts(name) == [value for each, value in fields if each == name]


@given(st.text("=%+&;a3D\n é").filter(lambda text: "%" not in text.replace("%3D", "").replace("%3d", "")))
def test_what_no_browser_sends_is_read_as_others_do(body: str) -> None:
    """Bytes that should be escaped and are not, fields without a value, and none at all."""
    expected = parse_qsl(body, keep_blank_values=True)
    read = form(body.encode())
    assert [read.texts(name) for name, _ in expected] == [
        [value for each, value in expected if each == name] for name, _ in expected
    ]


@pytest.mark.parametrize(
    "body",
    [b"a=%", b"a=%4", b"a=%g0", b"a=%=", b"a=\xff", b"a=%ff", b"a=%ed%a0%80", b"a=1&" * MAX_FIELDS],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    """Broken escapes, what is not UTF-8, too many fields."""
    with pytest.raises(InvalidRequest):
        form(body)


def test_another_type_is_refused() -> None:
    """Other pages can have browsers send it without being asked."""
    with pytest.raises(InvalidRequest):
        form(b"a=1", Headers([(b"content-type", b"text/plain")]))


def test_a_large_form_holds_nobody_up() -> None:
    """As long as its escapes would take one by one, the node would be dead to others."""
    body = b"a=" + b"%22" * 5_000_000
    begun_s = time.process_time()
    assert len(form(body).text("a")) == 5_000_000
    assert time.process_time() - begun_s < 1
