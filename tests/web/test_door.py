"""Where clients come in: what is read for it, and what the operator is told of it."""

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trioworq.config import Config, ConfigError
from trioworq.web.door import exposures, open_door
from trioworq.web.messages import Scope
from trioworq.web.sockets import bind_sockets
from trioworq.web.tokens import new_token

TOKEN, LINE = new_token("shop", "push")

Bind = Callable[[str], socket.socket]


@pytest.fixture
def bind() -> Iterator[Bind]:
    """Bind sockets that are closed at the end."""
    bound: list[socket.socket] = []

    def bind(address: str) -> socket.socket:
        if ":" in address:
            bound.extend(bind_sockets(address))
        else:
            bound.append(socket.socket(socket.AF_UNIX))
            bound[-1].bind(address)
        return bound[-1]

    yield bind
    for each in bound:
        each.close()


@pytest.fixture
def tokens(tmp_path: Path) -> Config:
    """The option that names a file with a token."""
    path = tmp_path / "tokens"
    path.write_text(LINE)
    path.chmod(0o644)
    return Config(api_tokens_file=str(path))


def told(config: Config, *bound: socket.socket) -> list[str]:
    """Return what the operator is told."""
    return list(exposures(config, open_door(config, bound)))


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.9.9.9:0", "[::1]:0", "localhost:0"])
def test_a_loopback_address_needs_no_tokens(bind: Bind, address: str) -> None:
    """Only this machine can reach it."""
    assert told(Config(), bind(address)) == []


def test_a_unix_socket_needs_no_tokens(bind: Bind, tmp_path: Path, tokens: Config) -> None:
    """Nor TLS; who may reach it the rights of its file say."""
    local = bind(str(tmp_path / "socket"))
    assert told(Config(), local) == []
    assert told(tokens, local) == []


@pytest.mark.parametrize("address", ["0.0.0.0:0", ":0", "[::]:0"])
def test_any_other_address_without_tokens_is_worth_a_warning(bind: Bind, address: str) -> None:
    """One line names the address and says what to do; local ones beside it are not named."""
    far, near = bind(address), bind("127.0.0.1:0")
    [line] = told(Config(), near, far)
    assert line.startswith("anybody who can reach ")
    assert str(far.getsockname()[1]) in line
    assert str(near.getsockname()[1]) not in line
    assert "set api_tokens_file, or bind to a loopback address" in line


def test_an_ipv4_loopback_address_on_an_ipv6_socket_is_one(bind: Bind) -> None:
    """As IPv6 writes it."""
    with socket.socket(socket.AF_INET6) as bound:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(("::ffff:127.0.0.1", 0))
        assert told(Config(), bound) == []


def test_tokens_in_the_clear_are_worth_a_warning(bind: Bind, tokens: Config) -> None:
    """Where others than this machine may listen to them."""
    [line] = told(tokens, bind("0.0.0.0:0"))
    assert line.startswith("API tokens come to 0.0.0.0:")
    assert "in the clear" in line
    assert told(tokens, bind("127.0.0.1:0")) == []


def test_tokens_over_tls_are_as_they_should_be(bind: Bind, tokens: Config) -> None:
    """Nothing is said."""
    door = open_door(tokens, [bind("0.0.0.0:0")])
    door.use_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert list(exposures(tokens, door)) == []


@pytest.mark.parametrize(("mode", "is_told"), [(0o600, False), (0o644, False), (0o660, True), (0o646, True)])
def test_a_file_that_others_may_write_to_is_worth_a_warning(
    bind: Bind, tokens: Config, mode: int, is_told: bool
) -> None:
    """They could add a token of their own; who reads it learns hashes, which open nothing."""
    os.chmod(tokens.api_tokens_file, mode)
    lines = told(tokens, bind("127.0.0.1:0"))
    assert [tokens.api_tokens_file in line for line in lines] == ([True] if is_told else [])


def test_a_door_has_the_tokens_of_the_file(tokens: Config) -> None:
    """And follows it."""
    door = open_door(tokens, ())
    assert door.guard.tokens is not None
    assert door.guard.tokens.scopes_of(TOKEN.encode()) == frozenset({Scope.PUSH})
    assert len(door.followed) == 1


def test_without_files_there_is_nothing_to_follow() -> None:
    """The door is open, and speaks in the clear."""
    door = open_door(Config(), ())
    assert (door.tls, door.guard.tokens, door.followed) == (None, None, [])


def test_a_file_that_cannot_be_used_is_refused(tokens: Config) -> None:
    """Better no daemon than an open one."""
    Path(tokens.api_tokens_file).write_text("")
    with pytest.raises(ConfigError):
        open_door(tokens, ())
