"""What both lanes say of a client."""

import pytest

from trioworq.web.edge import show_address


@pytest.mark.parametrize(
    ("client", "shown"),
    [(("127.0.0.1", 80), "127.0.0.1:80"), (("::1", 80), "[::1]:80"), (None, "")],
)
def test_an_address_is_shown_with_its_port(client: tuple[str, int] | None, shown: str) -> None:
    """One of IPv6 stands in brackets; a client that had gone before it was looked at has none."""
    assert show_address(client) == shown
