"""Large texts are read like small ones, without making values of what is in them."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.odd_bodies import CORPUS, bodies
from tests.web.values import json_values
from trioworq.core.errors import InvalidRequest
from trioworq.web.lenient import read_items, read_object
from trioworq.web.scanner import LARGE


def check(body: bytes) -> None:
    """Blanks behind a body make it large and change nothing else, but for the words of a refusal."""
    for read in (read_object, lambda body: read_items(body, most=5)):
        outcomes: list[object] = []
        for end in (b" ", b" " * LARGE):
            try:
                outcomes.append(read(body + end))
            except InvalidRequest:
                outcomes.append(None)
        small, large = outcomes
        assert small == large


@given(bodies)
def test_large_bodies_of_odd_parts_mean_the_same(body: bytes) -> None:
    """Whatever keys, values, blanks and ends come together."""
    check(body)


@pytest.mark.parametrize("value", CORPUS, ids=lambda value: ascii(value[:20]))
def test_each_odd_value_in_a_large_body_means_the_same(value: bytes) -> None:
    """Alone, as a member, deep in one, and as an item."""
    check(value)
    check(b'{"a":%s,"b":1}' % value)
    check(b'{"a":[{"b":%s}],"b":1}' % value)
    check(b'{"a":[%s' % value)
    check(b'[%s, [{"a":%s}] , 1]' % (value, value))


@given(st.binary(max_size=40))
def test_any_bytes_in_a_large_body_mean_the_same(junk: bytes) -> None:
    """As a body, in a string, between values."""
    check(junk)
    check(b'{"a":["%s"]}' % junk)
    check(b'[["\\ud800%s"],[1]%s,2]' % (junk, junk))


@given(json_values, st.data())
def test_a_changed_byte_in_a_large_body_means_the_same(value: object, data: st.DataObject) -> None:
    """One byte replaced by any other, anywhere."""
    body = b'{"a":%s,"b":[{}]}' % orjson.dumps([value])
    at = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.integers(0, 255))
    check(body[:at] + bytes([byte]) + body[at + 1 :])
