"""Requests as endpoints see them."""

import pytest

from trioworq.web.messages import Headers


def test_a_header_is_found_whatever_its_case() -> None:
    """Names are of any case in HTTP/1, and small in HTTP/2."""
    headers = Headers([(b"Content-Type", b"text/plain"), (b"hx-request", b"true")])
    assert (headers["content-type"], headers["CONTENT-TYPE"], headers.get("HX-Request")) == (
        "text/plain", "text/plain", "true"
    )  # fmt: skip
    assert "Hx-Request" in headers
    assert list(headers) == ["content-type", "hx-request"]
    assert len(headers) == 2


def test_several_headers_of_a_name_are_one_list() -> None:
    """In their order (RFC 9110, §5.3)."""
    headers = Headers([(b"Accept", b"a"), (b"Host", b"x"), (b"ACCEPT", b"b, c")])
    assert headers["accept"] == "a, b, c"


def test_a_header_that_is_not_there_is_missing() -> None:
    """As from any mapping."""
    headers = Headers()
    assert headers.get("accept", "") == ""
    assert len(headers) == 0
    with pytest.raises(KeyError):
        _ = headers["accept"]


def test_any_bytes_are_a_header() -> None:
    """What is not ASCII is read as Latin-1, which every byte is."""
    assert Headers([(b"x", bytes(range(128, 256)))])["X"].encode("latin-1") == bytes(range(128, 256))
