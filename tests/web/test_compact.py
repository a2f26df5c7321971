"""Payloads as answers show them (contract §1.9)."""

import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given

from tests.web.values import json_values
from trioworq.web.compact import compact


@given(json_values)
def test_compacting_changes_blanks_only(value: Any) -> None:
    """Text is the same value afterwards, and the shortest way to write it."""
    indented = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    assert compact(indented) == orjson.dumps(value)
    assert compact(compact(indented)) == orjson.dumps(value)


def test_strings_and_literals_are_not_compacted() -> None:
    """Blanks and quotes inside strings, and the digits of numbers, stay."""
    assert compact(b'{ "a \\" b" : [ 1.0 , "\\\\" , " " ] }') == b'{"a \\" b":[1.0,"\\\\"," "]}'


def test_compacting_takes_a_few_times_the_texts_memory() -> None:
    """However many pieces the blanks cut it into."""
    text = b"[" + b"1 , " * 500_000 + b"1]"
    tracemalloc.start()
    try:
        assert compact(text) == text.replace(b" ", b"")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(text)


@pytest.mark.parametrize(
    ("text", "dense"),
    [
        (b'[ "\\ud800 x" , 1 ]', b'["\\ud800 x",1]'),
        (b'[ "\xff \xed\xa0\x80" ]', b'["\xff \xed\xa0\x80"]'),
        (b"[ -0 , 1.50, 2E+5, 98765432109876543210, 1e400 ]", b"[-0,1.50,2E+5,98765432109876543210,1e400]"),
        (b'{ "a":1, "a" : 2,\t"\\u0041\\/": { },\r\n"b": [ ] }', b'{"a":1,"a":2,"\\u0041\\/":{},"b":[]}'),
        (b"[ " * 5000 + b"]" * 5000, b"[" * 5000 + b"]" * 5000),
        (b'" "', b'" "'),
        (b"\t1\r\n", b"1"),
    ],
    ids=["surrogate", "not UTF-8", "numbers", "object", "deep", "string", "blanks around"],
)
def test_whatever_is_not_a_blank_stays(text: bytes, dense: bytes) -> None:
    """Escapes, digits, equal keys and bytes that are not UTF-8 are copied, however deep they stand."""
    assert compact(text) == dense
