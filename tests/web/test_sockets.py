"""Where the daemon listens, and what is said where it cannot."""

import socket

import pytest

from trioworq.config import ConfigError
from trioworq.web.sockets import bind_sockets


@pytest.mark.parametrize(
    ("bind", "family"),
    [
        ("127.0.0.1:0", socket.AF_INET),
        ("localhost:0", socket.AF_INET),
        ("[::1]:0", socket.AF_INET6),
        (":0", socket.AF_INET6),
        ("0.0.0.0:0", socket.AF_INET),
    ],
)
def test_an_address_a_name_or_nothing_is_bound(bind: str, family: socket.AddressFamily) -> None:
    """A name takes its IPv4 address, an empty host takes every address of both kinds."""
    [bound] = bind_sockets(bind)
    with bound:
        assert bound.family == family
        host = "::1" if bind == "[::1]:0" else "127.0.0.1"
        socket.create_connection((host, bound.getsockname()[1]), timeout=5).close()


@pytest.mark.parametrize(
    "bind",
    [
        "",
        "8080",
        "host",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:65536",
        "127.0.0.1:0000065536",
        ":-1",
        "127.0.0.1:٣",
        "::" + "9" * 5000,
    ],
)
def test_what_is_no_address_is_refused(bind: str) -> None:
    """The line says what an address looks like."""
    with pytest.raises(ConfigError, match=r"should be an address and a port"):
        bind_sockets(bind)


def test_a_port_in_use_is_refused_in_one_line() -> None:
    """The line says what to do, and nothing is left open."""
    advice = "in use; stop what listens there or choose another"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match=advice) as caught:
        bind_sockets(f"127.0.0.1:{taken.getsockname()[1]}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("bind", "advice"),
    [
        ("192.0.2.1:0", "does not have that address"),
        ("no.such.host.invalid:1", "cannot find"),
        ("two..dots:1", "cannot be the name"),
        ("a" * 64 + ".example:1", "cannot be the name"),
        ("\udcff:1", "cannot be the name"),
    ],
)
def test_an_address_that_is_not_ours_is_refused(bind: str, advice: str) -> None:
    """So is a name that nobody knows."""
    with pytest.raises(ConfigError, match=advice):
        bind_sockets(bind)
