"""Shapes and times on their own (contract §1.10)."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.core.errors import InvalidRequest
from trioworq.core.jobs import INT64_MAX
from trioworq.web.wire import read_order, show_time


@pytest.mark.parametrize(
    ("zone", "time_ms", "shown"),
    [
        ("UTC", 0, "1970-01-01T00:00:00Z"),
        ("UTC", 1795334717087, "2026-11-22T08:05:17.087Z"),
        ("UTC", 1795334717330, "2026-11-22T08:05:17.33Z"),
        ("UTC", 1795334717300, "2026-11-22T08:05:17.3Z"),
        ("UTC", 1795334710000, "2026-11-22T08:05:10Z"),
        ("UTC", 1795334400000, "2026-11-22T08:00:00Z"),
        ("JST-9", 1795334717330, "2026-11-22T17:05:17.33+09:00"),
        ("NST3:30", 1795334710000, "2026-11-22T04:35:10-03:30"),
        ("UTC", INT64_MAX, "9999-12-31T00:00:00Z"),
        ("XXX-14", INT64_MAX, "9999-12-31T14:00:00+14:00"),
    ],
)
def test_times_are_shown_in_the_local_zone(
    in_zone: Callable[[str], None], zone: str, time_ms: int, shown: str
) -> None:
    """Zeros at the end of the fraction are left out; UTC is `Z`; the far future is its last day."""
    in_zone(zone)
    assert show_time(time_ms) == shown


@given(st.binary(max_size=200))
def test_any_body_is_an_order_or_refused(body: bytes) -> None:
    """A push that is read has a URL, and bytes for its worker."""
    try:
        order = read_order("c", body)
    except InvalidRequest:
        return
    assert order.url


@given(st.text(max_size=50), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_an_order_is_what_was_written(url: str, timeout_s: int, retry_delay_s: int) -> None:
    """Reading a push gives what its sender meant."""
    text = json.dumps({"url": f"u{url}", "timeout": timeout_s, "retry_delay": retry_delay_s})
    order = read_order("c", text.encode())
    assert (order.url, order.timeout_s, order.retry_delay_s) == (f"u{url}", timeout_s, retry_delay_s)
