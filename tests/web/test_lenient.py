"""The lenient JSON reader (contract §1.4) on its own."""

import time
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.web.values import blanks, json_values
from trioworq.core.errors import InvalidRequest
from trioworq.web.fields import Fields, replaced
from trioworq.web.lenient import read_items, read_object
from trioworq.web.scanner import MAX_MEMBERS


def read(body: bytes) -> Fields | None:
    """Read an object; None when it is refused."""
    try:
        return read_object(body)
    except InvalidRequest:
        return None


@given(st.binary())
@example(b'{"\xff": "\xff"}')
@example(b'{"a": "\\ud800"}')
@example(b"\x00")
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """No body makes the reader fail in another way than by refusing it."""
    fields = read(body)
    if fields is not None:
        fields.source("a")


@given(st.binary())
def test_any_member_is_read_or_refused(value: bytes) -> None:
    """Whatever stands where a value is expected, each way of reading it gives a value or a refusal."""
    fields = read(b'{"a":%s}' % value)
    if fields is None:
        return
    for get in (fields.text, fields.number, fields.source, lambda name: fields.unsigned(name, 2**64)):
        try:
            got: Any = get("a")
        except InvalidRequest:
            continue
        if isinstance(got, str):
            got.encode()


@given(json_values, blanks, blanks, blanks)
def test_a_value_keeps_its_bytes(value: Any, before: bytes, after: bytes, rest: bytes) -> None:
    """The source of a member is what stands between the colon and the comma, blanks around it left out."""
    source = (
        orjson.dumps(value) if isinstance(value, int) else orjson.dumps(value, option=orjson.OPT_INDENT_2)
    )
    body = rest + b'{"x": 1,%s"Payload"%s:%s%s%s,"y":2}%s' % (before, after, before, source, after, rest)
    fields = read_object(body)
    assert fields.source("payload") == (None if value is None else source)
    assert fields.unsigned("y", 9) == 2


@given(st.binary(max_size=30))
def test_bytes_that_are_not_utf8_survive_in_a_source(junk: bytes) -> None:
    """What is inside a value's strings is passed through byte by byte."""
    safe = bytes(byte for byte in junk if byte >= 0x20 and byte not in b'"\\')
    assert read_object(b'{"p":["%s"]}' % safe).source("p") == b'["%s"]' % safe


def test_an_object_has_a_thousand_members_at_most() -> None:
    """Reading more would hold everybody else up."""
    members = [b'"%d":%d' % (number, number) for number in range(MAX_MEMBERS + 1)]
    assert read_object(b"{" + b",".join(members[1:]) + b"}").unsigned("1000", 1000) == 1000
    with pytest.raises(InvalidRequest, match="more than 1000 members"):
        read_object(b"{" + b",".join(members) + b"}")


def test_invalid_bytes_in_a_string_are_replaced_one_by_one() -> None:
    """A cut-off sequence of two bytes becomes two U+FFFD."""
    assert read_object(b'{"a":"\xe3\x81"}').text("a") == "\ufffd\ufffd"
    assert replaced("a\ud800\udc00") == "a\ufffd\ufffd"


def test_a_payload_of_null_replaces_an_earlier_one() -> None:
    """For other members a null changes nothing, as in the original."""
    fields = read_object(b'{"payload":1,"payload":null,"url":"u","url":null}')
    assert fields.source("payload") is None
    assert fields.text("url") == "u"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000_000,
        b'{"payload":' + b"[" * 10_000_000,
        b'{"payload":' + b'{"a":' * 2_000_000,
        b'{"a":' * 2_000_000,
        b'{"timeout":' + b"9" * 10_000_000 + b"}",
        b'{"url":"' + b"x" * 10_000_000,
        b"{" + b'"a":1,' * 1_600_000 + b'"a":1}',
    ],
    ids=["brackets", "payload brackets", "payload braces", "braces", "digits", "endless string", "members"],
)
def test_ten_hostile_megabytes_are_refused_quickly(body: bytes) -> None:
    """Neither depth nor length costs more than a few copies of the body, and no recursion limit shows."""
    tracemalloc.start()
    try:
        started_at = time.process_time()
        with pytest.raises(InvalidRequest):
            read_object(body).unsigned("timeout", 9)
        spent_s = time.process_time() - started_at
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert spent_s < 2
    assert peak < 6 * len(body)


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 800 + b"]" * 800 + b",",
        b"[],",
        b'{"":1},',
        b"12,",
        b'["\\ud800"],',
        b'["\xff"],',
        b'["\\u0000" , "\xe3\x81\x82"],',
    ],
    ids=["nested", "arrays", "objects", "numbers", "surrogates", "not UTF-8", "strings"],
)
@pytest.mark.parametrize(
    "end", [b'1],"timeout":null}', b"1],}", b"1]x", b""], ids=["good", "comma", "x", "cut off"]
)
def test_four_megabytes_of_small_values_take_a_few_copies(payload: bytes, end: bytes) -> None:
    """As values they would take up to fifty times their size, and a second where a body may be larger."""
    body = b'{"payload":[' + payload * (4_000_000 // len(payload)) + end
    tracemalloc.start()
    try:
        started_at = time.process_time()
        fields = read(body)
        spent_s = time.process_time() - started_at
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (fields is not None) is end.endswith(b"null}")
    if fields is not None:
        assert fields.source("payload") == body[len(b'{"payload":') : -len(b',"timeout":null}')]
    assert spent_s < 1
    assert peak < 12 * len(body)


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b"[]", []),
        (b" [ ] and more", []),
        (b'[{"a": "\xff]"} , 5,null,\n"x" ]', [b'{"a": "\xff]"}', b"5", b"null", b'"x"']),
        (b"[1,2] ]", [b"1", b"2"]),
        (b"[1,2,3]", [b"1", b"2", b"3"]),
        (b"[1,2,3,4]", [b"1", b"2", b"3", b"4"]),
        (b"[1,2,3,4,5,broken", [b"1", b"2", b"3", b"4"]),
    ],
)
def test_an_array_is_read_item_by_item(body: bytes, items: list[bytes]) -> None:
    """Each item keeps its bytes, what follows is ignored, and one item too many is where reading ends."""
    assert read_items(body, most=3) == items


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "EOF"),
        (b" \n", "EOF"),
        (b"[", "unexpected EOF"),
        (b"[1", "unexpected EOF"),
        (b"[1,", "unexpected EOF"),
        (b'[{"a": 1}', "unexpected EOF"),
        (b"[1,]", "invalid JSON"),
        (b"[1 2]", "expected ',' or ']' after an item at character 3"),
        (b"[NaN]", "NaN"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{}", "the body should be a JSON array, not object"),
        (b"null", "the body should be a JSON array, not null"),
        (b'"x"', "not string"),
        (b"5", "not number"),
        (b"false", "not bool"),
        (b"{broken", "invalid JSON"),
        (b"\xef\xbb\xbf[]", "invalid JSON"),
    ],
)
def test_what_is_no_array_is_refused(body: bytes, detail: str) -> None:
    """Broken JSON anywhere among the items refuses them all."""
    with pytest.raises(InvalidRequest) as refusal:
        read_items(body, most=3)
    assert detail in str(refusal.value)
