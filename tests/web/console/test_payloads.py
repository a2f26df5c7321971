"""What a page shows of a payload."""

import pytest

from trioworq.core.jobs import NO_PAYLOAD, Payload, PayloadForm
from trioworq.web.console.job.payloads import SHOWN_BYTES, SHOWN_HEX_BYTES, read_payload


def test_json_is_shown_on_lines() -> None:
    """Its numbers are as they were sent."""
    reading = read_payload(Payload(PayloadForm.JSON, b'{"n":123456789012345678901234567890,"f":1.10}'))
    assert reading.form == "JSON"
    assert reading.text == '{\n  "n": 123456789012345678901234567890,\n  "f": 1.10\n}'
    assert not reading.is_cut


@pytest.mark.parametrize("body", [b"plain", b'"quoted"', b"12", b"{not json", b"[1] [2]", b"[1,]"])
def test_text_is_shown_as_it_is(body: bytes) -> None:
    """Unless an array or object of JSON is all that it is."""
    reading = read_payload(Payload(PayloadForm.TEXT, body))
    assert (reading.form, reading.text) == ("text", body.decode())


def test_json_within_a_text_is_shown_on_lines() -> None:
    """As many clients send it."""
    reading = read_payload(Payload(PayloadForm.TEXT, b' {"a":1}'))
    assert reading.text == '{\n  "a": 1\n}'
    assert reading.form == "text with JSON in it"


def test_bytes_are_shown_in_hexadecimal_digits() -> None:
    """Sixteen a line, with what can be read of them beside."""
    reading = read_payload(Payload(PayloadForm.JSON, b'{"a":"\xff\x00 and more"}'))
    assert reading.form == "bytes"
    assert reading.text.splitlines() == [
        '00000000  7b 22 61 22 3a 22 ff 00 20 61 6e 64 20 6d 6f 72  {"a":".. and mor',
        '00000010  65 22 7d                                         e"}',
    ]


def test_of_much_the_beginning_is_shown() -> None:
    """A character is not cut in two."""
    body = "€".encode() * SHOWN_BYTES
    reading = read_payload(Payload(PayloadForm.TEXT, body))
    assert reading.text == "€" * (SHOWN_BYTES // 3)
    assert (reading.size, reading.shown_size, reading.is_cut) == (len(body), SHOWN_BYTES, True)


def test_of_many_bytes_less_is_shown() -> None:
    """As each takes more room."""
    reading = read_payload(Payload(PayloadForm.TEXT, b"\xff" * SHOWN_BYTES))
    assert (reading.shown_size, reading.is_cut) == (SHOWN_HEX_BYTES, True)
    assert len(reading.text.splitlines()) == SHOWN_HEX_BYTES // 16


def test_bytes_at_the_end_count_too() -> None:
    """What is no text as a whole is not shown as one."""
    assert read_payload(Payload(PayloadForm.TEXT, b"a" * SHOWN_BYTES + b"\xff")).form == "bytes"


def test_no_payload_is_shown_as_none() -> None:
    """Of 0 bytes."""
    assert read_payload(NO_PAYLOAD).size == 0
