"""The sockets that the daemon listens on."""

import errno
import re
import socket
from typing import Any

from trioworq.config import ConfigError

BACKLOG = 1024

_ADDRESS = re.compile(r"(?P<host>.*):0*(?P<port>[0-9]{1,5})", re.DOTALL)
_MAX_PORT = 65_535


def bind_sockets(bind: str) -> list[socket.socket]:
    """Return listening sockets for `host:port`; an empty host is every address, port 0 any free one.

    A name is bound at one of its addresses, IPv4 if it has one. Raises ConfigError with a line that says
    what to do.
    """
    host, port = _split(bind)
    try:
        if not host and socket.has_dualstack_ipv6():
            return [_listen(socket.AF_INET6, ("::", port), dual=True)]
        found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)  # noqa: S104  # as asked
        family, _, _, _, address = min(found, key=lambda entry: entry[0] is not socket.AF_INET)
        return [_listen(family, address)]
    except socket.gaierror as error:
        raise ConfigError(f"bind: cannot find the address of {host}: {error.strerror}") from None
    except UnicodeError:
        raise ConfigError(
            f"bind: {host!r} cannot be the name of a host; name one of this machine's"
        ) from None
    except OSError as error:
        raise ConfigError(f"bind: cannot listen on {bind}: {_advice(error)}") from None


def _split(bind: str) -> tuple[str, int]:
    match = _ADDRESS.fullmatch(bind)
    if match is None or int(match["port"]) > _MAX_PORT:
        raise ConfigError(f"bind: {bind!r} should be an address and a port, like 127.0.0.1:8080")
    return match["host"].removeprefix("[").removesuffix("]"), int(match["port"])


def _listen(family: int, address: tuple[Any, ...], *, dual: bool = False) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def _advice(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is in use; stop what listens there or choose another"
        case errno.EACCES:
            return "not permitted; choose a port above 1023 or grant the right to bind it"
        case errno.EADDRNOTAVAIL:
            return "this machine does not have that address"
        case _:
            return error.strerror or str(error)
