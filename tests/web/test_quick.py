"""The quick reader of pushes: it takes what is usual, and for the same as the lenient reader does."""

import time
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.web.odd_bodies import CORPUS, bodies, values
from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import Order
from trioworq.web.lenient import read_items, read_object
from trioworq.web.quick import ItemsReader, read_job
from trioworq.web.wire import order_of, read_order


def outcome(category: str, body: bytes, *, is_lenient: bool) -> Order | str:
    """Return what a push is read as, or the words in which it is refused."""
    try:
        return order_of(category, read_object(body)) if is_lenient else read_order(category, body)
    except InvalidRequest as error:
        return str(error)


def check(body: bytes) -> None:
    """A body means the same whichever way it is read."""
    fields = read_job(body)
    assert fields is None or fields == read_object(body)
    assert outcome("c", body, is_lenient=False) == outcome("c", body, is_lenient=True)


@given(bodies)
@example(b'{"url":"u","url":null}')
@example(b'{"payload":1,"payload":null}')
@example(b'{"url":5,"url":"u"}')
def test_bodies_of_odd_parts_mean_the_same(body: bytes) -> None:
    """Whatever keys, values, blanks and ends come together, quick and lenient reading agree to the letter."""
    check(body)


@pytest.mark.parametrize("value", CORPUS, ids=lambda value: ascii(value[:20]))
def test_each_odd_value_means_the_same(value: bytes) -> None:
    """As a URL, a payload, deep in a payload, and as a number of either kind."""
    check(b'{"url":%s}' % value)
    check(b'{"url":"u","timeout":%s}' % value)
    check(b'{"url":"u","priority":%s}' % value)
    check(b'{"url":"u","payload":%s}' % value)
    check(b'{"url":"u","payload":[{"a":%s}],"timeout":1}' % value)
    check(b'{"url":"u","payload":1,"payload":%s}' % value)


@given(st.binary(max_size=40))
def test_any_bytes_mean_the_same(junk: bytes) -> None:
    """As a body, in a string and as a payload."""
    check(junk)
    check(b'{"url":"%s"}' % junk)
    check(b'{"url":"u","payload":%s}' % junk)
    check(b'{"url":"u","payload":["%s"]}' % junk)


@given(bodies, st.data())
def test_a_changed_byte_means_the_same(body: bytes, data: st.DataObject) -> None:
    """One byte replaced by any other, anywhere."""
    at = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.integers(0, 255))
    check(body[:at] + bytes([byte]) + body[at + 1 :])


@pytest.mark.parametrize(
    "body",
    [
        b'{"url":"http://127.0.0.1:3000/work","payload":{"n":1}}',
        b'{"url": "http://w/", "payload": "\\u00e9", "max_retries": 3, "retry_delay": 10, "timeout": 5}\n',
        b'{\n "url": "http://w/\xe3\x81\x82",\n "payload": [1.0, null, "\\ud83d\\ude00"],\n "run_after": 6}',
        b'{"category":"mail","url":"u","priority":-5}',
        b"{}",
        b'{"payload":["' + b"x" * 1_000_000 + b'"],"url":"u"}',
    ],
    ids=["dense", "spaced", "indented", "in a batch", "empty", "large"],
)
def test_usual_bodies_are_read_quickly(body: bytes) -> None:
    """What clients really send is not left to the lenient reader."""
    assert read_job(body) == read_object(body)


def test_a_thousand_equal_keys_are_left_to_the_lenient_reader() -> None:
    """It counts them and refuses more."""
    check(b'{"url":"u"' + b',"url":"u"' * 999 + b"}")
    check(b'{"url":"u"' + b',"url":"u"' * 1000 + b"}")
    assert read_job(b'{"url":"u"' + b',"url":"u"' * 1000 + b"}") is None


def test_a_payload_of_millions_of_values_is_read_without_making_them() -> None:
    """Sixteen megabytes of tiny arrays hold the loop for a moment, not for a second."""
    body = b'{"url":"u","payload":[' + b"[]," * 5_500_000 + b"1]}"
    started_at = time.process_time()
    order = read_order("c", body)
    spent_s = time.process_time() - started_at
    assert len(order.payload.body) == len(body) - len(b'{"url":"u","payload":}')
    assert spent_s < 0.25


@given(
    st.sampled_from([b"[", b"[", b"[", b" [ ", b"", b"\xef\xbb\xbf[", b"[["]),
    st.lists(values | bodies, max_size=4),
    st.sampled_from([b",", b",", b" , ", b",,"]),
    st.sampled_from([b"]", b"]", b"]", b" ]\n", b"] x", b",]", b"", b"]]", b"}"]),
)
def test_arrays_of_odd_parts_have_the_same_items(
    start: bytes, parts: list[bytes], comma: bytes, end: bytes
) -> None:
    """What the quick reader takes as an array is one to the lenient reader, of the same items."""
    body = start + comma.join(parts) + end
    items = ItemsReader(3).read(body)
    assert items is None or [bytes(item) for item in items] == read_items(body, 3)


def test_usual_arrays_are_read_quickly() -> None:
    """Up to the limit, and no farther."""
    reader = ItemsReader(2)
    assert reader.read(b"[]") == []
    assert [bytes(item) for item in reader.read(b'[ {"url": "u"} ,\n{} ]\n') or ()] == [
        b'{"url": "u"}',
        b"{}",
    ]
    assert reader.read(b"[1,2,3]") is None


def test_millions_of_items_are_refused_without_making_them() -> None:
    """Reading ends where the limit does."""
    body = b"[" + b"1," * 8_000_000 + b"1]"
    reader = ItemsReader(1000)
    tracemalloc.start()
    try:
        assert reader.read(body) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
