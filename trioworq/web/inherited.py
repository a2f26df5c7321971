"""Listening sockets that another program has opened for this one.

Server::Starter names them in `SERVER_STARTER_PORT` (contract §1.19), systemd in `LISTEN_FDS`. What they
point to is shared with that program, and during a hot restart with the process before this one. So nothing
is set here that others would notice; that they do not block, once it is set where they are accepted from,
stays so for all, and a connection that another process was quicker to accept is then no more than an EAGAIN.
"""

import os
import re
import socket
from collections.abc import Iterable, MutableMapping
from contextlib import ExitStack

from trioworq.config import ConfigError

STARTER = "SERVER_STARTER_PORT"
SYSTEMD = "LISTEN_FDS"
SYSTEMD_PID = "LISTEN_PID"
SYSTEMD_NAMES = "LISTEN_FDNAMES"

_FIRST_OF_SYSTEMD = 3
_NUMBER = re.compile(r"[0-9]{1,9}")
_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


def take_sockets(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Return the sockets that `environ` names, none if it names none; the names are taken out of it.

    They are no longer inherited by other programs. `SERVER_STARTER_PORT` goes before `LISTEN_FDS`, which
    counts only when `LISTEN_PID` is this process. Raises ConfigError with one line.
    """
    started = environ.pop(STARTER, "")
    count, pid, _ = (environ.pop(name, "") for name in (SYSTEMD, SYSTEMD_PID, SYSTEMD_NAMES))
    if started:
        return _adopt(STARTER, _read_starter(started))
    if count and pid == str(os.getpid()):
        return _adopt(SYSTEMD, _read_systemd(count))
    return []


def _read_starter(text: str) -> list[int]:
    descriptors = []
    for part in text.split(";"):
        place, _, number = part.rpartition("=")
        if not place or not _NUMBER.fullmatch(number):
            raise ConfigError(
                f"{STARTER}: {part!r} should be a place and the number of its socket, like 127.0.0.1:8080=3"
            )
        descriptors.append(int(number))
    if len(set(descriptors)) < len(descriptors):
        raise ConfigError(f"{STARTER}: {text!r} names a socket twice; give each place its own")
    return descriptors


def _read_systemd(text: str) -> range:
    if not _NUMBER.fullmatch(text):
        raise ConfigError(f"{SYSTEMD}: {text!r} should be the number of sockets, like 1")
    return range(_FIRST_OF_SYSTEMD, _FIRST_OF_SYSTEMD + int(text))


def _adopt(source: str, descriptors: Iterable[int]) -> list[socket.socket]:
    with ExitStack() as closing:
        adopted = []
        for descriptor in descriptors:
            adopted.append(closing.enter_context(_open(source, descriptor)))
            _check(source, adopted[-1])
            os.set_inheritable(descriptor, False)
        closing.pop_all()
    return adopted


def _open(source: str, descriptor: int) -> socket.socket:
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        raise ConfigError(
            f"{source}: the file descriptor {descriptor} is no open socket; check what starts this program"
        ) from None


def _check(source: str, adopted: socket.socket) -> None:
    is_listening = adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not is_listening or adopted.type != socket.SOCK_STREAM or adopted.family not in _FAMILIES:
        raise ConfigError(
            f"{source}: the file descriptor {adopted.fileno()} is no listening stream socket; check what "
            "starts this program"
        )
