"""Where clients come in, and what the operator is to know of who can."""

import os
import socket
import ssl
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import ip_address

from attrs import define, field

from trioworq.config import Config
from trioworq.web.edge import show_address
from trioworq.web.following import Followed
from trioworq.web.guard import Guard
from trioworq.web.tls import make_context
from trioworq.web.tokens import Tokens, read_tokens

_AnyFollowed = Followed[ssl.SSLContext | None] | Followed[Tokens]


@define(eq=False)
class Door:
    """Bound sockets, what TLS goes by (None in the clear), and who may use what.

    `followed` are the files behind these, for those that have any. What they hold when they change counts
    from the next connection or request on.
    """

    sockets: Sequence[socket.socket]
    tls: ssl.SSLContext | None = None
    guard: Guard = field(factory=Guard)
    followed: list[_AnyFollowed] = field(factory=list)

    def places(self) -> list[str]:
        """Return where clients find it, to be shown to people."""
        scheme = "http" if self.tls is None else "https"
        return [_show_place(bound, scheme) for bound in self.sockets]

    def use_tls(self, tls: ssl.SSLContext | None) -> None:
        """Have new connections go by another certificate."""
        self.tls = tls


def open_door(config: Config, sockets: Sequence[socket.socket]) -> Door:
    """Read what the options name. Raises ConfigError."""
    door = Door(sockets)
    if config.tls_certificate or config.tls_key:
        paths = (config.tls_certificate, config.tls_key)
        read = partial(make_context, config)
        door.followed.append(Followed("tls_certificate, tls_key", paths, read, door.use_tls))
    if config.api_tokens_file:
        path = config.api_tokens_file
        door.followed.append(Followed("api_tokens_file", (path,), partial(read_tokens, path), door.guard.use))
    return door


def exposures(config: Config, door: Door) -> Iterator[str]:
    """Say what is open to whom it may not be meant for."""
    far = [_name(bound) for bound in door.sockets if not _is_local(bound)]
    if far and door.guard.tokens is None:
        yield (
            f"anybody who can reach {', '.join(far)} may use everything: set api_tokens_file, or bind to a "
            "loopback address"
        )
    elif far and door.tls is None:
        yield (
            f"API tokens come to {', '.join(far)} in the clear: set tls_certificate and tls_key, or put a "
            "proxy that speaks TLS in front"
        )
    if config.api_tokens_file and _others_may_write(config.api_tokens_file):
        yield (
            f"api_tokens_file: others than its owner may write to {config.api_tokens_file}, and so let "
            "themselves in: take that right away"
        )


def _others_may_write(path: str) -> bool:
    # Who may only read it learns hashes, from which no token follows.
    with suppress(OSError):
        return bool(os.stat(path).st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return False


def _is_local(bound: socket.socket) -> bool:
    """Whether only this machine can reach a socket."""
    if bound.family not in (socket.AF_INET, socket.AF_INET6):
        return True
    # What follows a % is the interface.
    address = ip_address(bound.getsockname()[0].partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _show_place(bound: socket.socket, scheme: str) -> str:
    if bound.family != socket.AF_UNIX:
        return f"{scheme}://{_name(bound)}"
    # One without a file has a name that begins with a NUL.
    path = os.fsdecode(bound.getsockname()).replace("\0", "@", 1)
    return f"unix:{path}"


def _name(bound: socket.socket) -> str:
    return show_address(bound.getsockname()[:2])
